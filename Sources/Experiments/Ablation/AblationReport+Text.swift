import Evaluation
import Foundation

extension AblationReport {
  /// The tables as text of fixed width, one for each condition.
  public func text() -> String {
    let count = seeds.count
    let drawn = groups.map { "\(records) records of \($0.count) \($0.name)" } ?? "\(records) records"
    var text = "\(subset), \(drawn); \(steps) steps a run, \(count) \(count == 1 ? "seed" : "seeds")\n"
    for table in tables {
      text += "\n\(table.condition)\(table.settings.isEmpty ? "" : ": " + table.settings.joined(separator: ", "))\n\n"
      text += render(table)
    }
    for search in searches { text += "\n" + render(search) }
    text += combinations()
    return text + "\n" + (remarks + methodRemarks()).map { $0 + "\n" }.joined()
  }

  /// How the numbers came about, and what they must be read with, a sentence or two each.
  func generalRemarks() -> [String] {
    let drawn = groups.map { "\($0.name), with all their records," } ?? "records"
    let resampled =
      seeds.count > 1
      ? "Means over seeds; intervals and p by resampling \(drawn) and seeds (\(bootstrap.replicates) times, paired), what the "
        + "seeds add widened to Student's t of \(seeds.count - 1) degrees of freedom."
      : "One seed: intervals and p by resampling \(drawn) alone (\(bootstrap.replicates) times, paired) say nothing of other seeds."
    return [
      resampled, "Each p is of one comparison; with many methods some are small by chance.",
      "Exact-set accuracy is our reading of the paper's clinical accuracy.",
    ] + tuned + undefined
      + (origin.programs.count > 1
        ? ["The runs were made by several builds: \(origin.programs.joined(separator: "; "))."] : [])
      + (note.isEmpty ? [] : [note])
  }

  /// Which methods have values of a grid and which have not: what their comparison must be read with.
  private var tuned: [String] {
    guard !searches.isEmpty else { return [] }
    let chosen = Set(searches.flatMap(\.chosenFor))
    let parts = searches.map { search in
      "\(search.chosenFor.joined(separator: ", ")) by \(search.points.count) combinations of \(search.seeds.count) "
        + (search.seeds.count == 1 ? "seed" : "seeds")
    }
    let others = (tables.first?.rows.map(\.method) ?? []).filter { !chosen.contains($0) }
    return [
      "Values chosen by a grid: \(parts.joined(separator: "; "))."
        + (others.isEmpty ? "" : " As configured: \(others.joined(separator: ", ")).")
    ]
  }

  /// Classes that macro AUC cannot hold.
  private var undefined: [String] {
    func line(_ names: [String], _ records: String) -> [String] {
      names.isEmpty
        ? []
        : ["Macro AUC on \(records) leaves out \(names.joined(separator: ", ")): none of them carries it, or all do."]
    }
    return line(undefinedClasses.all, "these records")
      + (combinedRecords > 0 ? line(undefinedClasses.combined, "the records of two or more superclasses") : [])
  }

  /// What a reader of the tables must know of single methods, once each.
  private func methodRemarks() -> [String] {
    var lines: [String] = []
    for table in tables {
      for row in table.rows {
        lines += row.skipped.map { ["\(row.method) was left out: \($0)"] } ?? []
        lines += row.failures.map { "\(table.condition), \(row.method), \($0)" }
        if row.steps != steps { lines.append("\(row.method) had \(row.steps) steps a run") }
        let undefined = row.scores.first { $0.metric == "macro AUC" }?.mean.undefinedReplicates ?? 0
        if undefined > 0 {
          lines.append(
            "\(table.condition), \(row.method): macro AUC is undefined in \(undefined) of \(bootstrap.replicates) resamples, "
              + "which are left out")
        }
      }
    }
    return lines.enumerated().filter { lines.firstIndex(of: $1) == $0 }.map(\.element)
  }

  /// The measures beside their differences from the method compared with.
  private func render(_ table: Table) -> String {
    let hasPaper = table.rows.contains { $0.paper != nil }
    var lines = heading("macro AUC", more: ["macro F1"])
    let rows = table.rows + (teacher.map { [$0] } ?? [])
    for row in rows {
      lines.row(cells(row, row.scores, "macro AUC", percent: false) + [Self.number(score("macro F1", row)?.mean.value)])
    }
    var exact = heading("exact set, %", more: hasPaper ? ["paper, %"] : [])
    for row in rows {
      let paper = row.paper.map { [String(format: "%.1f", $0)] } ?? []
      exact.row(cells(row, row.scores, "exact-set accuracy", percent: true) + paper)
    }
    return lines.render() + "\n" + exact.render()
  }

  private func heading(_ measure: String, title: String = "", more: [String] = []) -> TextTable {
    let interval = String(format: "%.0f%% interval", 100 * bootstrap.level)
    var lines = TextTable()
    lines.heading([title, measure, interval, "minus \(comparedWith)", interval, "p"] + more)
    return lines
  }

  private func cells(_ row: Row, _ scores: [Score], _ metric: String, percent: Bool, name: String? = nil) -> [String] {
    guard let score = scores.first(where: { $0.metric == metric }) else {
      return [name ?? row.method, row.failures.isEmpty ? "left out" : "came to nothing", "", "", "", ""]
    }
    let (form, scale) = percent ? ("%.1f", 100.0) : ("%.3f", 1.0)
    func ends(_ estimate: Estimate, _ form: String) -> String {
      guard let low = estimate.low, let high = estimate.high else { return "no interval" }
      return String(format: "\(form) to \(form)", scale * low, scale * high)
    }
    let signed = form.replacing("%", with: "%+")
    return [
      name ?? row.method, score.mean.value.map { String(format: form, scale * $0) } ?? "undefined",
      ends(score.mean, form),
      score.difference.map { $0.difference.value.map { String(format: signed, scale * $0) } ?? "undefined" } ?? "",
      score.difference.map { ends($0.difference, signed) } ?? "",
      score.difference?.pValue.map { String(format: "%.3f", $0) } ?? "",
    ]
  }

  /// The records of several superclasses, one table for all conditions.
  private func combinations() -> String {
    let title = "records of two or more superclasses"
    guard combinedRecords > 0 else {
      return "\nFewer than \(Self.fewestCombined) \(title): too few to score combinations of findings by themselves.\n"
    }
    var lines = heading("macro AUC", title: "\(combinedRecords) \(title)")
    for table in tables {
      for row in table.rows where !row.combined.isEmpty {
        lines.row(
          cells(
            row, row.combined, "macro AUC", percent: false,
            name: tables.count > 1 ? "\(table.condition), \(row.method)" : nil))
      }
    }
    if let teacher, !teacher.combined.isEmpty {
      lines.row(cells(teacher, teacher.combined, "macro AUC", percent: false))
    }
    return "\n" + lines.render()
  }

  private func render(_ search: Search) -> String {
    var lines = TextTable()
    lines.heading("grid of \(search.method), scored on fold \(search.fold)", "macro AUC", "")
    for point in search.points {
      lines.row([
        point.settings.joined(separator: ", "), Self.number(point.score), point.settings == search.best ? "chosen" : "",
      ])
    }
    return lines.render()
  }

  private func score(_ metric: String, _ row: Row) -> Score? { row.scores.first { $0.metric == metric } }
}
