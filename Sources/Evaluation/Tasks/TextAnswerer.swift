import Cluster
import Corpus
import Foundation
import Models
import Tensors

/// Asks a model the questions of a task, over the ranks.
public struct TextAnswerer {
  private let reader: ImageReader
  private let answerTokens: Int
  /// What a question shows, as the model is given it.
  private let image: (TextQuestion) throws -> ReadableImage

  public init(
    model: any VisionLanguageModel<Float>, answerTokens: Int, image: @escaping (TextQuestion) throws -> ReadableImage
  ) {
    reader = ImageReader(model: model)
    self.answerTokens = answerTokens
    self.image = image
  }

  /// Collective: the greedy answers to all questions, in their order, on every rank; the same for any number of ranks.
  ///
  /// - Parameters:
  ///   - earlier: the answers to the first questions, which are not asked again.
  ///   - log: told on every rank, after each round, of its answers.
  ///   - progress: told on every rank, after each of its own, of how many questions are done.
  /// - Throws: `AgreedError` of kind stopped when a stop was asked for meanwhile.
  public func answers(
    _ questions: [TextQuestion], earlier: [Prediction], communicator: any Communicator, stop: StopFlag, remedy: String,
    log: ([Prediction]) throws -> Void, progress: (_ done: Int) -> Void
  ) throws -> [Prediction] {
    func prediction(_ question: TextQuestion, _ text: String) -> Prediction {
      Prediction(id: question.id, prompt: question.prompt, text: text)
    }
    var done = earlier.count
    let texts = try communicator.dealt(
      earlier.count..<questions.count, stop: stop, remedy: remedy, progress: progress,
      finished: { (texts: [String]) in
        try log(zip(questions[done...], texts).map(prediction))
        done += texts.count
      }
    ) { index in
      let question = questions[index]
      do {
        return try reader.text(asking: question.prompt, image(question), tokens: answerTokens)
      } catch let error as UserError {
        throw UserError(error.kind, "question \(question.id): \(error.message)", remedy: error.remedy)
      }
    }
    return earlier + zip(questions[earlier.count...], texts).map(prediction)
  }
}
