import Evaluation
import Foundation
import Tensors

/// What a finished run measured, and where its files are.
public struct RunSummary: Codable, Sendable {
  public var folder: String
  /// Which records were evaluated.
  public var subset: String
  public var teacher: LabelReport?
  public var before: LabelReport?
  public var after: LabelReport?

  public static let fileName = "results.json"

  /// Name of the file that holds what a model answered; `model` is teacher, before or after.
  static func answersName(_ model: String) -> String { "answers-\(model).jsonl" }

  /// What a run folder holds; nil where it holds none that can be read.
  static func read(in folder: URL) -> RunSummary? {
    (try? Data(contentsOf: folder.appendingPathComponent(fileName))).flatMap {
      try? JSONDecoder().decode(RunSummary.self, from: $0)
    }
  }

  /// Writes `results.json` and the full reports as text.
  func write(to folder: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      try encoder.encode(self).write(to: folder.appendingPathComponent(Self.fileName), options: .atomic)
      try Data(details.utf8).write(to: folder.appendingPathComponent("results.txt"), options: .atomic)
    } catch {
      throw UserError(
        .inputOutput, "results cannot be written to \(folder.path): \(error.localizedDescription)",
        remedy: "make room or mend permissions, then run the same command again; the student is saved")
    }
  }

  private var models: [(name: String, report: LabelReport)] {
    [("teacher", teacher), ("student before", before), ("student after", after)]
      .compactMap { name, report in report.map { (name, $0) } }
  }

  /// Every model's full report.
  public var details: String { models.map { "== \($0.name) ==\n\($0.report.table())" }.joined(separator: "\n") }

  /// Teacher, student before and student after side by side.
  public func table() -> String {
    guard let records = models.first?.report.records else { return "no model was evaluated\n" }
    var table = TextTable()
    table.heading("", "macro AUC", "95% interval", "macro F1", "95% interval", "ECGBench F1 x 100")
    for (name, report) in models {
      let scores = report.probabilities
      table.row([
        name, Self.value(scores?.macroAUC), Self.interval(scores?.macroAUC), Self.value(scores?.macroF1),
        Self.interval(scores?.macroF1), Self.value(report.ecgBench?.macroF1, percent: true),
      ])
    }
    return table.render()
      + "\n\(subset), \(records) records\(isPartOfPTBXL ? "; published figures are of all of fold 10" : "")\n"
      + (models.first?.report.remarks ?? []).map { "\($0)\n" }.joined()
  }

  private var isPartOfPTBXL: Bool { subset.hasPrefix("PTB-XL") }

  private static func value(_ estimate: Estimate?, percent: Bool = false) -> String {
    estimate?.value.map { String(format: percent ? "%.1f" : "%.3f", percent ? 100 * $0 : $0) } ?? "-"
  }

  private static func interval(_ estimate: Estimate?) -> String {
    guard let low = estimate?.low, let high = estimate?.high else { return "-" }
    return String(format: "%.3f to %.3f", low, high)
  }
}

extension RunSummary {
  /// Where everything was written, a line each.
  public func paths() -> String {
    [
      ("student", "student"), ("results", "results.json, results.txt"),
      after == nil ? nil : ("answers", Self.answersName("after")), ("log", "metrics.jsonl"), ("curves", "tensorboard"),
      ("checkpoints", "checkpoints"), ("settings", "config.yaml"),
    ].compactMap { $0 }
      .map { name, path in "\(name.padding(toLength: 12, withPad: " ", startingAt: 0)) \(folder)/\(path)\n" }.joined()
  }
}
