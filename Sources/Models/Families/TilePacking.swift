import Tensors

/// The order of an image's visual tokens in LLaVA-NeXT: those of the whole image, then those of the tiles joined to one
/// picture, row by row without what is padding, a newline vector after each row.
///
/// Source: pack_image_features and unpad_image of transformers.
struct TilePacking {
  /// Patches along one side of a tile.
  private let side: Int
  /// Tiles side by side.
  private let tileColumns: Int
  /// Rows and columns of patches of the joined picture that show the image.
  private let rows: Range<Int>
  private let columns: Range<Int>

  init(_ size: ImageSize, tiling: TileGrid, vision: VisionConfiguration) {
    side = vision.positionsPerSide
    let resolution = tiling.resolution(for: size)
    tileColumns = resolution.width / vision.imageSize
    let (height, width) = (resolution.height / vision.imageSize * side, tileColumns * side)
    let isWider = Double(size.width) / Double(size.height) > Double(width) / Double(height)
    if isWider {
      let shown = Self.extent(Double(size.height) * (Double(width) / Double(size.width)))
      let padding = (height - shown) / 2
      rows = padding..<height - padding
      columns = 0..<width
    } else {
      let shown = Self.extent(Double(size.width) * (Double(height) / Double(size.height)))
      let padding = (width - shown) / 2
      rows = 0..<height
      columns = padding..<width - padding
    }
  }

  /// int(round(x, 7)) of Python.
  private static func extent(_ x: Double) -> Int { Int((x * 1e7).rounded(.toNearestOrEven) / 1e7) }

  /// Visual tokens of the image.
  var count: Int { side * side + rows.count * (columns.count + 1) }

  /// For each visual token its row among the projected patches of all tiles, nil for a newline.
  ///
  /// - Parameter first: row of the image's first patch; its tiles follow one another.
  func order(first: Int) -> [Int?] {
    let patches = side * side
    var result: [Int?] = Array(first..<first + patches)
    result.reserveCapacity(count)
    for row in rows {
      for column in columns {
        let tile = 1 + row / side * tileColumns + column / side
        result.append(first + tile * patches + row % side * side + column % side)
      }
      result.append(nil)
    }
    return result
  }
}
