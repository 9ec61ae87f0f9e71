import Autograd
import Tensors

/// The Idefics3 / SmolVLM model: vision tower, connector, and a Llama decoder in whose input the visual tokens replace
/// the embeddings of the `<image>` tokens. Tensor names are those of `Idefics3ForConditionalGeneration`.
public final class Idefics3<Element: Scalar>: VisionLanguageModel {
  public let configuration: Idefics3Configuration
  public let arena: ParameterArena<Element>
  private let vision: VisionTransformer<Element>
  private let connector: Connector<Element>
  private let embeddings: Parameter<Element>
  private let decoder: Decoder<Element>
  private let head: Parameter<Element>

  private static var embeddingName: String { "model.text_model.embed_tokens.weight" }
  static var headName: String { "lm_head.weight" }

  /// Appends the model's tensors in the order forward uses them, so that gradients complete from the end in backward.
  public static func declare(_ configuration: Idefics3Configuration, into layout: inout ParameterLayout) {
    let text = configuration.text
    VisionTransformer<Element>.declare(configuration.vision, prefix: "model.vision_model.", into: &layout)
    Connector<Element>.declare(configuration, prefix: "model.connector.", into: &layout)
    layout.add(embeddingName, [text.vocabularySize, text.hiddenSize], .normal(text.initializerRange))
    Decoder<Element>.declare(text, prefix: "model.text_model.", into: &layout)
    if !configuration.tiesEmbeddings {
      layout.add(headName, [text.vocabularySize, text.hiddenSize], .normal(text.initializerRange))
    }
  }

  /// The model whose tensors `declare` put into the arena's layout.
  public init(_ configuration: Idefics3Configuration, arena: ParameterArena<Element>) {
    self.configuration = configuration
    self.arena = arena
    vision = VisionTransformer(configuration.vision, prefix: "model.vision_model.", arena: arena)
    connector = Connector(configuration, prefix: "model.connector.", arena: arena)
    embeddings = arena[Self.embeddingName]
    decoder = Decoder(configuration.text, prefix: "model.text_model.", arena: arena)
    head = configuration.tiesEmbeddings ? embeddings : arena[Self.headName]
  }

  public func forward(
    _ input: ModelInput<Element>, tape: Tape<Element>, cache: KeyValueCache<Element>?,
    observe: StateObserver<Element>?
  ) -> ModelOutput<Element> {
    let (visual, visualTokens) = visualTokens(input, tape: tape, observe: observe)
    var embedded = tape.embedding(input.ids, embeddings)
    if visualTokens.count > 0 {
      let places = input.ids.indices.filter { input.ids[$0] == imageToken }
      embedded = tape.replaceRows(embedded, at: places, by: visual)
    }
    observe?("text.embeddings", embedded)
    let hidden = decoder.forward(
      embedded, sequences: input.sequences, positions: input.rotaryPositions, branches: input.branches, cache: cache,
      tape: tape, observe: observe)
    return ModelOutput(hidden: hidden, visual: visual, visualTokens: visualTokens)
  }

  private func visualTokens(
    _ input: ModelInput<Element>, tape: Tape<Element>, observe: StateObserver<Element>?
  ) -> (Variable<Element>, Segments) {
    guard input.images > 0 else {
      return (tape.constant(tape.pool.tensor([0, textWidth])), Segments(lengths: []))
    }
    let rows = input.pixels.shape[2] / patchSize
    let columns = input.pixels.shape[3] / patchSize
    let patches = vision.forward(input.pixels, extents: input.extents, tape: tape, observe: observe)
    let visual = connector.forward(patches, images: input.images, rows: rows, columns: columns, tape: tape)
    observe?("connector", visual)
    return (visual, Segments(count: input.images, length: rows / scaleFactor * (columns / scaleFactor)))
  }

  public func logits(_ hidden: Variable<Element>, tape: Tape<Element>) -> Variable<Element> {
    tape.linear(hidden, head)
  }

