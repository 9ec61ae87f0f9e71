import Cardiology
import Tensors

/// Turns a picture of any size into what a vision tower was trained on, as the model family's processor in transformers
/// does with Pillow.
public protocol ImageProcessor: Sendable {
  /// Every setting that changes the pixels, in words; part of what a checkpoint is compared by.
  var settings: String { get }
  /// Width and height of every tile it makes.
  var tile: PixelSize { get }
  /// The layout of an image of a size.
  func geometry(of size: PixelSize) -> ImageGeometry
  /// The tiles of an image in the order of the input, as bytes.
  /// - Throws: `UserError` of kind badInput for an image so narrow that its resized form fits into no memory.
  func tiles(of image: RasterImage) throws -> [RasterImage]
  /// From bytes to the model's numbers.
  var scaling: PixelScaling { get }
  /// Where a point of an image of a size lies in the tile that shows the whole image.
  func placement(of size: PixelSize) -> ImagePlacement
}

extension ImageProcessor {
  /// The model's input for an image. - Complexity: O(pixels of image and tiles).
  /// - Throws: as `tiles(of:)`.
  public func process(_ image: RasterImage) throws -> ProcessedImage {
    ProcessedImage(
      pixels: scaling.pixels(of: try tiles(of: image)),
      geometry: geometry(of: PixelSize(width: image.width, height: image.height)))
  }
}

/// Where an image lies in a tile: the point (x, y) at (x0 + x scaleX, y0 + y scaleY).
public struct ImagePlacement: Sendable, Equatable {
  public var x0 = 0.0
  public var y0 = 0.0
  public var scaleX = 1.0
  public var scaleY = 1.0

  /// A box of the image as it lies in the tile.
  public func place(_ box: LeadBox) -> LeadBox {
    box.moved(x0: x0, y0: y0, scaleX: scaleX, scaleY: scaleY)
  }
}

/// The size that an image is brought to (`size` of preprocessor_config.json).
public enum TargetSize: Sendable, Equatable {
  /// The longer side becomes this; the aspect stays.
  case longestEdge(Int)
  /// The shorter side becomes this; the aspect stays.
  case shortestEdge(Int)
  /// Exactly this; the aspect is lost.
  case exact(PixelSize)

  var text: String {
    switch self {
    case .longestEdge(let side): "longest edge \(side)"
    case .shortestEdge(let side): "shortest edge \(side)"
    case .exact(let size): "\(size.width) x \(size.height)"
    }
  }
}
