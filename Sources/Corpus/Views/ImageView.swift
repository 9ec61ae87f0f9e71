import Cardiology
import Tensors

/// The recording as an image of ECG paper, drawn at the model's input size.
///
/// Pixels are (x / 255 - 0.5) / 0.5, channel-first, in -1 ... 1: the normalisation of the Idefics3 image processor.
public struct ImageView: ECGView {
  public let imageSize: Int
  private let renderer: ECGRenderer

  public init(imageSize: Int, renderer: ECGRenderer = ECGRenderer()) {
    precondition(imageSize > 0, "an image has pixels")
    self.imageSize = imageSize
    self.renderer = renderer
  }

  public var settings: String { "image view, image \(imageSize)" }

  public var leadBoxes: [LeadBox]? { renderer.leadBoxes(width: imageSize, height: imageSize) }

  public func pixelValues(of record: ECGRecord) throws -> [Float] {
    let image = try renderer.render(record, width: imageSize, height: imageSize)
    return Self.pixelValues(of: image)
  }

  /// Channel-first pixels in -1 ... 1, shape [3, height, width].
  public static func pixelValues(of image: RasterImage) -> [Float] {
    let area = image.width * image.height
    let scaled = (0...255).map { (Float($0) / 255 - 0.5) / 0.5 }
    var pixels = [Float](repeating: 0, count: 3 * area)
    for channel in 0..<3 {
      for place in 0..<area { pixels[channel * area + place] = scaled[Int(image.pixels[3 * place + channel])] }
    }
    return pixels
  }
}
