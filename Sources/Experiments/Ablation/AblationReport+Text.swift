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
    let starred = hasClearClasses ? ["* The interval of this difference, in \(Self.fileName), is without zero."] : []
    return text + "\n" + (starred + remarks + methodRemarks()).map { $0 + "\n" }.joined()
  }

  /// How the numbers came about, and what they must be read with, a sentence or two each.
  func generalRemarks() -> [String] {
    let drawn = groups.map { "\($0.name), with all their records," } ?? "records"
    let resampled =
      seeds.count > 1
      ? "Means over seeds; intervals and p from \(bootstrap.replicates) resamples of \(drawn) (paired) together with what seeds make of "
        + "runs, by Student's t of \(seeds.count - 1) degrees of freedom. Methods and seeds share a teacher: other teachers are not in them."
      : "One seed: intervals and p by resampling \(drawn) alone (\(bootstrap.replicates) times, paired) say nothing of other seeds."
    let single = groups.flatMap { groups in
      groups.count == 1
        ? [
          "Resamples draw \(groups.name), and all records are of one: there is nothing to resample, no interval and no p."
        ]
        : nil
    }
    return (single ?? [resampled, corrected]) + ["Exact-set accuracy is our reading of the paper's clinical accuracy."]
      + [commonestSet?.remark].compactMap { $0 } + tuned + undefined
      + (origin.programs.count > 1
        ? ["The runs were made by several builds: \(origin.programs.joined(separator: "; "))."] : [])
      + (note.isEmpty ? [] : [note])
  }

  /// Which methods have values of a grid and which have not: what their comparison must be read with.
  private var tuned: [String] {
    guard !searches.isEmpty else { return [] }
    let chosen = Set(searches.flatMap(\.chosenFor))
    let parts = searches.map { search in
      "\(search.chosenFor.joined(separator: ", ")) by \(search.points.count) combinations (\(search.condition), "
        + "seeds \(search.seeds.map { "\($0)" }.joined(separator: ", ")))"
    }
    let others = (tables.first?.rows.map(\.method) ?? []).filter { !chosen.contains($0) }
    let edges = searches.filter { !$0.atEdge.isEmpty }.map { search in
      "The grid of \(search.method) was best at the edge of \(search.atEdge.joined(separator: ", ")): other values may be better."
    }
    return [
      "Values chosen by a grid: \(parts.joined(separator: "; "))."
        + (others.isEmpty ? "" : " As configured: \(others.joined(separator: ", ")).")
    ] + edges
  }

  /// What is left of the differences when all of them are looked at together.
  private var corrected: String {
    let all = tables.flatMap { table in
      table.rows.compactMap { row in
        (self.score(MetricName.macroAUC, row)?.difference?.pValue).map { (name: (table.condition, row.method), p: $0) }
      }
    }.sorted { $0.p < $1.p }
    let kept = all.enumerated().prefix { place, found in found.p * Double(all.count - place) <= 1 - bootstrap.level }
    guard all.count > 1 else { return "p is of one comparison." }
    let names = tables.map { table in
      (table.condition, kept.map(\.element.name).filter { $0.0 == table.condition }.map(\.1))
    }.filter { !$0.1.isEmpty }.map { "\($0.0): \($0.1.joined(separator: ", "))" }
    return "Each p is of one comparison. Of the \(all.count) in macro AUC "
      + (names.isEmpty ? "none is" : "these are")
      + String(format: " below %.2f by Holm's correction for all of them", 1 - bootstrap.level)
      + (names.isEmpty ? "." : ": \(names.joined(separator: "; ")).")
  }

  /// Classes that macro AUC cannot hold.
  private var undefined: [String] {
    func line(_ names: [String], _ records: String) -> [String] {
      names.isEmpty
        ? []
        : ["Macro AUC on \(records) leaves out \(names.joined(separator: ", ")): none of them carries it, or all do."]
    }
    return line(undefinedClasses.all, "these records")
      + (combinedRecords >= Self.fewestCombined
        ? line(undefinedClasses.combined, "the records of two or more superclasses") : [])
  }

  /// What a reader of the tables must know of single methods, once each.
  private func methodRemarks() -> [String] {
    var lines: [String] = []
    for table in tables {
      for row in table.rows {
        lines += row.skipped.map { ["\(row.method) was left out: \($0)"] } ?? []
        lines += row.failures.map { "\(table.condition), \(row.method), \($0)" }
        if row.steps != steps { lines.append("\(row.method) had \(row.steps) steps a run") }
        let undefined = row.scores.first { $0.metric == MetricName.macroAUC }?.mean.undefinedReplicates ?? 0
        if undefined > 0 {
          lines.append(
            "\(table.condition), \(row.method): macro AUC is undefined in \(undefined) of \(bootstrap.replicates) resamples, "
              + "which are left out")
        }
        lines += [score(MetricName.macroF1, row)?.mean.noteOnClasses(MetricName.macroF1, bootstrap)].compactMap {
          note in
          note.map { "\(table.condition), \(row.method), \($0)" }
        }
      }
    }
    return lines.enumerated().filter { lines.firstIndex(of: $1) == $0 }.map(\.element)
  }

  /// The measures beside their differences from the method compared with.
  private func render(_ table: Table) -> String {
    let hasPaper = table.rows.contains { $0.paper != nil }
    let rows = table.rows + (teacher.map { [$0] } ?? [])
    let measures = [MetricName.macroAUC, MetricName.macroF1].map { measure in
      var lines = heading(measure)
      for row in rows { lines.row(cells(row, row.scores, measure, percent: false)) }
      return lines.render()
    }
    var exact = heading("exact set, %", more: hasPaper ? ["paper, %"] : [])
    for row in rows {
      let paper = row.paper.map { [String(format: "%.1f", $0)] } ?? []
      exact.row(cells(row, row.scores, MetricName.exactSet, percent: true) + paper)
    }
    return (measures + [exact.render(), classes(rows)]).joined(separator: "\n")
  }

  /// AUC of each class, with the difference from the method compared with and a star where its interval is without zero.
  private func classes(_ rows: [Row]) -> String {
    let prefix = MetricName.aucOfClass
    let names = rows.first { !$0.scores.isEmpty }?.scores.map(\.metric).filter { $0.hasPrefix(prefix) } ?? []
    var lines = TextTable()
    lines.heading(["AUC, minus \(comparedWith)"] + names.map { String($0.dropFirst(prefix.count)) })
    for row in rows where !row.scores.isEmpty {
      lines.row(
        [row.method]
          + names.map { name in
            let found = score(name, row)
            return Self.number(found?.mean.value) + (found?.difference.map { Self.starred($0.difference) } ?? "")
          })
    }
    return lines.render()
  }

  private static func starred(_ difference: Estimate) -> String {
    difference.value.map { String(format: " %+.3f", $0) + (isClear(difference) ? "*" : "") } ?? ""
  }

  private static func isClear(_ difference: Estimate) -> Bool {
    (difference.low ?? 0) > 0 || (difference.high ?? 0) < 0
  }

  private var hasClearClasses: Bool {
    tables.flatMap(\.rows).flatMap(\.scores).contains { score in
      score.metric.hasPrefix(MetricName.aucOfClass) && score.difference.map { Self.isClear($0.difference) } ?? false
    }
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
      score.difference?.probability(of: bootstrap) ?? "",
    ]
  }

  /// The records of several superclasses, one table for all conditions.
  private func combinations() -> String {
    let title = "records of two or more superclasses"
    guard combinedRecords >= Self.fewestCombined else {
      return "\nFewer than \(Self.fewestCombined) \(title): too few to score combinations of findings by themselves.\n"
    }
    let methods = tables.flatMap { table in
      table.rows.map { (row: $0, name: tables.count > 1 ? "\(table.condition), \($0.method)" : nil) }
    }
    let scored = (methods + (teacher.map { [(row: $0, name: nil)] } ?? [])).filter { !$0.row.combined.isEmpty }
    guard !scored.isEmpty else { return "" }
    var lines = heading(MetricName.macroAUC, title: "\(combinedRecords) \(title)")
    for (row, name) in scored { lines.row(cells(row, row.combined, MetricName.macroAUC, percent: false, name: name)) }
    return "\n" + lines.render()
  }

  private func render(_ search: Search) -> String {
    var lines = TextTable()
    lines.heading("grid of \(search.method), scored on fold \(search.fold)", MetricName.macroAUC, "")
    for point in search.points {
      lines.row([
        point.settings.joined(separator: ", "), Self.number(point.score), point.settings == search.best ? "chosen" : "",
      ])
    }
    return lines.render()
  }

  private func score(_ metric: String, _ row: Row) -> Score? { row.scores.first { $0.metric == metric } }
}
