/// An image's size in pixels before any preparation.
public struct ImageSize: Equatable, Sendable {
  public var height: Int
  public var width: Int

  public init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }
}

/// The resolutions LLaVA-NeXT enlarges an image to before it cuts it into square tiles (`image_grid_pinpoints`).
///
/// It lies down here because the image processor, which makes the tiles, and the model, which counts their tokens, must
/// choose alike, and neither sees the other.
/// Source: select_best_resolution and image_size_to_num_patches of transformers.
public struct TileGrid: Equatable, Sendable {
  public var resolutions: [ImageSize]

  public init(resolutions: [ImageSize]) { self.resolutions = resolutions }

  /// The resolution that keeps most of the image's pixels and, among equals, wastes least; the first where none keeps one.
  ///
  /// - Precondition: there is a resolution, and the size is positive.
  public func resolution(for size: ImageSize) -> ImageSize {
    var best = resolutions[0]
    var (most, least) = (0, Int.max)
    for candidate in resolutions {
      let scale = min(
        Double(candidate.width) / Double(size.width), Double(candidate.height) / Double(size.height))
      let shown = Int(Double(size.width) * scale) * Int(Double(size.height) * scale)
      let effective = min(shown, size.width * size.height)
      let wasted = candidate.width * candidate.height - effective
      if effective > most || effective == most && wasted < least {
        (best, most, least) = (candidate, effective, wasted)
      }
    }
    return best
  }

  /// Tiles of an image: the whole image first, then those of its resolution in row-major order.
  public func tiles(of size: ImageSize, side: Int) -> Int {
    let resolution = resolution(for: size)
    return 1 + resolution.height / side * (resolution.width / side)
  }
}

extension TileGrid {
  /// Which number of a pair of `image_grid_pinpoints` comes first: transformers names the height, LLaVA's own code the
  /// width.
  public enum PairOrder: Sendable { case heightFirst, widthFirst }

  /// The resolutions that `LlavaNextConfig` and its image processor take for an absent `image_grid_pinpoints`.
  public static let standard = TileGrid(
    resolutions: [(336, 672), (672, 336), (672, 672), (1008, 336), (336, 1008)].map {
      ImageSize(height: $0.0, width: $0.1)
    })

  /// Reads `image_grid_pinpoints`; nil for anything but a list of pairs of 1 to 16,384 pixels.
  public init?(pinpoints: JSONValue, _ order: PairOrder) {
    guard let pairs = pinpoints.array else { return nil }
    var resolutions: [ImageSize] = []
    for pair in pairs {
      guard let sides = pair.array?.map(\.whole), sides.count == 2, let first = sides[0], let second = sides[1],
        1...16_384 ~= first, 1...16_384 ~= second
      else { return nil }
      resolutions.append(
        order == .heightFirst ? ImageSize(height: first, width: second) : ImageSize(height: second, width: first))
    }
    self.init(resolutions: resolutions)
  }

  /// `image_grid_pinpoints` as transformers writes it.
  public var pinpoints: JSONValue {
    .array(resolutions.map { .array([.integer($0.height), .integer($0.width)]) })
  }
}
