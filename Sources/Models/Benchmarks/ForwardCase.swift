import Autograd
import Foundation
import Tensors

/// A batch in a safetensors file, to be put through a model and compared with what other programs make of it.
///
/// Read: `in.input_ids`, `in.attention_mask` and `in.labels` [batch, length], `in.pixel_values` and
/// `in.pixel_attention_mask` as the family's processor makes them (see `PaddedInput`), `in.image_sizes` [images, 2].
public struct ForwardCase<Element: Scalar> {
  private let batch: PaddedInput<Element>
  private let length: Int
  /// [batch, length], -100 = not counted.
  private let labels: [Int]?
  private let url: URL

  /// - Throws: `UserError` naming the tensor that is missing or of another shape or type than expected.
  public init(contentsOf url: URL) throws {
    self.url = url
    let file = try SafetensorsFile(contentsOf: url)
    let shape = try file.entry("in.input_ids").shape
    guard shape.count == 2, shape[0] > 0, shape[1] > 0 else {
      throw UserError(.badInput, "\(url.path): in.input_ids has the shape \(shape), expected [batch, length]")
    }
    func integers(_ name: String, _ expected: [Int]?) throws -> [Int]? {
      guard let entry = file.entries[name] else { return nil }
      if let expected, entry.shape != expected {
        throw UserError(.badInput, "\(url.path): \(name) has the shape \(entry.shape), expected \(expected)")
      }
      return try file.integers(name)
    }
    let pixels: Tensor<Element>? =
      file.entries["in.pixel_values"] == nil ? nil : try file.tensor("in.pixel_values")
    guard pixels?.sumOfSquares.isFinite ?? true else {
      throw UserError(
        .badInput, "\(url.path): in.pixel_values holds numbers that are not finite",
        remedy: "write the images again")
    }
    let mask = try integers("in.attention_mask", shape)
    if let wrong = mask?.first(where: { $0 != 0 && $0 != 1 }) {
      throw UserError(
        .badInput, "\(url.path): in.attention_mask holds \(wrong), expected 0 or 1", remedy: "write the batch again")
    }
    let pixelShape = pixels?.shape ?? []
    length = shape[1]
    labels = try integers("in.labels", shape)
    batch = PaddedInput(
      ids: try file.integers("in.input_ids"), attentionMask: mask, batch: shape[0],
      pixels: pixels,
      pixelMask: try integers(
        "in.pixel_attention_mask", pixelShape.count == 5 ? Array(pixelShape[0..<2] + pixelShape[3..<5]) : nil),
      imageSizes: try Self.sizes(file))
  }

  private static func sizes(_ file: SafetensorsFile) throws -> [ImageSize]? {
    let name = "in.image_sizes"
    guard let entry = file.entries[name] else { return nil }
    guard entry.shape.count == 2, entry.shape[1] == 2 else {
      throw UserError(.badInput, "\(file.url.path): \(name) has the shape \(entry.shape), expected [images, 2]")
    }
    let values = try file.integers(name)
    return (0..<entry.shape[0]).map { ImageSize(height: values[2 * $0], width: values[2 * $0 + 1]) }
  }

  /// One forward, and with `gradients` one backward of the loss.
  ///
  /// - Throws: `UserError` when the batch does not fit the model, or when gradients are wanted and nothing is labelled.
  public func evaluate(_ folder: ModelFolder, gradients: Bool) throws -> ForwardResult<Element> {
    let model: any VisionLanguageModel<Element> = try folder.model(trainable: gradients)
    let (input, rows) = try batch.packed(for: model)
    try model.check(input)
    let targets = try labels.map { try self.targets($0, rows: rows, vocabulary: model.vocabularySize) }
    guard !gradients || targets != nil else {
      throw UserError(.badInput, "\(url.path) holds no in.labels, which gradients need")
    }
    var result = ForwardResult<Element>(batch: batch.batch, length: length, rows: rows, images: input.images)
    let tape = Tape(pool: BufferPool<Element>(), recording: gradients)
    if gradients { model.arena.beginBackward() }
    let output = model.forward(input, tape: tape, cache: nil) {
      result.observe($0, $1.value, patches: input.pixels, model.patchSize)
    }
    result.finish(output.hidden.value, layers: model.shape.text.layers)
    let logits = model.logits(output.hidden, tape: tape)
    result.put("out.logits", padded: logits.value)
    if let targets { result.put("out.loss", loss(logits, targets, tape: tape)) }
    guard gradients else { return result }
    model.arena.settleUses()
    tape.backward()
    model.arena.endBackward()
    for parameter in model.arena.parameters {
      guard let gradient = parameter.gradient else { continue }
      result.put("grad." + (folder.storedName(of: parameter.name) ?? parameter.name), gradient)
    }
    return result
  }

