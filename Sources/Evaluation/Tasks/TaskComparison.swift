import Foundation
import Tensors

/// Paired differences of two systems' answers to the questions that both have answered.
public struct TaskComparison: Sendable, Equatable, Codable {
  /// What the second system's answers are called.
  public var second: String
  public var items: Int
  /// Questions that the second has no answer to.
  public var onlyFirst: [String]
  /// Answers of the second to what the first was not asked.
  public var onlySecond: [String]
  public var rules: ScoringRules
  public var bootstrap: Bootstrap
  public var differences: [ScoreDifference]
  /// What the differences leave out beside these, one sentence each.
  public var notes: [String]

  /// The comparison as text of fixed width.
  public func table() -> String {
    var table = TextTable()
    let percent = rules == .ecgbench
    table.heading(
      percent ? "Difference, ECGBench's rules, x 100" : "Difference", "this minus other",
      "\(TextTable.decimals(100 * bootstrap.level, 0))% interval", "p")
    for row in differences {
      table.row(
        [row.group.isEmpty ? row.measure : "\(row.measure), \(row.group)"]
          + TextTable.cells(row.difference.difference, percent: percent)
          + [row.difference.probability(of: bootstrap)])
    }
    return "Compared with \(second) on the \(items) questions that both answer\n\n" + table.render()
      + (unpaired + notes + incomplete).map { $0 + "\n" }.joined()
  }

  /// Why a mean over classes has no interval.
  private var incomplete: [String] {
    differences.compactMap { row in
      let difference = row.difference.difference
      return difference.low == nil ? difference.noteOnClasses(row.measure, bootstrap) : nil
    }
  }

  private var unpaired: [String] {
    [
      onlyFirst.isEmpty ? nil : "\(onlyFirst.count) questions are answered here alone: \(UserError.some(onlyFirst))",
      onlySecond.isEmpty
        ? nil : "\(onlySecond.count) answers are in the other file alone: \(UserError.some(onlySecond))",
    ].compactMap { $0 }
  }
}

extension BenchmarkTask {
  /// This system's answers against another's, on the questions that both answer.
  ///
  /// - Parameters:
  ///   - first: the answers to all of this task's questions.
  ///   - second: the other's, to some of them; those about what the task leaves out count for nothing.
  ///   - source: what the other's answers are called.
  /// - Throws: `UserError` (bad input) where both answer no question.
  public func comparison(
    _ first: Predictions, with second: Predictions, from source: String, rules: ScoringRules, bootstrap: Bootstrap
  ) throws -> TaskComparison {
    let answered = try answering(second, from: source)
    let (own, theirs) = (Set(questions.map(\.id)), Set(answered.predictions.map(\.id)))
    let shared = own.intersection(theirs)
    let both = including { shared.contains($0.id) }
    let found = try both.differences(
      first.including { shared.contains($0.id) }, answered.including { shared.contains($0.id) }, rules: rules,
      bootstrap: bootstrap)
    return TaskComparison(
      second: source, items: shared.count, onlyFirst: questions.map(\.id).filter { !theirs.contains($0) },
      onlySecond: answered.predictions.map(\.id).filter { !own.contains($0) }, rules: found.rules, bootstrap: bootstrap,
      differences: found.rows, notes: found.notes)
  }

  /// Another's answers that count here, to whatever questions.
  /// - Throws: `UserError` (bad input) where none of them is to a question of this task.
  @discardableResult
  public func answering(_ second: Predictions, from source: String) throws -> Predictions {
    let (others, own) = (Set(leftOut), Set(questions.map(\.id)))
    let answered = second.including { $0.skipped == nil && !others.contains($0.id) }
    guard answered.predictions.contains(where: { own.contains($0.id) }) else {
      throw UserError(
        .badInput, "\(source) answers none of the \(own.count) questions of \(name)",
        remedy: "compare answers to the same task, data and fold")
    }
    return answered
  }
}

/// A report with a comparison behind it; as JSON, the report's own keys and `comparison`.
public struct ComparedReport: EvaluationReport {
  public let report: any EvaluationReport
  public let comparison: TaskComparison

  public init(_ report: any EvaluationReport, _ comparison: TaskComparison) {
    (self.report, self.comparison) = (report, comparison)
  }

  private enum Key: String, CodingKey { case comparison }

  public func encode(to encoder: any Encoder) throws {
    try report.encode(to: encoder)
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(comparison, forKey: .comparison)
  }

  public func table(by rules: ScoringRules) -> String { report.table(by: rules) + "\n" + comparison.table() }
}
