import Corpus
import Tensors

/// A question about what is shown, answered in words.
public struct TextQuestion: Sendable, Equatable {
  /// Unique in its task.
  public let id: String
  /// The words a model is asked with.
  public let prompt: String
  /// Recordings by name, or pictures by path, in the order in which they are shown.
  public let shown: [String]
  /// What is asked next, each behind the model's own answers so far.
  public let followUps: [String]

  public init(id: String, prompt: String, shown: [String], followUps: [String] = []) {
    self.id = id
    self.prompt = prompt
    self.shown = shown
    self.followUps = followUps
  }

  /// What it is about; questions of the same subject are not independent.
  public var subject: String { shown.isEmpty ? id : shown.joined(separator: " + ") }
}

/// A question with what is known of its answer.
public protocol TextItem: Sendable {
  var question: TextQuestion { get }
  /// What may be answered, where the question lists it; else empty.
  var options: [String] { get }
  /// What it is about: a patient where that is known, else what is shown. A resample draws all items about one subject, or
  /// none.
  var subject: String { get }
}

extension TextItem {
  public var options: [String] { [] }

  public var subject: String { question.subject }
}

/// A question about everything that is shown that is answered by yes or no, and whose answer has a probability.
public struct YesNoQuestion: Sendable, Equatable {
  /// What the probability is of.
  public let label: String
  /// The words a model is asked with.
  public let prompt: String
}

/// A benchmark: questions with what is known of their answers, and how answers are scored.
public protocol BenchmarkTask: Sendable {
  associatedtype Item: TextItem
  var name: String { get }
  var items: [Item] { get set }
  /// What is asked about everything that is shown, beside its own question; empty where answers are texts alone.
  var yesNoQuestions: [YesNoQuestion] { get }
  /// Names of what the data hold and the task does not ask about; predictions for these are ignored, and counted.
  var leftOut: [String] { get }
  /// The task of these of its questions alone, and of what it leaves out.
  func choosing(_ ids: Set<String>) -> Self
  /// Refuses rules by which its answers cannot be read. - Throws: `UserError` (usage).
  func check(_ rules: ScoringRules) throws
  /// The scores of answers.
  /// - Parameter notes: what a reader of the scores must know beside what the task knows itself.
  /// - Throws: `UserError` where the predictions are not those of the questions.
  func report(
    _ predictions: Predictions, rules: ScoringRules, bootstrap: Bootstrap, notes: [String]
  ) throws -> any EvaluationReport
  /// Every score of the first answers minus that of the second, on the same items.
  /// - Throws: `UserError` where either predictions are not those of the questions, or nothing is scored here.
  func differences(
    _ first: Predictions, _ second: Predictions, rules: ScoringRules, bootstrap: Bootstrap
  ) throws -> ScoreDifferences
}

/// A benchmark whose answers are texts, scored one by one.
public protocol TextTask: BenchmarkTask {
  /// What each item scored.
  /// - Throws: `UserError` where the predictions are not those of the questions.
  func scores(_ predictions: Predictions, rules: ScoringRules) throws -> ItemScores
}

extension TextTask {
  public var yesNoQuestions: [YesNoQuestion] { [] }

  public func check(_ rules: ScoringRules) throws {}

  public func report(
    _ predictions: Predictions, rules: ScoringRules, bootstrap: Bootstrap, notes: [String]
  ) throws -> any EvaluationReport {
    var scores = try scores(predictions, rules: rules)
    scores.notes += notes
    return scores.report(bootstrap)
  }

  public func differences(
    _ first: Predictions, _ second: Predictions, rules: ScoringRules, bootstrap: Bootstrap
  ) throws -> ScoreDifferences {
    let (one, other) = (try scores(first, rules: rules), try scores(second, rules: rules))
    return ScoreDifferences(rules: one.rules, rows: try one.differences(from: other, bootstrap))
  }
}

extension BenchmarkTask {
  public var leftOut: [String] { [] }

  /// What is to be said of resamples, by the patients that the items are about; empty where none is known.
  /// - Parameter noun: what an item is called in the plural, records for example.
  func notesOnPatients(_ noun: String) -> [String] {
    let known = items.filter { $0.subject.hasPrefix(ECGSample.Group.patient("").name) }
    guard !known.isEmpty else { return [] }
    let pairs = known.contains { $0.question.shown.count > 1 } ? " or pairs of these" : ""
    return [
      noteOnDraws(
        known.count, noun, of: "\(Set(known.map(\.subject)).count) patients\(pairs)", others: items.count - known.count)
    ]
  }

  public var questions: [TextQuestion] { items.map(\.question) }

  public func choosing(_ ids: Set<String>) -> Self { including { ids.contains($0.id) } }

  /// The task of these questions alone.
  public func including(_ isIncluded: (TextQuestion) -> Bool) -> Self {
    var part = self
    part.items = items.filter { isIncluded($0.question) }
    return part
  }

  /// Each prediction, which is a text, with its item, in the order of the predictions.
  /// - Throws: `UserError` where the predictions are not those of the items, or one has no text.
  func paired(_ predictions: Predictions) throws -> (items: [Item], answers: [Prediction]) {
    let answers = try predictions.answers(to: questions.map(\.id), benchmark: name)
    if let lacking = answers.first(where: { !$0.hasText }) {
      throw UserError(
        .badInput, "\(predictions.place(of: lacking.id)) has no text, and \(name) is answered by text",
        remedy: #"give it, "text": "..."; an empty one counts as wrong"#)
    }
    let byID = Dictionary(items.map { ($0.question.id, $0) }, uniquingKeysWith: { first, _ in first })
    return (answers.compactMap { byID[$0.id] }, answers)
  }
}

extension Conversation {
  /// The words of its one question, and the answer.
  /// - Parameter form: what an entry should be.
  /// - Throws: `UserError` (bad input) naming an entry that has more, or none.
  func exchange(_ form: String) throws -> (question: String, answer: Turn) {
    let human = turns.filter { $0.role == .human }
    let answers = turns.filter { $0.role == .assistant }
    guard human.count == 1, answers.count == 1 else {
      throw UserError(
        .badInput, "\(place): \(human.count) questions and \(answers.count) answers", remedy: "an entry is \(form)")
    }
    return (human[0].text, answers[0])
  }
}
