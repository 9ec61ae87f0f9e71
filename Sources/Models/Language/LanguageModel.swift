import Autograd
import Tensors

/// The language half of every family: token embeddings, in which the visual tokens replace the rows of the `<image>`
/// tokens, a decoder, and the output head.
struct LanguageModel<Element: Scalar> {
  private let embeddings: Parameter<Element>
  private let decoder: Decoder<Element>
  /// [vocabulary, width]; the token embedding itself where the configuration ties them.
  let head: Parameter<Element>
  private let imageToken: Int
  /// Whose row stands in for an `<image>` token until it is replaced: the token's own, or, where it lies past the
  /// vocabulary, that of id 0.
  private let stand: Int

  /// Appends embeddings, decoder and, unless tied, head.
  static func declare<Configuration: ModelConfiguration>(_ c: Configuration, into layout: inout ParameterLayout) {
    let shape = [c.text.vocabularySize, c.text.hiddenSize]
    layout.add(Configuration.embeddingName, shape, .normal(c.text.initializerRange))
    Decoder<Element>.declare(c.text, prefix: Configuration.decoderPrefix, into: &layout)
    if c.tiesEmbeddings {
      layout.addLaterUse(Configuration.embeddingName)
    } else {
      layout.add(Configuration.headName, shape, .normal(c.text.initializerRange))
    }
  }

  init<Configuration: ModelConfiguration>(_ c: Configuration, arena: ParameterArena<Element>) {
    embeddings = arena[Configuration.embeddingName]
    decoder = Decoder(c.text, prefix: Configuration.decoderPrefix, arena: arena)
    head = c.tiesEmbeddings ? embeddings : arena[Configuration.headName]
    imageToken = c.imageToken
    stand = (0..<c.text.vocabularySize).contains(c.imageToken) ? c.imageToken : 0
  }

  /// Hidden states of every row. With a cache the rows continue the sequences in its active slots.
  ///
  /// visual: [visualTokens.total, width], in the order of the `<image>` tokens.
  /// - Precondition: the input holds one `<image>` token per visual token.
  func forward(
    _ input: ModelInput<Element>, visual: Variable<Element>, visualTokens: Segments, tape: Tape<Element>,
    cache: KeyValueCache<Element>?, observe: StateObserver<Element>?
  ) -> ModelOutput<Element> {
    var embedded = tape.embedding(input.ids.map { $0 == imageToken ? stand : $0 }, embeddings)
    if visualTokens.total > 0 {
      let places = input.ids.indices.filter { input.ids[$0] == imageToken }
      embedded = tape.replaceRows(embedded, at: places, by: visual)
    }
    observe?("text.embeddings", embedded)
    let hidden = decoder.forward(embedded, input: input, cache: cache, tape: tape, observe: observe)
    return ModelOutput(hidden: hidden, visual: visual, visualTokens: visualTokens)
  }

  /// Scores of every token of the vocabulary. hidden: [n, width], result: [n, vocabulary].
  func logits(_ hidden: Variable<Element>, tape: Tape<Element>) -> Variable<Element> { tape.linear(hidden, head) }
}
