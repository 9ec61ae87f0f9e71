import Autograd
import Tensors

/// The Idefics3 / SmolVLM model: vision tower, connector, and a Llama decoder in whose input the visual tokens replace
/// the embeddings of the `<image>` tokens. Tensor names are those of `Idefics3ForConditionalGeneration`.
public final class Idefics3<Element: Scalar>: VisionLanguageModel {
  public let configuration: Idefics3Configuration
  public let arena: ParameterArena<Element>
  private let vision: VisionTransformer<Element>
  private let connector: Connector<Element>
  private let language: LanguageModel<Element>

  /// Appends the model's tensors in the order forward uses them, so that gradients complete from the end in backward.
  public static func declare(_ configuration: Idefics3Configuration, into layout: inout ParameterLayout) {
    VisionTransformer<Element>.declare(configuration.vision, prefix: "model.vision_model.", into: &layout)
    Connector<Element>.declare(configuration, prefix: Idefics3Configuration.connectorPrefix, into: &layout)
    LanguageModel<Element>.declare(configuration, into: &layout)
  }

  /// The model whose tensors `declare` put into the arena's layout.
  public init(_ configuration: Idefics3Configuration, arena: ParameterArena<Element>) {
    self.configuration = configuration
    self.arena = arena
    vision = VisionTransformer(configuration.vision, prefix: "model.vision_model.", arena: arena)
    connector = Connector(configuration, prefix: Idefics3Configuration.connectorPrefix, arena: arena)
    language = LanguageModel(configuration, arena: arena)
  }

  public func forward(
    _ input: ModelInput<Element>, tape: Tape<Element>, cache: KeyValueCache<Element>?,
    observe: StateObserver<Element>?
  ) -> ModelOutput<Element> {
    let (visual, visualTokens) = visualTokens(input, tape: tape, observe: observe)
    return language.forward(
      input, visual: visual, visualTokens: visualTokens, tape: tape, cache: cache, observe: observe)
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
    language.logits(hidden, tape: tape)
  }
}

extension Idefics3 {
  public var shape: any ModelConfiguration { configuration }
  public var head: Parameter<Element> { language.head }
  public var scaleFactor: Int { configuration.scaleFactor }

  public func check(_ input: ModelInput<Element>) throws {
    try input.checkText(configuration)
    var tokens = 0
    if input.images > 0 {
      let shape = input.pixels.shape
      guard shape.count == 4, shape[1] == configuration.vision.channels, shape[2] >= patchSize,
        shape[3] >= patchSize, shape[2] / patchSize % scaleFactor == 0, shape[3] / patchSize % scaleFactor == 0
      else {
        throw input.bad(
          "pixels \(shape), expected [images, 3, height, width] with a multiple of \(scaleFactor) patches of "
            + "\(patchSize) pixels each way")
      }
      tokens = shape[0] * (shape[2] / patchSize / scaleFactor) * (shape[3] / patchSize / scaleFactor)
      if let extents = input.extents {
        let (rows, columns) = (1...shape[2] / patchSize, 1...shape[3] / patchSize)
        guard extents.count == shape[0], extents.allSatisfy({ rows ~= $0.rows && columns ~= $0.columns }) else {
          throw input.bad("valid patches \(extents), expected one extent per image within its patches")
        }
      }
    }
    try input.checkPlaces(imageToken: imageToken, expected: tokens)
  }

  public func images(in batch: PaddedInput<Element>) throws -> ImageInput<Element> {
    try batch.paddedImages(patchSize: patchSize)
  }
}
