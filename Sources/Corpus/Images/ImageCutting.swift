import Cardiology

extension RasterImage {
  /// A part of the picture. - Precondition: the part lies within it.
  public func cropped(x: Int, y: Int, width newWidth: Int, height newHeight: Int) -> RasterImage {
    precondition(
      x >= 0 && y >= 0 && newWidth > 0 && newHeight > 0 && x + newWidth <= width && y + newHeight <= height,
      "a part of the image")
    var part: [UInt8] = []
    part.reserveCapacity(newWidth * newHeight * 3)
    for row in y..<y + newHeight {
      let start = (row * width + x) * 3
      part += pixels[start..<start + newWidth * 3]
    }
    return RasterImage(width: newWidth, height: newHeight, pixels: part)
  }

  /// The picture with its top left corner at (x, y) of a larger one of a single colour (red, green, blue).
  /// - Precondition: it fits.
  public func placed(
    atX x: Int, y: Int, width newWidth: Int, height newHeight: Int, background: [UInt8] = [0, 0, 0]
  ) -> RasterImage {
    precondition(
      x >= 0 && y >= 0 && x + width <= newWidth && y + height <= newHeight && background.count == 3,
      "an image that fits onto the other")
    if newWidth == width, newHeight == height { return self }
    var result = [UInt8](repeating: background[0], count: newWidth * newHeight * 3)
    if Set(background).count > 1 {
      for place in result.indices { result[place] = background[place % 3] }
    }
    for row in 0..<height {
      let to = ((y + row) * newWidth + x) * 3
      result.replaceSubrange(to..<to + width * 3, with: pixels[row * width * 3..<(row + 1) * width * 3])
    }
    return RasterImage(width: newWidth, height: newHeight, pixels: result)
  }

  /// The middle of the picture, on black where it is smaller than asked for; where it cannot be centred exactly it lies
  /// half a pixel towards the top left, or when padded towards the bottom right, as `center_crop` of transformers has it.
  func centreCropped(width newWidth: Int, height newHeight: Int) -> RasterImage {
    func margin(_ old: Int, _ new: Int) -> Int { new > old ? (new - old + 1) / 2 : 0 }
    let padded = placed(
      atX: margin(width, newWidth), y: margin(height, newHeight), width: max(width, newWidth),
      height: max(height, newHeight))
    return padded.cropped(
      x: max(0, (width - newWidth) / 2), y: max(0, (height - newHeight) / 2), width: newWidth, height: newHeight)
  }

  /// The picture cut into tiles, row by row; the last column and row hold what is left.
  func tiles(width tileWidth: Int, height tileHeight: Int) -> [RasterImage] {
    stride(from: 0, to: height, by: tileHeight).flatMap { y in
      stride(from: 0, to: width, by: tileWidth).map { x in
        cropped(x: x, y: y, width: min(tileWidth, width - x), height: min(tileHeight, height - y))
      }
    }
  }
}
