import Evaluation
import Foundation

extension AblationPage {
  /// The scores of a condition's methods and their differences to the one that all are compared with, those of every
  /// class and every seed folded away.
  func scores(of table: ReportedAblation.Table) -> [PageContent.Block] {
    var blocks: [PageContent.Block] = []
    for metric in [Self.area, MetricName.macroF1, Self.exact] {
      let made = scores(
        table, metric,
        summary: "\(metric.capitalizedFirst), differences to \(ablation.comparedWith), \(table.condition)",
        column: metric, of: \.scores)
      if !made.rows.isEmpty { blocks.append(.table(made)) }
    }
    if table.rows.contains(where: { !$0.combined.isEmpty }) {
      let records = "the \(ablation.combinedRecords) records of two or more superclasses"
      blocks.append(
        .table(
          scores(
            table, Self.area, summary: "Macro AUC of \(records), \(table.condition)", column: Self.area,
            of: \.combined)))
    }
    return blocks + classes(of: table) + seeds(of: table)
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
        let published: [PageContent.Table.Cell] = hasPaper ? [.number(PageNumber.decimals(row.paper, 1))] : []
        return .init(
          label: row.method,
          cells: [cell(score.mean)] + cells(score.difference) + published,
          weight: weight(row))
      })
  }

  private func cell(_ estimate: Estimate?) -> PageContent.Table.Cell {
    .number(PageNumber.decimals(estimate?.value, 3), PageNumber.interval(estimate))
  }

  private func cells(_ paired: PairedDifference?) -> [PageContent.Table.Cell] {
    [
      .number(PageNumber.signed(paired?.difference.value, 3), PageNumber.signedInterval(paired?.difference)),
      .number(paired.map(probability) ?? "–"),
    ]
  }

  /// p, or the least that so many resamples can tell.
  func probability(_ paired: PairedDifference) -> String {
    let text = PageNumber.decimals(paired.pValue, 3)
    guard let p = paired.pValue, let bootstrap = ablation.bootstrap else { return text }
    let least = paired.leastP(of: bootstrap)
    return p > least ? text : "< " + PageNumber.decimals(least, 3)
  }

  private func weight(_ row: ReportedAblation.Row) -> String { row.method == ablation.comparedWith ? "strong" : "" }

  /// The area of each class, where the results have it.
  private func classes(of table: ReportedAblation.Table) -> [PageContent.Block] {
    let rows = table.rows + (ablation.teacher.map { [$0] } ?? [])
    let names = (rows.first { !$0.scores.isEmpty }?.scores ?? []).map(\.metric)
      .filter { $0.hasPrefix(Self.areaOfClass) }
    guard !names.isEmpty else { return [] }
    func each(_ summary: String, _ cell: (ReportedAblation.Score?) -> PageContent.Table.Cell) -> PageContent.Table {
      .init(
        summary: summary,
        columns: [.text("Method")] + names.map { .number(String($0.dropFirst(Self.areaOfClass.count))) },
        rows: rows.compactMap { row in
          guard names.contains(where: { row[$0] != nil }) else { return nil }
          return .init(label: row.method, cells: names.map { cell(row[$0]) }, weight: weight(row))
        })
    }
    return [
      .fold(
        .init(
          label: "AUC by class",
          tables: [
            each("AUC by class, \(table.condition)") { cell($0?.mean) },
            each("AUC by class, differences to \(ablation.comparedWith), \(table.condition)") {
              cells($0?.difference)[0]
            },
          ]))
    ]
  }

  /// What every seed gave; a single one gave the scores themselves.
  private func seeds(of table: ReportedAblation.Table) -> [PageContent.Block] {
    guard ablation.seeds.count > 1 else { return [] }
    let tables = [Self.area, MetricName.macroF1, Self.exact].compactMap { metric -> PageContent.Table? in
      let rows = table.rows.compactMap { row -> PageContent.Table.Row? in
        guard let values = row[metric]?.seeds, values.count == ablation.seeds.count else { return nil }
        return .init(
          label: row.method, cells: values.map { .number(PageNumber.decimals($0, 3)) }, weight: weight(row))
      }
      guard !rows.isEmpty else { return nil }
      return .init(
        summary: "\(metric.capitalizedFirst) of each seed, \(table.condition)",
        columns: [.text("Method")] + ablation.seeds.map { .number("seed \($0)") }, rows: rows)
    }
    return tables.isEmpty ? [] : [.fold(.init(label: "Each seed", tables: tables))]
  }
}
