import Cardiology
import Tensors

/// A page of ECG paper in memory: what a scanner or a PDF would give of a recording.
///
/// A processor then brings it to a model's input as it does with any picture; no file lies in between.
public struct ECGPage: Sendable {
  public let size: PixelSize
  private let renderer: ECGRenderer

  /// - Parameter size: the standard is that of ecg-image-kit, 11 x 8.5 inches at 200 dots an inch, whose pictures
  ///   vision-language models for ECG are trained on.
  public init(size: PixelSize = PixelSize(width: 2200, height: 1700), renderer: ECGRenderer = ECGRenderer()) {
    self.size = size
    self.renderer = renderer
  }

  /// The page with a recording on it. - Throws: `UserError` where a lead is missing or the size cannot be drawn.
  public func image(of record: ECGRecord) throws -> RasterImage {
    try renderer.render(record, width: size.width, height: size.height)
  }

  /// The page as a model is given it: one tile or several, as the processor has it.
  public func process(_ record: ECGRecord, with processor: any ImageProcessor) throws -> ProcessedImage {
    try processor.process(image(of: record))
  }

  /// Where each lead lies on the page, in pixels.
  var leadBoxes: [LeadBox] { renderer.leadBoxes(width: size.width, height: size.height) }
}

/// A page of ECG paper through the model's own image processor: one tile or several.
public struct ECGPageView: ECGView {
  public let page: ECGPage
  public let processor: any ImageProcessor

  /// - Precondition: the processor's tiles are squares.
  public init(page: ECGPage = ECGPage(), processor: any ImageProcessor) {
    precondition(processor.tile.width == processor.tile.height, "square tiles")
    self.page = page
    self.processor = processor
  }

  public var imageSize: Int { processor.tile.width }

  public var geometry: ImageGeometry { processor.geometry(of: page.size) }

  public var settings: String { "page view, \(page.size.width) x \(page.size.height), \(processor.settings)" }

  /// The boxes of the page where its one tile shows them; nil where the page is cut into several.
  public var leadBoxes: [LeadBox]? {
    geometry.tiles == 1 ? page.leadBoxes.map(processor.placement(of: page.size).place) : nil
  }

  public func pixelValues(of record: ECGRecord) throws -> [Float] { try page.process(record, with: processor).pixels }
}
