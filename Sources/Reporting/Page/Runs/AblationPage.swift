import Evaluation
import Foundation
import Tensors

/// The results of an ablation as a report reads them of its `ablation.json`.
public struct ReportedAblation: Decodable {
  struct Score: Decodable {
    var metric: String
    var mean: Estimate
    /// Minus the method that all are compared with.
    var difference: PairedDifference?
  }

  struct Row: Decodable {
    var method: String
    /// What the paper has for it, in per cent.
    var paper: Double?
    /// Why it was left out.
    var skipped: String?
    var scores: [Score]
    /// Of runs that came to nothing.
    var failures: [String]?
    /// On the records of several superclasses alone.
    var combined: [Score]

    subscript(metric: String) -> Score? { scores.first { $0.metric == metric } }
  }

  /// A grid, scored on a fold of the training folds.
  struct Search: Decodable {
    struct Point: Decodable {
      var settings: [String]
      var score: Double?
    }

    var method: String
    var fold: Int
    var seeds: [UInt64]
    var chosenFor: [String]
    var points: [Point]
    var best: [String]
  }

  struct Table: Decodable {
    var condition: String
    var settings: [String]
    var rows: [Row]
  }

  var subset: String
  var records: Int
  var steps: Int
  var seeds: [UInt64]
  var comparedWith: String
  var tables: [Table]
  var combinedRecords: Int
  var searches: [Search]
  /// Patients for one, that resamples draw; absent where they draw records.
  struct Groups: Decodable {
    var name: String
    var count: Int
  }
  var groups: Groups?
  var remarks: [String]
  var teacher: Row?
  /// The folder that holds it; the file does not say.
  private(set) var folder = URL(fileURLWithPath: "/")

  private enum CodingKeys: String, CodingKey {
    case subset, records, steps, seeds, comparedWith, tables, combinedRecords, searches, groups, remarks, teacher
  }

  private static let fileName = "ablation.json"

  /// Whether a folder is that of an ablation, finished or not.
  public static func isAblation(_ folder: URL) -> Bool {
    FileManager.default.fileExists(atPath: folder.appendingPathComponent(fileName).path)
      || UnfinishedAblation(folder) != nil
  }

  /// - Returns: nil where the folder holds no results of an ablation.
  /// - Throws: `UserError` for results that are damaged.
  public static func read(_ folder: URL) throws -> ReportedAblation? {
    let file = folder.appendingPathComponent(fileName)
    guard let data = try? Data(contentsOf: file) else { return nil }
    guard var read = try? JSONDecoder().decode(Self.self, from: data) else {
      throw UserError(
        .badInput, "\(file.path) is damaged, or of another version",
        remedy: "the same ablate command writes it again; runs that are done are not repeated")
    }
    read.folder = folder.standardizedFileURL
    return read
  }
}

/// The page of an ablation: a bar for each method under each condition.
struct AblationPage {
  let ablation: ReportedAblation

  private static let area = "macro AUC"
  private static let exact = "exact-set accuracy"

  private var groups: String { ablation.groups.map { " of \(PageNumber.grouped($0.count)) \($0.name)" } ?? "" }
  /// What intervals are over.
  private var drawn: String {
    (ablation.groups?.name ?? "records") + (ablation.seeds.count > 1 ? " and seeds" : "")
  }

  func content(colophon: String) -> PageContent {
    PageContent(
      title: ablation.folder.lastPathComponent, kicker: "evl-dist ablation report",
      status:
        "\(ablation.subset), \(PageNumber.grouped(ablation.records)) records\(groups); \(PageNumber.grouped(ablation.steps)) "
        + "steps; mean over \(ablation.seeds.count) \(ablation.seeds.count == 1 ? "seed" : "seeds").",
      headlines: headlines,
      sections: courses + ablation.tables.enumerated().map { section($1, id: "condition-\($0)") } + search
        + remarks,
      colophon: colophon)
  }

  private var headlines: [PageContent.Headline] {
    ablation.tables.compactMap { table in
      let scored = table.rows.compactMap { row in row[Self.area].map { (row.method, $0.mean) } }
      return scored.max { ($0.1.value ?? 0) < ($1.1.value ?? 0) }.map { method, area in
        .init(
          label: "Highest macro AUC, \(table.condition)", value: PageNumber.decimals(area.value, 3),
          detail: [method, PageNumber.interval(area)].compactMap { $0 }.joined(separator: ", "))
      }
    }
  }

  /// Every method over the conditions, beside the one that all are compared with.
  private var courses: [PageContent.Section] {
    guard ablation.tables.count > 1 else { return [] }
    func estimates(_ method: String) -> [Estimate] {
      ablation.tables.map { table in
        table.rows.first { $0.method == method }?[Self.area]?.mean ?? Estimate(value: nil)
      }
    }
    let reference = ConditionChart.Series(
      name: ablation.comparedWith, style: "s1", estimates: estimates(ablation.comparedWith))
    let all = ablation.tables.flatMap(\.rows).compactMap { $0[Self.area]?.mean }
    let others = (ablation.tables.first?.rows ?? []).map(\.method).filter { $0 != ablation.comparedWith }
    let figures = others.enumerated().compactMap { place, method -> PageContent.Figure? in
      let series = ConditionChart.Series(name: method, style: "s6", estimates: estimates(method))
      guard series.estimates.contains(where: { $0.value != nil }) else { return nil }
      let chart = ConditionChart(
        conditions: ablation.tables.map(\.condition), series: [reference, series], compared: all)
      return .init(
        id: "course-\(place)", name: method, drawing: chart.drawing(id: "course-\(place)-svg", title: method),
        legend: .init([.init(style: "s6", label: method), .init(style: "s1", label: ablation.comparedWith)]))
    }
    guard !figures.isEmpty else { return [] }
    return [
      .init(
        id: "course", heading: "Over the conditions",
        lead: "Macro AUC with 95% intervals over \(drawn). The scale does not begin at 0.5.",
        blocks: [.figures(.init(figures))])
    ]
  }

