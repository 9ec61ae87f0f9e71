import Foundation

/// What an evaluation found, as JSON and as text.
public protocol EvaluationReport: Encodable, Sendable {
  /// The report as text of fixed width, of the scores by some rules where it holds those by several.
  func table(by rules: ScoringRules) -> String
}

extension EvaluationReport {
  /// The report as JSON, keys sorted; a value that is undefined is absent.
  public func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self)
  }
}

/// The means of one model on a task, with bootstrap intervals over recordings. Fractions throughout.
public struct ScoreReport: EvaluationReport, Equatable, Codable {
  public struct Row: Sendable, Equatable, Codable {
    /// Kind of items; empty for all.
    public var group: String
    public var measure: String
    public var items: Int
    public var value: Estimate
  }

  public var task: String
  public var subset: String
  public var rules: ScoringRules
  public var items: Int
  public var bootstrap: Bootstrap
  public var rows: [Row]
  public var counts: [ItemScores.Count]
  /// What the numbers leave out, one sentence each.
  public var notes: [String]

  public func table(by rules: ScoringRules) -> String { table() }

  /// The report as text of fixed width.
  public func table() -> String {
    var table = TextTable()
    let interval = "\(TextTable.decimals(100 * bootstrap.level, 0))% interval"
    table.heading(rules == .ecgbench ? "Text, ECGBench's rules, x 100" : "Text", "items", "value", interval)
    for row in rows {
      let name = row.group.isEmpty ? row.measure : "\(row.measure), \(row.group)"
      table.row([name, "\(row.items)"] + TextTable.cells(row.value, percent: rules == .ecgbench))
    }
    for count in counts { table.row(count.what, "\(count.count)") }
    return "\(task): \(subset), \(items) items\n\n" + table.render() + notes.map { $0 + "\n" }.joined()
  }
}

/// The paired differences of two models in every score.
public struct ScoreDifferences: Sendable, Equatable {
  /// By whose rules texts were read; a task may have the same scores by either.
  public var rules: ScoringRules
  public var rows: [ScoreDifference]
  /// What they leave out, one sentence each.
  public var notes: [String] = []
}

/// The paired difference of two models in one mean.
public struct ScoreDifference: Sendable, Equatable, Codable {
  /// Kind of items; empty for all.
  public var group: String
  public var measure: String
  /// First minus second.
  public var difference: PairedDifference
}
