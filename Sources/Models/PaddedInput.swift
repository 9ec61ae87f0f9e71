import Autograd
import Tensors

/// A batch as Hugging Face processors make it: rows padded to one length, images to one count and size.
public struct PaddedInput<Element: Scalar> {
  /// [batch, length], row-major.
  public var ids: [Int]
  /// [batch, length], 1 = token, 0 = padding; nil = no padding.
  public var attentionMask: [Int]?
  public var batch: Int
  /// [batch, images, 3, height, width]; nil = text only.
  public var pixels: Tensor<Element>?
  /// [batch, images, height, width], 1 = pixel of the image; nil = all are.
  public var pixelMask: [Int]?

  public init(
    ids: [Int], attentionMask: [Int]? = nil, batch: Int, pixels: Tensor<Element>? = nil, pixelMask: [Int]? = nil
  ) {
    self.ids = ids
    self.attentionMask = attentionMask
    self.batch = batch
    self.pixels = pixels
    self.pixelMask = pixelMask
  }

  /// The batch without padding.
  ///
  /// Masked tokens go; the others keep the position of their column, as transformers counts them. Images whose every
  /// value is 0 are padding and go too.
  /// - Returns: the input, and for each of its rows the row of the padded [batch * length].
  /// - Throws: `UserError` for shapes that disagree or a pixel mask that is no rectangle at the top left.
  public func packed(patchSize: Int) throws -> (input: ModelInput<Element>, rows: [Int]) {
    guard batch > 0, ids.count % batch == 0, attentionMask.map({ $0.count == ids.count }) ?? true else {
      throw UserError(.badInput, "\(ids.count) ids and \(attentionMask?.count ?? 0) mask values in \(batch) rows")
    }
    let length = ids.count / batch
    let rows = ids.indices.filter { attentionMask?[$0] ?? 1 != 0 }
    var lengths = [Int](repeating: 0, count: batch)
    for row in rows { lengths[row / length] += 1 }
    var input = ModelInput<Element>(
      pixels: Tensor(zeros: [0, 3, 0, 0]), ids: rows.map { ids[$0] }, sequences: Segments(lengths: lengths),
      positions: rows.map { $0 % length })
    if let pixels { (input.pixels, input.extents) = try images(pixels, patchSize: patchSize) }
    return (input, rows)
  }

  private func images(_ pixels: Tensor<Element>, patchSize: Int) throws -> (Tensor<Element>, [PatchExtent]?) {
    let shape = pixels.shape
    guard shape.count == 5, shape[0] == batch else {
      throw UserError(
        .badInput,
        "pixel_values have the shape \(shape), expected [\(batch), images, 3, height, width]")
    }
    let (count, height, width) = (shape[0] * shape[1], shape[3], shape[4])
    guard pixelMask.map({ $0.count == count * height * width }) ?? true else {
      throw UserError(.badInput, "pixel_attention_mask does not have the shape \([shape[0], shape[1], height, width])")
    }
    let all = pixels.reshaped([count, shape[2], height, width])
    let present = (0..<count).filter { all.slice($0..<$0 + 1).sumOfSquares > 0 }
    let kept = Tensor<Element>(uninitialised: [present.count, shape[2], height, width])
    for (target, source) in present.enumerated() {
      kept.slice(target..<target + 1).copy(from: all.slice(source..<source + 1))
    }
    let extents = try pixelMask.map { mask in
      try present.map { image in
        try Self.extent(
          mask[image * height * width..<(image + 1) * height * width], height: height, width: width, patch: patchSize)
      }
    }
    return (kept, extents)
  }

  /// A patch is valid if any of its pixels is.
  private static func extent(_ mask: ArraySlice<Int>, height: Int, width: Int, patch: Int) throws -> PatchExtent {
    let (rows, columns) = (height / patch, width / patch)
    var valid = [Bool](repeating: false, count: rows * columns)
    for (pixel, value) in mask.enumerated() where value != 0 {
      let (row, column) = (pixel / width / patch, pixel % width / patch)
      if row < rows, column < columns { valid[row * columns + column] = true }
    }
    let extent = PatchExtent(
      rows: (0..<rows).count { valid[$0 * columns] }, columns: (0..<columns).count { valid[$0] })
    let isRectangle = valid.indices.allSatisfy {
      valid[$0] == ($0 / columns < extent.rows && $0 % columns < extent.columns)
    }
    guard extent.rows > 0, isRectangle else {
      throw UserError(.badInput, "a pixel_attention_mask is not one rectangle at the top left of its image")
    }
    return extent
  }
}