  /// What the grids tried, and what they chose.
  private var search: [PageContent.Section] {
    ablation.searches.enumerated().map { place, search in
      let table = PageContent.Table(
        summary: "Combinations of the grid of \(search.method)", columns: [.text("Settings"), .number("macro AUC")],
        rows: search.points.map { point in
          .init(
            label: point.settings.joined(separator: ", "), cells: [.number(PageNumber.decimals(point.score, 3))],
            weight: point.settings == search.best ? "strong" : "")
        })
      return .init(
        id: "grid-\(place)", heading: "Grid of \(search.method)",
        lead: "Trained without fold \(search.fold) of the training folds and scored on it; what is best goes to "
          + "\(search.chosenFor.joined(separator: ", ")). The fold that is reported had no part in the choice.",
        blocks: [.table(table)])
    }
  }

  private var remarks: [PageContent.Section] {
    ablation.remarks.isEmpty
      ? [] : [.init(id: "remarks", heading: "Remarks", blocks: ablation.remarks.map { .note(.remark($0)) })]
  }

  private func section(_ table: ReportedAblation.Table, id: String) -> PageContent.Section {
    let figures = [(Self.area, 0.5), ("macro F1", 0.0), (Self.exact, 0)].enumerated().compactMap {
      place, metric -> PageContent.Figure? in
      let marks = table.rows.compactMap { row in
        row[metric.0].map {
          IntervalChart.Mark(
            name: row.method, style: row.method == ablation.comparedWith ? "s1" : "s6", estimate: $0.mean)
        }
      }
      guard !marks.isEmpty else { return nil }
      let key = "\(id)-bars-\(place)"
      let chart = IntervalChart(groups: [.init(name: "", marks: marks)], base: metric.1, namesMarks: true)
      let title = metric.0.capitalizedFirst
      return .init(id: key, name: title, drawing: chart.drawing(id: "\(key)-svg", title: title))
    }
    let skipped = table.rows.compactMap { row in
      row.skipped.map { PageContent.Block.note(.remark("\(row.method) was left out: \($0)")) }
    }
    let failed = table.rows.compactMap { row in
      row.failures.flatMap { reasons in
        reasons.isEmpty
          ? nil
          : PageContent.Block.note(.warning("\(row.method) came to nothing: \(reasons.joined(separator: "; "))"))
      }
    }
    let combined =
      table.rows.contains { !$0.combined.isEmpty }
      ? [PageContent.Block.table(combinations(table))] : []
    return .init(
      id: id, heading: table.condition.capitalizedFirst,
      lead: (table.settings.isEmpty ? "" : table.settings.joined(separator: ", ") + ". ")
        + "Whiskers are 95% intervals over \(drawn); AUC begins at 0.5, what chance gives.",
      blocks: [.figures(.init(figures)), .table(differences(table, Self.area)), .table(differences(table, Self.exact))]
        + combined + skipped + failed)
  }

  private func differences(_ table: ReportedAblation.Table, _ metric: String) -> PageContent.Table {
    scores(
      table, metric, summary: "\(metric.capitalizedFirst), differences to \(ablation.comparedWith), \(table.condition)",
      column: metric, of: \.scores)
  }

  /// The records of several superclasses.
  private func combinations(_ table: ReportedAblation.Table) -> PageContent.Table {
    scores(
      table, Self.area, summary: "Records of two or more superclasses, \(table.condition)",
      column: "macro AUC, \(ablation.combinedRecords) records of two or more superclasses", of: \.combined)
  }

  private func scores(
    _ table: ReportedAblation.Table, _ metric: String, summary: String, column: String,
    of scores: (ReportedAblation.Row) -> [ReportedAblation.Score]
  ) -> PageContent.Table {
    let rows = table.rows + (ablation.teacher.map { [$0] } ?? [])
    let hasPaper = metric == Self.exact && rows.contains { $0.paper != nil }
    let paper = hasPaper ? [PageContent.Table.Column.number("paper, %")] : []
    return .init(
      summary: summary, columns: [.text("Method"), .number(column), .number("difference"), .number("p")] + paper,
      rows: rows.compactMap { row in
        guard let score = scores(row).first(where: { $0.metric == metric }) else { return nil }
        return .init(
          label: row.method,
          cells: [
            .number(PageNumber.decimals(score.mean.value, 3), PageNumber.interval(score.mean)),
            .number(
              PageNumber.decimals(score.difference?.difference.value, 3),
              PageNumber.interval(score.difference?.difference)),
            .number(PageNumber.decimals(score.difference?.pValue, 3)),
          ] + (hasPaper ? [.number(PageNumber.decimals(row.paper, 1))] : []),
          weight: row.method == ablation.comparedWith ? "strong" : "")
      })
  }
}
