/// A question about what is shown, answered in words.
public struct TextQuestion: Sendable, Equatable {
  /// Unique in its task.
  public let id: String
  /// The words a model is asked with.
  public let prompt: String
  /// Recordings by name, or pictures by path, in the order in which they are shown.
  public let shown: [String]

  public init(id: String, prompt: String, shown: [String]) {
    self.id = id
    self.prompt = prompt
    self.shown = shown
  }

  /// What it is about; questions of the same subject are not independent.
  public var subject: String { shown.isEmpty ? id : shown.joined(separator: " + ") }
}

/// A benchmark whose answers are texts.
public protocol TextTask: Sendable {
  var name: String { get }
  var questions: [TextQuestion] { get }
  /// The task of these questions alone.
  func including(_ isIncluded: (TextQuestion) -> Bool) -> Self
  /// What each item scored.
  /// - Throws: `UserError` where the predictions are not those of the questions.
  func scores(_ predictions: Predictions, rules: ScoringRules) throws -> ItemScores
}
