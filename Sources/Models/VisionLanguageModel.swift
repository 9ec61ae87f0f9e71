import Autograd
import Tensors

/// A model that reads images and text and predicts the next token: the student, and teachers that run in process.
///
/// A model is made in two steps, so that one arena can hold it together with an objective's weights: `declare` adds its
/// tensors to a layout, then its initialiser finds them in the arena made from that layout.
public protocol VisionLanguageModel<Element>: AnyObject {
  associatedtype Element: Scalar

  var arena: ParameterArena<Element> { get }
  var textWidth: Int { get }
  var vocabularySize: Int { get }
  var imageToken: Int { get }
  var endTokens: [Int] { get }
  /// Side of a full image in pixels.
  var imageSize: Int { get }
  /// Side of a patch in pixels.
  var patchSize: Int { get }
  /// Side, in patches, of the block that becomes one visual token.
  var scaleFactor: Int { get }
  /// Visual tokens of one full image.
  var tokensPerImage: Int { get }
  /// Heads of the decoder's attention, and heads of its keys and values.
  var textHeads: (queries: Int, keys: Int) { get }
  /// The connector's weight: all visual tokens pass it, so every loss has a gradient there.
  var connectorWeight: Parameter<Element> { get }

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

  /// An empty cache for `sequences` sequences of up to `capacity` tokens.
  func cache(sequences: Int, capacity: Int) -> KeyValueCache<Element>
}

extension VisionLanguageModel {
  public func forward(_ input: ModelInput<Element>, tape: Tape<Element>) -> ModelOutput<Element> {
    forward(input, tape: tape, cache: nil, observe: nil)
  }
}
