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
    /// Why it was left out.
    var skipped: String?
    var scores: [Score]

    subscript(metric: String) -> Score? { scores.first { $0.metric == metric } }
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
  /// The folder that holds it; the file does not say.
  private(set) var folder = URL(fileURLWithPath: "/")

  private enum CodingKeys: String, CodingKey { case subset, records, steps, seeds, comparedWith, tables }

  /// - Returns: nil where the folder holds no results of an ablation.
  /// - Throws: `UserError` for results that are damaged.
  public static func read(_ folder: URL) throws -> ReportedAblation? {
    let file = folder.appendingPathComponent("ablation.json")
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

  func content(colophon: String) -> PageContent {
    PageContent(
      title: ablation.folder.lastPathComponent, kicker: "evl-dist ablation report",
      status:
        "\(ablation.subset), \(PageNumber.grouped(ablation.records)) records; \(PageNumber.grouped(ablation.steps)) "
        + "steps; mean over \(ablation.seeds.count) \(ablation.seeds.count == 1 ? "seed" : "seeds").",
      headlines: headlines, sections: ablation.tables.enumerated().map { section($1, id: "condition-\($0)") },
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

  private func section(_ table: ReportedAblation.Table, id: String) -> PageContent.Section {
    let figures = [(Self.area, 0.5), ("macro F1", 0.0), ("exact-set accuracy", 0)].enumerated().compactMap {
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
    return .init(
      id: id, heading: table.condition.capitalizedFirst,
      lead: (table.settings.isEmpty ? "" : table.settings.joined(separator: ", ") + ". ")
        + "Whiskers are 95% intervals over records and seeds; AUC begins at 0.5, what chance gives.",
      blocks: [.figures(.init(figures)), .table(differences(table))] + skipped)
  }

  private func differences(_ table: ReportedAblation.Table) -> PageContent.Table {
    .init(
      summary: "Differences to \(ablation.comparedWith), \(table.condition)",
      columns: [.text("Method"), .number("macro AUC"), .number("difference"), .number("p")],
      rows: table.rows.compactMap { row in
        guard let score = row[Self.area] else { return nil }
        return .init(
          label: row.method,
          cells: [
            .number(PageNumber.decimals(score.mean.value, 3), PageNumber.interval(score.mean)),
            .number(
              PageNumber.decimals(score.difference?.difference.value, 3),
              PageNumber.interval(score.difference?.difference)),
            .number(PageNumber.decimals(score.difference?.pValue, 3)),
          ], weight: row.method == ablation.comparedWith ? "strong" : "")
      })
  }
}