  public func cache(sequences: Int, capacity: Int) -> KeyValueCache<Element> {
    let text = configuration.text
    return KeyValueCache(
      layers: text.layers, sequences: sequences, capacity: capacity, heads: text.keyValueHeads, width: text.headWidth)
  }
}

extension Idefics3 {
  public var textWidth: Int { configuration.text.hiddenSize }
  public var vocabularySize: Int { configuration.text.vocabularySize }
  public var imageToken: Int { configuration.imageToken }
  public var endTokens: [Int] { configuration.endTokens }
  public var imageSize: Int { configuration.vision.imageSize }
  public var patchSize: Int { configuration.vision.patchSize }
  public var scaleFactor: Int { configuration.scaleFactor }
  public var tokensPerImage: Int { configuration.tokensPerImage }
  public var textHeads: (queries: Int, keys: Int) { (configuration.text.heads, configuration.text.keyValueHeads) }
  public var connectorWeight: Parameter<Element> { arena["model.connector." + Connector<Element>.weightName] }

  public func check(_ input: ModelInput<Element>) throws {
    func bad(_ what: String) -> UserError { UserError(.badInput, "model input: \(what)") }
    guard input.sequences.total == input.ids.count, (input.positions?.count ?? input.ids.count) == input.ids.count
    else { throw bad("\(input.ids.count) token ids, but sequences or positions of another length") }
    if let id = input.ids.first(where: { !(0..<vocabularySize).contains($0) }) {
      throw bad("token id \(id), expected 0 to \(vocabularySize - 1): the tokenizer is not this model's")
    }
    if let position = input.positions?.first(where: { $0 < 0 }) { throw bad("position \(position)") }
    if let branches = input.branches {
      let fits = zip(branches, input.sequences.lengths).allSatisfy { branches, length in
        branches.isEmpty
          || (branches[0].lowerBound > 0 && branches[branches.count - 1].upperBound == length
            && branches.allSatisfy { !$0.isEmpty }
            && zip(branches, branches.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
      }
      guard branches.count == input.sequences.count, fits else {
        throw bad("branches that do not cover the ends of their sequences")
      }
    }
    var tokens = 0
    if input.images > 0 {
      let shape = input.pixels.shape
      guard shape.count == 4, shape[1] == configuration.vision.channels, shape[2] >= patchSize,
        shape[3] >= patchSize, shape[2] / patchSize % scaleFactor == 0, shape[3] / patchSize % scaleFactor == 0
      else {
        throw bad(
          "pixels \(shape), expected [images, 3, height, width] with a multiple of \(scaleFactor) patches of "
            + "\(patchSize) pixels each way")
      }
      tokens = shape[0] * (shape[2] / patchSize / scaleFactor) * (shape[3] / patchSize / scaleFactor)
      if let extents = input.extents {
        let (rows, columns) = (1...shape[2] / patchSize, 1...shape[3] / patchSize)
        guard extents.count == shape[0], extents.allSatisfy({ rows ~= $0.rows && columns ~= $0.columns }) else {
          throw bad("valid patches \(extents), expected one extent per image within its patches")
        }
      }
    }
    let places = input.ids.count { $0 == imageToken }
    guard places == tokens else {
      throw UserError(
        .badInput,
        "model input: \(places) <image> tokens (id \(imageToken)) for \(input.images) images of "
          + "\(input.images > 0 ? tokens / input.images : tokensPerImage) visual tokens each",
        remedy: "put one <image> token per visual token into the text, of this model's count")
    }
  }
}

extension Idefics3Configuration {
  /// Names, shapes and places of the model's tensors, as `Idefics3.declare` puts them.
  public var layout: ParameterLayout {
    var layout = ParameterLayout()
    Idefics3<Float>.declare(self, into: &layout)
    return layout
  }

  /// Numbers that the model's tensors hold.
  public var parameterCount: Int { layout.entries.reduce(0) { $0 + $1.range.count } }
}
