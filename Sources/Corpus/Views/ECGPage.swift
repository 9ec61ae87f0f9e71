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

/// A page of ECG paper through the model's own image processor, for processors that make one square tile of it.
public struct ECGPageView: ECGView {
  public let page: ECGPage
  public let processor: any ImageProcessor

  /// - Throws: `UserError` of kind usage where the processor cuts the page into several tiles, or they are no squares.
  public init(page: ECGPage = ECGPage(), processor: any ImageProcessor) throws {
    let tiles = processor.geometry(of: page.size).tiles
    guard tiles == 1, processor.tile.width == processor.tile.height else {
      throw UserError(
        .usage,
        "the image processor makes \(tiles) tiles of \(processor.tile.width) x \(processor.tile.height) pixels of a page; "
          + "this view shows one square",
        remedy: "switch do_image_splitting off, or train on conversations, whose images may have several tiles")
    }
    self.page = page
    self.processor = processor
  }

  public var imageSize: Int { processor.tile.width }

  public var settings: String { "page view, \(page.size.width) x \(page.size.height), \(processor.settings)" }

  /// The boxes of the page where the tile shows them.
  public var leadBoxes: [LeadBox]? { page.leadBoxes.map(processor.placement(of: page.size).place) }

  public func pixelValues(of record: ECGRecord) throws -> [Float] { try page.process(record, with: processor).pixels }
}
