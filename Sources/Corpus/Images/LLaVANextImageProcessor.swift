import Cardiology
import Tensors

/// The image processor of LLaVA-NeXT (LLaVA 1.6): the whole image as one tile, then its tiles at the resolution of a list
/// that suits it best (`anyres`).
///
/// `TileGrid` chooses the resolution. The image is resized to fit into it, laid onto the middle of black, and cut into square tiles row by row.
/// Source: `LlavaNextImageProcessorPil` of transformers 5.23.
public struct LLaVANextImageProcessor: ImageProcessor {
  /// The sizes an image may be brought to, `image_grid_pinpoints`.
  let grid: TileGrid
  let each: LLaVAImageProcessor
  /// Size of the whole image's tile before `each` takes it.
  private let base: PixelSize
  private let side: Int

  /// - Parameter each: what is done with every tile.
  /// - Throws: `UserError` of kind badInput without resolutions, or where one is not made of whole tiles.
  public init(grid: TileGrid, each: LLaVAImageProcessor) throws {
    guard !grid.resolutions.isEmpty else {
      throw UserError(
        .badInput, "the LLaVA-NeXT image processor has no image_grid_pinpoints",
        remedy: "give the list of resolutions, as in [[336, 672], [672, 336], [672, 672]]")
    }
    self.grid = grid
    self.each = each
    switch each.size {
    case .exact(let size): base = size
    case .shortestEdge(let side): base = PixelSize(width: side, height: side)
    case .longestEdge, nil: base = each.tile
    }
    side = each.isCropped ? each.tile.height : base.height
    if let torn = grid.resolutions.first(where: { $0.width % side != 0 || $0.height % side != 0 }) {
      throw UserError(
        .badInput,
        "image_grid_pinpoints: \(torn.height) x \(torn.width) (height x width) cannot be cut into tiles of \(side)",
        remedy: "give multiples of the tile's side; the model has no place for parts of tiles")
    }
  }

  public var tile: PixelSize { each.tile }
  public var scaling: PixelScaling { each.scaling }

  public var settings: String {
    "LLaVA-NeXT processor, resolutions \(grid.resolutions.map { "\($0.width) x \($0.height)" }.joined(separator: " ")), "
      + each.settings
  }

  public func geometry(of original: PixelSize) -> ImageGeometry {
    let best = bestResolution(for: original)
    return ImageGeometry(
      original: original, tile: tile, rows: best.height / side, columns: best.width / side)
  }

  public func tiles(of image: RasterImage) throws -> [RasterImage] {
    let size = PixelSize(width: image.width, height: image.height)
    let best = bestResolution(for: size)
    let fit = Self.fitting(size, into: best)
    let page = image.resized(width: fit.width, height: fit.height, filter: each.filter).placed(
      atX: (best.width - fit.width) / 2, y: (best.height - fit.height) / 2, width: best.width, height: best.height)
    let whole = image.resized(width: base.width, height: base.height, filter: each.filter)
    return try ([whole] + page.tiles(width: side, height: side)).map(each.fitted)
  }

  public func placement(of size: PixelSize) -> ImagePlacement {
    let inner = each.placement(of: base)
    let (x, y) = (Double(base.width) / Double(size.width), Double(base.height) / Double(size.height))
    return ImagePlacement(x0: inner.x0, y0: inner.y0, scaleX: x * inner.scaleX, scaleY: y * inner.scaleY)
  }

  /// The resolution an image of a size is brought to; the first where none shows a pixel of it.
  public func bestResolution(for image: PixelSize) -> PixelSize {
    let best = grid.resolution(for: ImageSize(height: image.height, width: image.width))
    return PixelSize(width: best.width, height: best.height)
  }

  /// The size of an image brought into another as large as it goes.
  private static func fitting(_ image: PixelSize, into target: PixelSize) -> PixelSize {
    let scaleX = Double(target.width) / Double(image.width)
    let scaleY = Double(target.height) / Double(image.height)
    func up(_ length: Double, _ limit: Int) -> Int { min(Int(length.rounded(.up)), limit) }
    return scaleX < scaleY
      ? PixelSize(width: target.width, height: up(Double(image.height) * scaleX, target.height))
      : PixelSize(width: up(Double(image.width) * scaleY, target.width), height: target.height)
  }
}
