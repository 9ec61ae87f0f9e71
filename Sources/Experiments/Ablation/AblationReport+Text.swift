import Evaluation
import Foundation

extension AblationReport {
  /// The tables as text of fixed width, one for each condition.
  public func text() -> String {
    let count = seeds.count
    var text = "\(subset), \(records) records; \(steps) steps a run, \(count) \(count == 1 ? "seed" : "seeds")\n"
    for table in tables {
      text += "\n\(table.condition)\(table.settings.isEmpty ? "" : ": " + table.settings.joined(separator: ", "))\n\n"
      text += render(table)
    }
    if let search { text += "\n" + render(search) }
    text += combinations()
    text +=
      "\nMeans over seeds; intervals and p by resampling records and seeds (\(bootstrap.replicates) times, paired). "
      + "Exact-set accuracy is\nour reading of the paper's clinical accuracy.\n"
    for row in tables.flatMap(\.rows).filter({ $0.skipped != nil }).reduce(
      into: [Row](),
      { rows, row in
        if !rows.contains(where: { $0.method == row.method }) { rows.append(row) }
      })
    {
      text += "\(row.method) was left out: \(row.skipped ?? "")\n"
    }
    return note.isEmpty ? text : text + note + "\n"
  }

  private func render(_ table: Table) -> String {
    let interval = String(format: "%.0f%% interval", 100 * bootstrap.level)
    let hasPaper = table.rows.contains { $0.paper != nil }
    var lines = TextTable()
    lines.heading(
      "", "macro AUC", interval, "minus \(comparedWith)", interval, "p", "macro F1", "exact set",
      hasPaper ? "paper" : "")
    for row in table.rows {
      let paper = row.paper.map { String(format: "%.1f", $0) } ?? ""
      guard let area = score("macro AUC", row) else {
        lines.row([row.method, "left out", "", "", "", "", "", "", paper])
        continue
      }
      lines.row([
        row.method, Self.number(area.mean.value), Self.ends(area.mean),
        area.difference.map { Self.signed($0.difference.value) } ?? "",
        area.difference.map { Self.ends($0.difference, signed: true) } ?? "",
        area.difference?.pValue.map { String(format: "%.3f", $0) } ?? "",
        Self.number(score("macro F1", row)?.mean.value), Self.number(score("exact-set accuracy", row)?.mean.value),
        paper,
      ])
    }
    return lines.render()
  }

  /// The records of several superclasses, one table for all conditions.
  private func combinations() -> String {
    let title = "records of two or more superclasses"
    guard combinedRecords > 0 else {
      return "\nFewer than \(Self.fewestCombined) \(title): too few to score combinations of findings by themselves.\n"
    }
    let interval = String(format: "%.0f%% interval", 100 * bootstrap.level)
    var lines = TextTable()
    lines.heading("\(combinedRecords) \(title)", "macro AUC", interval, "minus \(comparedWith)", interval, "p")
    for table in tables {
      for row in table.rows {
        guard let area = row.combined.first(where: { $0.metric == "macro AUC" }) else { continue }
        lines.row([
          tables.count > 1 ? "\(table.condition), \(row.method)" : row.method, Self.number(area.mean.value),
          Self.ends(area.mean), area.difference.map { Self.signed($0.difference.value) } ?? "",
          area.difference.map { Self.ends($0.difference, signed: true) } ?? "",
          area.difference?.pValue.map { String(format: "%.3f", $0) } ?? "",
        ])
      }
    }
    return "\n" + lines.render()
  }

  private func render(_ search: Search) -> String {
    var lines = TextTable()
    lines.heading("grid, scored on fold \(search.fold)", "macro AUC", "")
    for point in search.points {
      lines.row([
        point.settings.joined(separator: ", "), Self.number(point.score), point.settings == search.best ? "chosen" : "",
      ])
    }
    return lines.render()
  }

  private func score(_ metric: String, _ row: Row) -> Score? { row.scores.first { $0.metric == metric } }

  private static func signed(_ value: Double?) -> String { value.map { String(format: "%+.3f", $0) } ?? "undefined" }

  private static func ends(_ estimate: Estimate, signed: Bool = false) -> String {
    guard let low = estimate.low, let high = estimate.high else { return "no interval" }
    return String(format: signed ? "%+.3f to %+.3f" : "%.3f to %.3f", low, high)
  }
}
