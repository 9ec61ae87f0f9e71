import Autograd
import Tensors

/// A batch as Hugging Face processors make it: rows padded to one length, images to one count and size.
public struct PaddedInput<Element: Scalar> {
  /// [batch, length], row-major.
  public var ids: [Int]
  /// [batch, length], 1 = token, 0 = padding; nil = no padding.
  public var attentionMask: [Int]?
  public var batch: Int
  /// Idefics3: [batch, images, 3, height, width]; LLaVA: [images, 3, height, width]; LLaVA-NeXT: [images, tiles, 3,
  /// height, width] or [tiles, 3, height, width]; nil = text only.
  public var pixels: Tensor<Element>?
  /// [batch, images, height, width], 1 = pixel of the image; nil = all are. Idefics3 alone.
  public var pixelMask: [Int]?
  /// Each image's size before it was cut into tiles. LLaVA-NeXT alone.
  public var imageSizes: [ImageSize]?

  public init(
    ids: [Int], attentionMask: [Int]? = nil, batch: Int, pixels: Tensor<Element>? = nil, pixelMask: [Int]? = nil,
    imageSizes: [ImageSize]? = nil
  ) {
    self.ids = ids
    self.attentionMask = attentionMask
    self.batch = batch
    self.pixels = pixels
    self.pixelMask = pixelMask
    self.imageSizes = imageSizes
  }

  /// The batch as the model takes it, sequences end to end.
  ///
  /// Padding on the left goes; other masked tokens stay as rows that no other row sees. All rows keep the position of
  /// their column, as transformers counts them.
  /// - Returns: the input, and for each of its rows the row of the padded [batch * length].
  /// - Throws: `UserError` for shapes that disagree or that are not those of the model's family.
  public func packed(for model: any VisionLanguageModel<Element>) throws -> (input: ModelInput<Element>, rows: [Int]) {
    guard batch > 0, ids.count % batch == 0, attentionMask.map({ $0.count == ids.count }) ?? true else {
      throw UserError(.badInput, "\(ids.count) ids and \(attentionMask?.count ?? 0) mask values in \(batch) rows")
    }
    let length = ids.count / batch
    var rows: [Int] = []
    var lengths: [Int] = []
    for sequence in 0..<batch {
      let columns = sequence * length..<(sequence + 1) * length
      let first = columns.first { attentionMask?[$0] ?? 1 != 0 } ?? columns.upperBound
      rows += first..<columns.upperBound
      lengths.append(columns.upperBound - first)
    }
    let visible: [UInt8] = rows.map { attentionMask?[$0] ?? 1 != 0 ? 1 : 0 }
    let images = try model.images(in: self)
    let input = ModelInput<Element>(
      pixels: images.pixels, extents: images.extents, imageSizes: images.sizes, ids: rows.map { ids[$0] },
      sequences: Segments(lengths: lengths), positions: rows.map { $0 % length },
      visibleRows: visible.contains(0) ? visible : nil)
    return (input, rows)
  }

  /// Idefics3's images without those whose every value is 0, which are padding, and the valid part of each.
  func paddedImages(patchSize: Int) throws -> ImageInput<Element> {
    guard let pixels else { return .none }
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
    let present = (0..<count).filter { !all.slice($0..<$0 + 1).isZero }
    let extents = try pixelMask.map { mask in
      try present.map { image in
        try Self.extent(
          mask[image * height * width..<(image + 1) * height * width], height: height, width: width, patch: patchSize)
      }
    }
    return ImageInput(pixels: Self.images(present, of: pixels), extents: extents)
  }

  /// Chosen images of [a, b, 3, height, width], counted over both leading dimensions.
  static func images(_ chosen: [Int], of pixels: Tensor<Element>) -> Tensor<Element> {
    let shape = pixels.shape
    let all = pixels.reshaped([shape[0] * shape[1], shape[2], shape[3], shape[4]])
    let result = Tensor<Element>(uninitialised: [chosen.count, shape[2], shape[3], shape[4]])
    for (target, source) in chosen.enumerated() {
      result.slice(target..<target + 1).copy(from: all.slice(source..<source + 1))
    }
    return result
  }

  /// A patch is valid if any of its pixels is.
  private static func extent(_ mask: ArraySlice<Int>, height: Int, width: Int, patch: Int) throws -> PatchExtent {
    let (rows, columns) = (height / patch, width / patch)
    guard rows > 0, columns > 0 else {
      throw UserError(.badInput, "images of \(height) x \(width) pixels, smaller than a patch of \(patch)")
    }
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
    guard extent.rows > 0, extent.columns > 0, isRectangle else {
      throw UserError(.badInput, "a pixel_attention_mask is not one rectangle at the top left of its image")
    }
    return extent
  }
}

/// The images of a batch without padding.
public struct ImageInput<Element: Scalar> {
  /// [images or tiles, 3, height, width]
  public var pixels: Tensor<Element>
  public var extents: [PatchExtent]?
  public var sizes: [ImageSize]?

  public init(pixels: Tensor<Element>, extents: [PatchExtent]? = nil, sizes: [ImageSize]? = nil) {
    self.pixels = pixels
    self.extents = extents
    self.sizes = sizes
  }

  /// No image.
  static var none: ImageInput { ImageInput(pixels: Tensor(zeros: [0, 3, 0, 0])) }
}
