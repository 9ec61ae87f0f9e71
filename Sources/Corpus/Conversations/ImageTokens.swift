/// The text that stands for an image in a prompt: one `<image>` for every visual token, and what the family puts around.
public enum ImageTokens: Sendable, Equatable {
  /// Idefics3 and SmolVLM: each tile between marks, rows one below the other, the whole image last.
  case idefics3(perTile: Int)
  /// LLaVA 1.5.
  case llava(perImage: Int)
  /// LLaVA-NeXT: the whole image's tokens, then those of the tiles' pixels that show the image, with one for the end of
  /// each row. - Parameter patch: side of a patch of the vision tower in pixels.
  case llavaNext(patch: Int)

  public static let mark = "<image>"

  /// The tokens beside `<image>` that the text may hold, as far as every image has them.
  var markers: [String] {
    switch self {
    case .idefics3: [Self.mark, "<fake_token_around_image>", "<global-img>"]
    case .llava, .llavaNext: [Self.mark]
    }
  }

  /// Number of visual tokens of an image.
  public func count(of image: ImageGeometry) -> Int {
    switch self {
    case .idefics3(let perTile): return image.tiles * perTile
    case .llava(let perImage): return perImage
    case .llavaNext(let patch):
      let (width, height) = (image.tile.width / patch, image.tile.height / patch)
      let (shownWidth, shownHeight) = Self.unpadded(
        width: width * image.columns, height: height * image.rows, original: image.original)
      return width * height + shownHeight * (shownWidth + 1)
    }
  }

  /// The text of an image. Source: `replace_image_token` of transformers' processors, 5.23.
  public func text(of image: ImageGeometry) -> String {
    guard case .idefics3(let perTile) = self else { return String(repeating: Self.mark, count: count(of: image)) }
    let (fence, marks) = ("<fake_token_around_image>", String(repeating: Self.mark, count: perTile))
    let rows = (0..<image.rows).map { row in
      (0..<image.columns).map { "\(fence)<row_\(row + 1)_col_\($0 + 1)>\(marks)" }.joined() + "\n"
    }
    return rows.joined() + (rows.isEmpty ? "" : "\n") + "\(fence)<global-img>\(marks)\(fence)"
  }

  /// Columns and rows of a grid of tokens that show the image, without the padding that kept its aspect.
  static func unpadded(width: Int, height: Int, original: PixelSize) -> (width: Int, height: Int) {
    // Rounded to seven digits first, so that 11.9999999999 is 12.
    func whole(_ value: Double) -> Int { Int((value * 1e7).rounded(.toNearestOrEven) / 1e7) }
    let (oldWidth, oldHeight) = (Double(original.width), Double(original.height))
    if oldWidth / oldHeight > Double(width) / Double(height) {
      let shown = whole(oldHeight * (Double(width) / oldWidth))
      return (width, height - (height - shown) / 2 * 2)
    }
    let shown = whole(oldWidth * (Double(height) / oldHeight))
    return (width - (width - shown) / 2 * 2, height)
  }
}
