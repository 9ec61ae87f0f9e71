import Corpus
import Evaluation
import Foundation
import Tensors

/// What a finished run of an ablation answered about the records it is scored on, or why it has no answers; `answers.json` in
/// its folder, whose presence says that the run is done.
struct AblationAnswers: Codable, Sendable {
  struct Answer: Codable, Sendable {
    var id: String
    var truth: [String]
    var probabilities: [Double]
    var text: String
  }

  /// Which records these are.
  var subset: String
  /// Seconds of the run's last start, evaluation included.
  var seconds: Double
  var answers: [Answer]
  /// Why training or its student came to nothing; absent where they did not.
  var failure: String?

  static let fileName = "answers.json"

  init(subset: String, seconds: Double, _ answers: [LabelAnswer]) {
    self.subset = subset
    self.seconds = seconds
    self.answers = answers.map {
      Answer(id: $0.id, truth: $0.gold.sorted(), probabilities: $0.probabilities ?? [], text: $0.text ?? "")
    }
  }

  /// The answers about several folds. - Precondition: there is one.
  init(_ folds: [AblationAnswers]) {
    subset = folds[0].subset
    seconds = folds.reduce(0) { $0 + $1.seconds }
    answers = folds.flatMap(\.answers)
  }

  /// Of a run that came to nothing.
  init(subset: String, seconds: Double, failure: String) {
    (self.subset, self.seconds, self.failure, answers) = (subset, seconds, failure, [])
  }

  /// - Parameter questions: that were asked.
  /// - Throws: `UserError` where the run came to nothing.
  func macroAUC(_ questions: QuestionSet) throws -> Double? {
    if let failure { throw UserError(.badInput, failure) }
    let task = LabelMetrics(
      trained: questions, subset: subset, bootstrap: try Bootstrap(seed: 0, replicates: 1, level: 0.95))
    return try task.report(scored).probabilities?.macroAUC.value
  }

  var scored: [LabelAnswer] { scored(subjects: [:]) }

  /// - Parameter subjects: by record, what a resample draws with all its records; others are drawn by themselves.
  func scored(subjects: [String: String]) -> [LabelAnswer] {
    answers.map {
      LabelAnswer(
        id: $0.id, gold: Set($0.truth), probabilities: $0.probabilities, text: $0.text, subject: subjects[$0.id])
    }
  }

  static func exist(in folder: URL) -> Bool {
    FileManager.default.fileExists(atPath: folder.appendingPathComponent(fileName).path)
  }

  /// - Throws: `UserError` naming the file, and what to do.
  init(in folder: URL) throws {
    let file = folder.appendingPathComponent(Self.fileName)
    do { self = try JSONDecoder().decode(Self.self, from: try Data(contentsOf: file)) } catch {
      throw UserError(
        .badInput, "\(file.path) cannot be read: \(error.localizedDescription)",
        remedy: "remove it; the run's student is then evaluated again")
    }
  }

  /// Writes the file, complete or not at all.
  func write(to folder: URL) throws {
    let file = folder.appendingPathComponent(Self.fileName)
    do { try JSONEncoder().encode(self).write(to: file, options: .atomic) } catch {
      throw UserError(
        .inputOutput, "\(file.path) cannot be written: \(error.localizedDescription)",
        remedy: "make room or mend permissions, then run the same command again")
    }
  }
}
