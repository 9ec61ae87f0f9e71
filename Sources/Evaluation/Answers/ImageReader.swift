import Autograd
import Cardiology
import Corpus
import Foundation
import Models
import Tensors

/// One image as a model is given it, and how the model is asked about it.
public struct ReadableImage: Sendable {
  /// [tiles, 3, tile height, tile width], channel-first.
  public let pixels: [Float]
  public let geometry: ImageGeometry
  public let prompt: any QuestionPrompt

  public init(pixels: [Float], geometry: ImageGeometry, prompt: any QuestionPrompt) {
    self.pixels = pixels
    self.geometry = geometry
    self.prompt = prompt
  }

  /// A conditioned recording as a model sees it. - Throws: as `ECGView.pixelValues(of:)`.
  public init(_ record: ECGRecord, for side: ModelSide) throws {
    self.init(pixels: try side.view.pixelValues(of: record), geometry: side.view.geometry, prompt: side.prompt)
  }
}

/// Asks a model about images: questions that are answered in words, or yes/no questions whose answers have probabilities.
public struct ImageReader {
  private let generator: Generator<Float>

  /// - Parameter team: see `Generator`.
  public init(model: any VisionLanguageModel<Float>, team: ThreadTeam? = nil) {
    generator = Generator(model, team: team)
  }

  /// p(yes) / (p(yes) + p(no)) of each question at the first answer token; 0.5 where both are too small to be told from 0 (below
  /// e^-87 of the likeliest token's), NaN where the model's numbers have run over.
  ///
  /// The questions are branches behind one image, which is computed once.
  public func probabilities(_ image: ReadableImage, of questions: [String]) throws -> [Double] {
    let prompt = image.prompt
    let prompts = try questions.map { question -> TokenizedConversation in
      let ids = try prompt.ids(asking: question) + prompt.sharedAnswer
      return TokenizedConversation(ids: ids, answerStart: ids.count)
    }
    let joined = TokenizedConversation(prompts, common: prompt.commonLength)
    return try generator.firstTokenProbabilities(
      input(joined, image.pixels, [image.geometry]), of: [Int(prompt.yesId), Int(prompt.noId)]
    ).map { pair in
      let sum = pair[0] + pair[1]
      return sum == 0 ? 0.5 : pair[0] / sum
    }
  }

  /// The greedy answer to a question.
  ///
  /// - Parameters:
  ///   - tokens: the most that are generated.
  ///   - onToken: called as each token comes.
  ///   - onText: called with the text that became certain, part by part; the parts together are the answer.
  public func text(
    asking question: String, _ image: ReadableImage, tokens: Int, onToken: () -> Void = {},
    onText: (String) -> Void = { _ in }
  ) throws -> String {
    try generated(
      image.prompt.ids(asking: question), image.pixels, [image.geometry], image.prompt.tokenizer,
      endId: Int(image.prompt.endId), tokens: tokens, onToken: onToken, onText: onText)
  }

  /// The greedy answers of a dialogue about images that are shown with its first question: each question is asked behind
  /// the answers to those before it.
  ///
  /// - Parameter tokens: the most that are generated of each answer.
  public func answers(to questions: [String], _ images: ReadableImages, tokens: Int) throws -> [String] {
    var turns: [Conversation.Turn] = []
    var answers: [String] = []
    for question in questions {
      turns.append(.init(.human, question, images: turns.isEmpty ? images.geometries.count : 0))
      let answer = try generated(
        images.ids(of: turns), images.pixels, images.geometries, images.prompt.tokenizer, endId: images.endId,
        tokens: tokens)
      answers.append(answer)
      turns.append(.init(.assistant, answer.trimmingCharacters(in: .whitespacesAndNewlines)))
    }
    return answers
  }

  /// What the model writes behind a prompt.
  private func generated(
    _ ids: [Int32], _ pixels: [Float], _ geometries: [ImageGeometry], _ tokenizer: any Tokenizer, endId: Int,
    tokens: Int, onToken: () -> Void = {}, onText: (String) -> Void = { _ in }
  ) throws -> String {
    var answer = StreamedText(tokenizer)
    func tell(_ part: String) { if !part.isEmpty { onText(part) } }
    _ = try generator.generate(
      input(TokenizedConversation(ids: ids, answerStart: ids.count), pixels, geometries), maximumNewTokens: tokens,
      stopTokens: [endId]
    ) { _, token in
      onToken()
      tell(answer.append(Int32(token)))
      return true
    }
    tell(answer.finish())
    return answer.text
  }

  private func input(
    _ conversation: TokenizedConversation, _ pixels: [Float], _ images: [ImageGeometry]
  ) -> ModelInput<Float> {
    let tile = images[0].tile
    return ModelInput(
      pixels: Tensor(pixels, [images.reduce(0) { $0 + $1.tiles }, 3, tile.height, tile.width]),
      imageSizes: images.map { ImageSize(height: $0.original.height, width: $0.original.width) },
      ids: conversation.ids.map(Int.init),
      sequences: Segments(lengths: [conversation.ids.count]),
      branches: conversation.branches.isEmpty ? nil : [conversation.branches])
  }
}
