extension Tensor where Element: Scalar {
  /// Unfolds images into square cells, one row a cell: row (image, i, j) = the cell at cell row i and column j, laid out
  /// as channel (slow), row, column (fast), as a convolution's weight [out, channels, patch, patch] expects.
  ///
  /// images: [n, channels, height, width], self: [n * (height / patch) * (width / patch), channels * patch^2]; cells in
  /// row-major order; what is left over at the bottom and right is ignored, as by a convolution without padding.
  /// - Complexity: one copy of the images, in runs of `patch` elements.
  public func setPatches(of images: Tensor, patch: Int) {
    precondition(images.shape.count == 4 && patch > 0, "images \(images.shape), patch \(patch)")
    let (channels, height, width) = (images.shape[1], images.shape[2], images.shape[3])
    let run = patch * MemoryLayout<Element>.stride
    let (gridRows, gridColumns) = (height / patch, width / patch)
    precondition(
      rows == images.shape[0] * gridRows * gridColumns && columns == channels * patch * patch,
      "\(images.shape) into \(shape)")
    for image in 0..<images.shape[0] {
      for channel in 0..<channels {
        for y in 0..<gridRows * patch {
          var source = images.base + ((image * channels + channel) * height + y) * width
          let firstCell = (image * gridRows + y / patch) * gridColumns
          var target = base + firstCell * columns + (channel * patch + y % patch) * patch
          for _ in 0..<gridColumns {
            UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: run)
            source += patch
            target += columns
          }
        }
      }
    }
  }
}
