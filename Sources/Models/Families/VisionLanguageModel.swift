import Autograd
import Tensors

/// A model that reads images and text and predicts the next token: the student, and teachers that run in process.
///
/// A model is made in two steps, so that one arena can hold it together with an objective's weights: `declare` adds its
/// tensors to a layout, then its initialiser finds them in the arena made from that layout.
public protocol VisionLanguageModel<Element>: AnyObject {
  associatedtype Element: Scalar

  var arena: ParameterArena<Element> { get }
  /// What the model was made from.
  var shape: any ModelConfiguration { get }
  /// Side, in patches, of the block that becomes one visual token.
  var scaleFactor: Int { get }
  /// The output head, [vocabulary, text width]: logits are the hidden states times its transpose.
  var head: Parameter<Element> { get }

  /// Checks an input against the model. - Throws: `UserError` saying what does not fit.
  func check(_ input: ModelInput<Element>) throws

  /// Hidden states of every row. With a cache the rows continue the sequences in its active slots.
  ///
  /// - Precondition: `check(input)` passes.
  func forward(
    _ input: ModelInput<Element>, tape: Tape<Element>, cache: KeyValueCache<Element>?,
    observe: StateObserver<Element>?
  ) -> ModelOutput<Element>

  /// Scores of every token of the vocabulary for the rows given (chosen by the caller with `tape.gatherRows`).
  ///
  /// hidden: [n, text width], result: [n, vocabulary].
  func logits(_ hidden: Variable<Element>, tape: Tape<Element>) -> Variable<Element>

  /// The images of a batch as Hugging Face's processor of this family pads them.
  ///
  /// - Throws: `UserError` naming the tensor whose shape is another than this family's.
  func images(in batch: PaddedInput<Element>) throws -> ImageInput<Element>
}

extension VisionLanguageModel {
  /// The connector's weight: all visual tokens pass it, so every loss has a gradient there.
  public var connectorWeight: Parameter<Element> { arena[shape.connectorName] }
  public var textWidth: Int { shape.text.hiddenSize }
  public var vocabularySize: Int { shape.text.vocabularySize }
  public var imageToken: Int { shape.imageToken }
  public var endTokens: [Int] { shape.endTokens }
  /// Side of a full image in pixels.
  public var imageSize: Int { shape.vision.imageSize }
  /// Side of a patch in pixels.
  public var patchSize: Int { shape.vision.patchSize }
  /// Visual tokens of one full image.
  public var tokensPerImage: Int { shape.tokensPerImage }
  /// Heads of the decoder's attention, and heads of its keys and values.
  public var textHeads: (queries: Int, keys: Int) { (shape.text.heads, shape.text.keyValueHeads) }

  /// An empty cache for `sequences` sequences of up to `capacity` tokens.
  public func cache(sequences: Int, capacity: Int) -> KeyValueCache<Element> {
    let text = shape.text
    return KeyValueCache(
      layers: text.layers, sequences: sequences, capacity: capacity, heads: text.keyValueHeads, width: text.headWidth)
  }

  public func forward(_ input: ModelInput<Element>, tape: Tape<Element>) -> ModelOutput<Element> {
    forward(input, tape: tape, cache: nil, observe: nil)
  }
}
