import Corpus
import Foundation
import Tensors

/// What a finished run of an ablation answered about the records it is scored on, or why it has no answers; `answers.json` in
/// its folder, whose presence says that the run is done.
public struct AblationAnswers: Codable, Sendable {
  public struct Answer: Codable, Sendable {
    public var id: String
    public var truth: [String]
    public var probabilities: [Double]
    public var text: String
    /// What a resample draws in place of the record, its patient; absent in files of earlier versions.
    public var subject: String?
  }

  /// Which records these are.
  public var subset: String
  /// Seconds of the run's last start, evaluation included.
  public var seconds: Double
  public var answers: [Answer]
  /// Why training or its student came to nothing; absent where they did not.
  public var failure: String?

  public static let fileName = "answers.json"

  public init(subset: String, seconds: Double, _ answers: [LabelAnswer]) {
    self.subset = subset
    self.seconds = seconds
    self.answers = answers.map {
      Answer(
        id: $0.id, truth: $0.gold.sorted(), probabilities: $0.probabilities ?? [], text: $0.text ?? "",
        subject: $0.subject)
    }
  }

  /// The answers about several folds. - Precondition: there is one.
  public init(_ folds: [AblationAnswers]) {
    subset = folds[0].subset
    seconds = folds.reduce(0) { $0 + $1.seconds }
    answers = folds.flatMap(\.answers)
  }

  /// Of a run that came to nothing.
  public init(subset: String, seconds: Double, failure: String) {
    (self.subset, self.seconds, self.failure, answers) = (subset, seconds, failure, [])
  }

  /// - Parameter questions: that were asked.
  /// - Throws: `UserError` where the run came to nothing.
  public func macroAUC(_ questions: QuestionSet) throws -> Double? {
    if let failure { throw UserError(.badInput, failure) }
    let task = LabelMetrics(
      trained: questions, subset: subset, bootstrap: try Bootstrap(seed: 0, replicates: 1, level: 0.95))
    return try task.report(scored).probabilities?.macroAUC.value
  }

  public var scored: [LabelAnswer] { scored(subjects: [:]) }

  /// - Parameter subjects: by record, what a resample draws with all its records; for others it is what the file says,
  ///   or the record itself.
  public func scored(subjects: [String: String]) -> [LabelAnswer] {
    answers.map {
      LabelAnswer(
        id: $0.id, gold: Set($0.truth), probabilities: $0.probabilities, text: $0.text,
        subject: subjects[$0.id] ?? $0.subject)
    }
  }

  /// Whether the file says of every record what resamples draw in its place.
  public var tellsSubjects: Bool { !answers.contains { $0.subject == nil } }

  /// The answers in the form in which a run's own evaluations are kept.
  ///
  /// - Parameter classes: to which the probabilities belong, in their order.
  /// - Throws: `UserError` (bad input) where a record occurs twice, or has probabilities of another number of classes.
  public func kept(classes: [String]) throws -> [KeptAnswer] {
    func damaged(_ why: String) -> UserError {
      UserError(.badInput, "\(Self.fileName): \(why)", remedy: Self.remedy)
    }
    if let id = firstRepeated(answers.map(\.id)) { throw damaged("record \(id) occurs twice") }
    return try answers.map { answer in
      guard answer.probabilities.isEmpty || answer.probabilities.count == classes.count else {
        throw damaged(
          "record \(answer.id) has \(answer.probabilities.count) probabilities of \(classes.count) classes")
      }
      return KeptAnswer(
        LabelAnswer(
          id: answer.id, gold: Set(answer.truth),
          probabilities: answer.probabilities.isEmpty ? nil : answer.probabilities, text: answer.text,
          subject: answer.subject), classes: classes)
    }
  }

  public static func exist(in folder: URL) -> Bool {
    FileManager.default.fileExists(atPath: folder.appendingPathComponent(fileName).path)
  }

  private static let remedy = "remove it; the same ablate command then evaluates the run's student again"

  /// - Throws: `UserError` naming the file, and what to do.
  public init(in folder: URL) throws {
    let file = folder.appendingPathComponent(Self.fileName)
    do { self = try JSONDecoder().decode(Self.self, from: try Data(contentsOf: file)) } catch {
      throw UserError(
        .badInput, "\(file.path) cannot be read: \(error.localizedDescription)", remedy: Self.remedy)
    }
  }

  /// Writes the file, complete or not at all.
  public func write(to folder: URL) throws {
    let file = folder.appendingPathComponent(Self.fileName)
    do { try JSONEncoder().encode(self).write(to: file, options: .atomic) } catch {
      throw UserError(
        .inputOutput, "\(file.path) cannot be written: \(error.localizedDescription)",
        remedy: "make room or mend permissions, then run the same command again")
    }
  }
}
