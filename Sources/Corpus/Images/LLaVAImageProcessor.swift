import Cardiology
import Tensors

/// CLIP's image processor as LLaVA 1.5 uses it: one tile, the middle of the image.
///
/// The image is resized (by default so that its shorter side is the tile's), its middle cut out. With `isPadded` it is
/// first made a square on the mean colour, so that nothing is cut off (`image_aspect_ratio` "pad" of LLaVA's own code).
/// Source: `CLIPImageProcessorPil` and `LlavaImageProcessorPil` of transformers 5.23.
public struct LLaVAImageProcessor: ImageProcessor {
  /// Nil where the image is not resized.
  public let size: TargetSize?
  public let tile: PixelSize
  /// Whether the middle is cut out; else the resize alone must give the tile.
  public let isCropped: Bool
  public let isPadded: Bool
  public let filter: ResamplingFilter
  public let scaling: PixelScaling

  /// - Throws: `UserError` of kind badInput for settings under which images would not all have the tile's size.
  public init(
    size: TargetSize?, crop: PixelSize?, isPadded: Bool = false, filter: ResamplingFilter = .bicubic,
    scaling: PixelScaling
  ) throws {
    self.size = size
    self.isPadded = isPadded
    self.filter = filter
    self.scaling = scaling
    isCropped = crop != nil
    switch (crop, size) {
    case (let crop?, _): tile = crop
    case (nil, .exact(let size)): tile = size
    case (nil, .shortestEdge(let side)) where isPadded: tile = PixelSize(width: side, height: side)
    default:
      throw UserError(
        .badInput, "the image processor gives images of different sizes",
        remedy: "give do_center_crop and crop_size, or size.height and size.width")
    }
    if case .longestEdge = size {
      throw UserError(
        .badInput, "the CLIP image processor has no size by the longest edge",
        remedy: "give size.shortest_edge, or size.height and size.width")
    }
  }

  public var settings: String {
    "CLIP processor, \(isPadded ? "padded to a square, " : "")\(size?.text ?? "not resized"), "
      + "\(isCropped ? "middle" : "whole") \(tile.width) x \(tile.height), \(filter), \(scaling)"
  }

  public func geometry(of original: PixelSize) -> ImageGeometry { ImageGeometry(original: original, tile: tile) }

  public func tiles(of image: RasterImage) throws -> [RasterImage] {
    [try fitted(isPadded ? square(image) : image)]
  }

  /// Resized and cut, without padding.
  func fitted(_ image: RasterImage) throws -> RasterImage {
    let old = PixelSize(width: image.width, height: image.height)
    let size = try resized(old).reachable(from: old)
    let resized = image.resized(width: size.width, height: size.height, filter: filter)
    return isCropped ? resized.centreCropped(width: tile.width, height: tile.height) : resized
  }

  public func placement(of size: PixelSize) -> ImagePlacement {
    let side = max(size.width, size.height)
    let whole = isPadded ? PixelSize(width: side, height: side) : size
    let new = resized(whole)
    var result = ImagePlacement(
      scaleX: Double(new.width) / Double(whole.width), scaleY: Double(new.height) / Double(whole.height))
    if isPadded {
      result.x0 = Double((side - size.width) / 2) * result.scaleX
      result.y0 = Double((side - size.height) / 2) * result.scaleY
    }
    if isCropped {
      func shift(_ old: Int, _ new: Int) -> Double { Double(old > new ? -((old - new) / 2) : (new - old + 1) / 2) }
      result.x0 += shift(new.width, tile.width)
      result.y0 += shift(new.height, tile.height)
    }
    return result
  }

  private func resized(_ image: PixelSize) -> PixelSize {
    switch size {
    case .exact(let size): return size
    case .longestEdge, nil: return image
    case .shortestEdge(let side):
      let (short, long) = (min(image.width, image.height), max(image.width, image.height))
      let other = Int(Double(side * long) / Double(short))
      return image.width <= image.height
        ? PixelSize(width: side, height: other) : PixelSize(width: other, height: side)
    }
  }

  /// The image in the middle of a square of the mean colour.
  private func square(_ image: RasterImage) throws -> RasterImage {
    let side = max(image.width, image.height)
    _ = try PixelSize(width: side, height: side).reachable(from: PixelSize(width: image.width, height: image.height))
    return image.placed(
      atX: (side - image.width) / 2, y: (side - image.height) / 2, width: side, height: side,
      background: scaling.background)
  }
}
