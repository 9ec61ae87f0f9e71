import Cluster
import Corpus
import Foundation
import Models
import Tensors

/// Asks a model the questions of a task, over the ranks: those answered in words, and those answered by yes or no.
public struct TextAnswerer {
  private let reader: ImageReader
  private let answerTokens: Int
  private let yesNoQuestions: [YesNoQuestion]
  private let skipsUnreadable: Bool
  /// What a question shows, as the model is given it.
  private let subject: (TextQuestion) throws -> ReadableSubject

  /// - Parameters:
  ///   - yesNoQuestions: what is asked about everything that is shown, beside its own question.
  ///   - skipsUnreadable: whether a question whose picture or recording cannot be read is skipped, in place of ending it all.
  public init(
    model: any VisionLanguageModel<Float>, answerTokens: Int, yesNoQuestions: [YesNoQuestion] = [],
    skipsUnreadable: Bool = false, subject: @escaping (TextQuestion) throws -> ReadableSubject
  ) {
    reader = ImageReader(model: model)
    self.answerTokens = answerTokens
    self.yesNoQuestions = yesNoQuestions
    self.skipsUnreadable = skipsUnreadable
    self.subject = subject
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
    func prediction(_ question: TextQuestion, _ reading: Reading) -> Prediction {
      Prediction(
        id: question.id, prompt: question.prompt, text: reading.text, probabilities: reading.probabilities,
        turns: reading.turns, skipped: reading.skipped)
    }
    var done = earlier.count
    let readings = try communicator.dealt(
      earlier.count..<questions.count, stop: stop, remedy: remedy, progress: progress,
      finished: { (readings: [Reading]) in
        try log(zip(questions[done...], readings).map(prediction))
        done += readings.count
      }
    ) { index in
      let question = questions[index]
      do { return try answer(question) } catch let error as UserError {
        throw UserError(error.kind, "question \(question.id): \(error.message)", remedy: error.remedy)
      }
    }
    return earlier + zip(questions[earlier.count...], readings).map(prediction)
  }

  /// What a model says of one question.
  private struct Reading: Codable {
    var text: String
    var probabilities: [String: Double]?
    var turns: [String]?
    var skipped: String?
  }

  private func answer(_ question: TextQuestion) throws -> Reading {
    let shown: ReadableSubject
    do { shown = try subject(question) } catch let error as UserError
      where [.badInput, .inputOutput].contains(error.kind)
    {
      guard !skipsUnreadable else { return Reading(text: "", skipped: error.message) }
      let remedies = [error.remedy, "leave out such questions (--missing-images skip)"].filter { !$0.isEmpty }
      throw UserError(error.kind, error.message, remedy: remedies.joined(separator: ", or "))
    }
    let image: ReadableImage
    switch shown {
    case .image(let one): image = one
    case .images(let images):
      let answers = try reader.answers(to: [question.prompt] + question.followUps, images, tokens: answerTokens)
      return Reading(text: answers.last ?? "", turns: question.followUps.isEmpty ? nil : answers)
    }
    let text = try reader.text(asking: question.prompt, image, tokens: answerTokens)
    guard !yesNoQuestions.isEmpty else { return Reading(text: text) }
    let values = try reader.probabilities(image, of: yesNoQuestions.map(\.prompt))
    for (asked, value) in zip(yesNoQuestions, values) where !value.isFinite {
      throw UserError(
        .badInput, "the model's probability of \(asked.label) is \(value)",
        remedy: "its numbers have run over; look at its weights")
    }
    return Reading(
      text: text,
      probabilities: Dictionary(zip(yesNoQuestions.map(\.label), values), uniquingKeysWith: { first, _ in first }))
  }
}
