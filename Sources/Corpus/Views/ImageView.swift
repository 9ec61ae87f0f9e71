import Cardiology
import Tensors

/// The recording as an image of ECG paper, drawn at the model's input size.
///
/// Pixels are channel-first, shape [3, imageSize, imageSize], scaled by `scaling`.
public struct ImageView: ECGView {
  public let imageSize: Int
  public let scaling: PixelScaling
  private let renderer: ECGRenderer

  public init(imageSize: Int, scaling: PixelScaling, renderer: ECGRenderer = ECGRenderer()) {
    precondition(imageSize > 0, "an image has pixels")
    self.imageSize = imageSize
    self.scaling = scaling
    self.renderer = renderer
  }

  /// Checkpoints and teacher stores compare these words; those of models made before there was another scaling name none.
  public var settings: String {
    "image view, image \(imageSize)" + (scaling == PixelScaling(normalisation: .idefics3) ? "" : ", \(scaling)")
  }

  public var leadBoxes: [LeadBox]? { renderer.leadBoxes(width: imageSize, height: imageSize) }

  public func pixelValues(of record: ECGRecord) throws -> [Float] {
    scaling.pixels(of: [try renderer.render(record, width: imageSize, height: imageSize)])
  }
}