  /// For each row the label of the next column, nil = not counted.
  private func targets(_ labels: [Int], rows: [Int], vocabulary: Int) throws -> [Int?] {
    if let label = labels.first(where: { $0 != -100 && !(0..<vocabulary).contains($0) }) {
      throw UserError(
        .badInput, "\(url.path): in.labels holds \(label), expected -100 (not counted) or 0 to \(vocabulary - 1)")
    }
    let targets = rows.map { row -> Int? in
      guard row % length + 1 < length, labels[row + 1] >= 0 else { return nil }
      return labels[row + 1]
    }
    guard targets.contains(where: { $0 != nil }) else {
      throw UserError(.badInput, "\(url.path): no label of in.labels counts, so there is no loss")
    }
    return targets
  }

  /// Mean cross-entropy over the counted labels; records its backward.
  private func loss(_ logits: Variable<Element>, _ targets: [Int?], tape: Tape<Element>) -> Tensor<Element> {
    let gradient = logits.value.copy()
    let counted = targets.count { $0 != nil }
    var total = 0.0
    for (row, target) in targets.enumerated() {
      if let target {
        total += gradient.crossEntropyRow(row, label: target, weight: 1 / Element(counted))
      } else {
        gradient.slice(row..<row + 1).fill(0)
      }
    }
    tape.recordLoss { logits.accumulate(gradient, pool: tape.pool) }
    return Tensor([Element(total / Double(counted))], [1])
  }
}

/// The states, logits, loss and gradients of a `ForwardCase`, in the padded shapes of transformers.
public struct ForwardResult<Element: Scalar> {
  public private(set) var tensors: [String: Tensor<Element>] = [:]
  private let batch: Int
  private let length: Int
  /// Padded row of each computed row.
  private let rows: [Int]
  private let images: Int

  fileprivate init(batch: Int, length: Int, rows: [Int], images: Int) {
    self.batch = batch
    self.length = length
    self.rows = rows
    self.images = images
  }

  fileprivate mutating func put(_ name: String, _ tensor: Tensor<Element>) { tensors[name] = tensor }

  /// Rows of the text under a name, as [batch, length, width]; rows that were not computed are 0.
  fileprivate mutating func put(_ name: String, padded tensor: Tensor<Element>) {
    let result = Tensor<Element>(zeros: [batch * length, tensor.columns])
    for (row, place) in rows.enumerated() { result.setRow(place, toRow: row, of: tensor) }
    tensors[name] = result.reshaped([batch, length, tensor.columns])
  }

  /// A state the model shows, under the name and shape transformers has for it.
  fileprivate mutating func observe(
    _ name: String, _ state: Tensor<Element>, patches pixels: Tensor<Element>, _ patch: Int
  ) {
    if name == "text.embeddings" {
      put("out.text.hidden_states.0", padded: state)
    } else if name.hasPrefix("text.layer."), let layer = Int(name.dropFirst("text.layer.".count)) {
      put("out." + name, padded: state)
      put("out.text.hidden_states.\(layer + 1)", padded: state)
    } else if name == "vision.patch_conv" {
      put("out." + name, channelFirst(state, height: pixels.shape[2] / patch, width: pixels.shape[3] / patch))
    } else if name == "image_features" {
      put("out." + name, state)
    } else if !name.hasPrefix("text.") {
      put("out." + name, state.reshaped([images, state.rows / images, state.columns]))
    }
  }

  /// The last of the hidden states of transformers is the final norm's, not the last layer's.
  fileprivate mutating func finish(_ hidden: Tensor<Element>, layers: Int) {
    put("out.text.hidden_states.\(layers)", padded: hidden)
  }

  /// [images * height * width, channels] as [images, channels, height, width].
  private func channelFirst(_ state: Tensor<Element>, height: Int, width: Int) -> Tensor<Element> {
    let (channels, patches) = (state.columns, height * width)
    let result = Tensor<Element>(uninitialised: [images, channels, height, width])
    for image in 0..<images {
      for patch in 0..<patches {
        for channel in 0..<channels {
          result[(image * channels + channel) * patches + patch] = state[(image * patches + patch) * channels + channel]
        }
      }
    }
    return result
  }

  /// The loss, where there are labels.
  public var loss: Double? { tensors["out.loss"].map { Double($0[0]) } }

  /// Writes all tensors in alphabetical order. - Throws: `UserError` (input/output).
  public func write(to url: URL, metadata: [String: String]) throws {
    var writer = SafetensorsWriter(metadata: metadata)
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) { writer.add(name, tensor) }
    try writer.write(to: url)
  }
}
