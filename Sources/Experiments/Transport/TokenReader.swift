import Autograd
import Cardiology
import Corpus
import Evaluation
import Models
import Tensors

/// What one model makes of one recording, token by token.
struct TokenStates {
  /// [L, width]: hidden states after the final norm, of the whole prompt.
  let hidden: Tensor<Float>
  /// [image tokens, visual width]: the connector's output.
  let visual: Tensor<Float>
  /// Rows of `hidden` that stand for the image.
  let imageRows: [Int]
}

/// Reads recordings with a model as the distillation terms do.
struct TokenReader {
  let model: any VisionLanguageModel<Float>
  let side: ModelSide

  /// The question that goes with the image; it has no answer, so that any recording can be read.
  static let question = Question(kind: .classification, text: QuestionSet.superclasses.listing, answer: "")

  var grid: TokenGrid { TokenGrid(tokens: model.tokensPerImage, imageSize: model.imageSize) }

  /// - Parameter record: a conditioned recording.
  func read(_ record: ECGRecord) throws -> TokenStates {
    let input = try side.input(record, [Self.question], withAnswers: false)
    let ids = input.conversation.ids.map(Int.init)
    let given = ModelInput(
      pixels: Tensor(input.pixels, [1, 3, model.imageSize, model.imageSize]), ids: ids,
      sequences: Segments(lengths: [ids.count]))
    try model.check(given)
    let output = model.forward(given, tape: Tape(pool: BufferPool(), recording: false))
    return TokenStates(
      hidden: output.hidden.value, visual: output.visual.value,
      imageRows: ids.indices.filter { ids[$0] == model.imageToken })
  }
}
