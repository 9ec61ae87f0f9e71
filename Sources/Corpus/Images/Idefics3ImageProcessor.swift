import Cardiology
import Tensors

/// The image processor of Idefics3 and SmolVLM.
///
/// The image is resized so that its longer side is `size` (the other one made even, both at most 4096). With splitting,
/// both sides are then brought up to multiples of M = `tileSide`; an image larger than one tile is cut into M x M tiles
/// row by row, and the whole image at M x M follows as the last tile. Without splitting the whole image at M x M is all.
/// Source: `Idefics3ImageProcessorPil` of transformers 5.23; `SmolVLMImageProcessorPil` is the same.
public struct Idefics3ImageProcessor: ImageProcessor {
  /// Nil where the image is not resized before it is split.
  public let size: TargetSize?
  /// M, `max_image_size.longest_edge`.
  public let tileSide: Int
  public let isSplitting: Bool
  public let filter: ResamplingFilter
  public let scaling: PixelScaling

  /// Longest side after the first resize, whatever `size` says.
  static let longestSide = 4096

  /// - Throws: `UserError` of kind badInput for a size by the shortest edge, which this processor does not know.
  public init(
    size: TargetSize?, tileSide: Int, isSplitting: Bool = true, filter: ResamplingFilter = .lanczos,
    scaling: PixelScaling
  ) throws {
    precondition(tileSide > 0, "a tile has pixels")
    if case .shortestEdge = size {
      throw UserError(
        .badInput, "the Idefics3 image processor has no size by the shortest edge",
        remedy: "give size.longest_edge, or size.height and size.width")
    }
    self.size = size
    self.tileSide = tileSide
    self.isSplitting = isSplitting
    self.filter = filter
    self.scaling = scaling
  }

  public var tile: PixelSize { PixelSize(width: tileSide, height: tileSide) }

  public var settings: String {
    "Idefics3 processor, \(size?.text ?? "not resized"), tile \(tileSide), \(isSplitting ? "split" : "whole"), "
      + "\(filter), \(scaling)"
  }

  public func geometry(of original: PixelSize) -> ImageGeometry {
    let grid = isSplitting ? self.grid(resized(original)) : tile
    let isCut = grid.width > tileSide || grid.height > tileSide
    return ImageGeometry(
      original: original, tile: tile, rows: isCut ? grid.height / tileSide : 0,
      columns: isCut ? grid.width / tileSide : 0)
  }

  public func tiles(of image: RasterImage) throws -> [RasterImage] {
    func resize(_ image: RasterImage, _ size: PixelSize) throws -> RasterImage {
      let size = try size.reachable(from: PixelSize(width: image.width, height: image.height))
      return image.resized(width: size.width, height: size.height, filter: filter)
    }
    let first = try resize(image, resized(PixelSize(width: image.width, height: image.height)))
    guard isSplitting else { return [try resize(first, tile)] }
    let whole = try resize(first, grid(PixelSize(width: first.width, height: first.height)))
    let isCut = whole.width > tileSide || whole.height > tileSide
    return try isCut ? whole.tiles(width: tileSide, height: tileSide) + [resize(whole, tile)] : [whole]
  }

  public func placement(of size: PixelSize) -> ImagePlacement {
    ImagePlacement(
      scaleX: Double(tileSide) / Double(size.width), scaleY: Double(tileSide) / Double(size.height))
  }

  /// The size after the first resize.
  func resized(_ image: PixelSize) -> PixelSize {
    switch size {
    case .longestEdge(let side): Self.below(Self.longest(image, side))
    case .exact(let size): size
    case .shortestEdge, nil: image
    }
  }

  /// The longer side becomes `side`; the other is made even by adding 1.
  private static func longest(_ image: PixelSize, _ side: Int) -> PixelSize {
    let aspect = Double(image.width) / Double(image.height)
    func even(_ length: Double) -> Int { max(1, Int(length) + Int(length) % 2) }
    return image.width >= image.height
      ? PixelSize(width: side, height: even(Double(side) / aspect))
      : PixelSize(width: even(Double(side) * aspect), height: side)
  }

  private static func below(_ image: PixelSize) -> PixelSize {
    let aspect = Double(image.width) / Double(image.height)
    if image.width >= image.height, image.width > longestSide {
      return PixelSize(width: longestSide, height: max(1, Int(Double(longestSide) / aspect)))
    }
    if image.height > image.width, image.height > longestSide {
      return PixelSize(width: max(1, Int(Double(longestSide) * aspect)), height: longestSide)
    }
    return image
  }

  /// Both sides brought up to multiples of the tile, the longer one first.
  private func grid(_ image: PixelSize) -> PixelSize {
    func up(_ length: Int) -> Int { (length + tileSide - 1) / tileSide * tileSide }
    let aspect = Double(image.width) / Double(image.height)
    if image.width >= image.height {
      let width = up(image.width)
      return PixelSize(width: width, height: max(tileSide, up(Int(Double(width) / aspect))))
    }
    let height = up(image.height)
    return PixelSize(width: max(tileSide, up(Int(Double(height) * aspect))), height: height)
  }
}
