import Evaluation
import Foundation

/// The page of an ablation: a bar for each method under each condition.
struct AblationPage {
  let ablation: ReportedAblation

  static let area = MetricName.macroAUC
  static let exact = MetricName.exactSet
  /// What the names of the classes' areas begin with.
  static let areaOfClass = MetricName.aucOfClass

  private var groups: String { ablation.groups.map { " of \(PageNumber.grouped($0.count)) \($0.name)" } ?? "" }
  /// What intervals are over.
  private var drawn: String {
    (ablation.groups?.name ?? "records") + (ablation.seeds.count > 1 ? " and seeds" : "")
  }

  func content(colophon: String) -> PageContent {
    var sections = courses
    for (place, table) in ablation.tables.enumerated() { sections.append(section(table, id: "condition-\(place)")) }
    sections += times + search + remarks
    sections += [settings, environment]
    return PageContent(
      title: ablation.folder.lastPathComponent, kicker: "evl-dist ablation report",
      status: "\(ablation.subset), \(PageNumber.grouped(ablation.records)) records\(groups); "
        + "\(PageNumber.grouped(ablation.steps)) steps; mean over \(ablation.seeds.count) "
        + "\(ablation.seeds.count == 1 ? "seed" : "seeds").",
      headlines: headlines, sections: sections, colophon: colophon)
  }

  /// What the first method after the one compared with adds to it, in the order of the configuration: the best of many
  /// would owe a part of its height to chance.
  private var headlines: [PageContent.Headline] {
    let method = ablation.tables.first?.rows.map(\.method).first { name in
      ablation.tables.contains { $0[name]?[Self.area]?.difference != nil }
    }
    return ablation.tables.compactMap { table -> PageContent.Headline? in
      guard let method, let difference = table[method]?[Self.area]?.difference else { return own(table) }
      let interval = PageNumber.signedInterval(difference.difference)
      let p = difference.pValue.map { _ in "p \(probability(difference))" }
      return PageContent.Headline(
        label: "\(method) minus \(ablation.comparedWith), \(table.condition)",
        value: PageNumber.signed(difference.difference.value, 3),
        detail: [Self.area, interval ?? "no interval", p].compactMap { $0 }.joined(separator: ", "))
    }
  }

  /// Where nothing is compared: the one method's score.
  private func own(_ table: ReportedAblation.Table) -> PageContent.Headline? {
    table[ablation.comparedWith]?[Self.area].map { score in
      .init(
        label: "\(ablation.comparedWith), \(table.condition)", value: PageNumber.decimals(score.mean.value, 3),
        detail: [Self.area, PageNumber.interval(score.mean) ?? "no interval"].joined(separator: ", "))
    }
  }

  /// Every method over the conditions, beside the one that all are compared with.
  private var courses: [PageContent.Section] {
    guard ablation.tables.count > 1 else { return [] }
    func estimates(_ method: String) -> [Estimate] {
      ablation.tables.map { $0[method]?[Self.area]?.mean ?? Estimate(value: nil) }
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
      var blocks: [PageContent.Block] = [.table(table)]
      if !search.bestAtEdge.isEmpty {
        blocks.append(
          .note(
            .remark("At the edge of the grid, beyond which a better one may lie: \(Self.listed(search.bestAtEdge)).")))
      }
      let condition = search.condition.map { "under “\($0)” " } ?? ""
      return .init(
        id: "grid-\(place)", heading: "Grid of \(search.method)",
        lead:
          "Trained \(condition)without fold \(search.fold) of the training folds "
          + "and scored on it; what is best goes to \(Self.listed(search.chosenFor)). The fold that is reported had no "
          + "part in the choice.",
        blocks: blocks)
    }
  }

  static func listed(_ names: [String]) -> String { names.joined(separator: ", ") }

  private var remarks: [PageContent.Section] {
    ablation.remarks.isEmpty
      ? [] : [.init(id: "remarks", heading: "Remarks", blocks: ablation.remarks.map { .note(.remark($0)) })]
  }

  private func section(_ table: ReportedAblation.Table, id: String) -> PageContent.Section {
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
    let dots = ablation.seeds.count > 1 ? ", dots the seeds" : ""
    return .init(
      id: id, heading: table.condition.capitalizedFirst,
      lead: (table.settings.isEmpty ? "" : Self.listed(table.settings) + ". ")
        + "Bars are means, whiskers 95% intervals over \(drawn)\(dots); AUC begins at 0.5, what chance gives.",
      blocks: [.figures(.init(bars(table, id: id)))] + scores(of: table) + skipped + failed)
  }

  /// Those that have a value, where there are several: a single one is the score.
  private func dots(of score: ReportedAblation.Score) -> [Double] {
    ablation.seeds.count > 1 ? (score.seeds ?? []).compactMap { $0 } : []
  }

  /// Each method's scores as bars.
  private func bars(_ table: ReportedAblation.Table, id: String) -> [PageContent.Figure] {
    let metrics = [(Self.area, 0.5), (MetricName.macroF1, 0.0), (Self.exact, 0.0)]
    return metrics.enumerated().compactMap { place, metric -> PageContent.Figure? in
      let marks = table.rows.compactMap { row in
        row[metric.0].map {
          IntervalChart.Mark(
            name: row.method, style: row.method == ablation.comparedWith ? "s1" : "s6", estimate: $0.mean,
            parts: dots(of: $0))
        }
      }
      guard !marks.isEmpty else { return nil }
      let key = "\(id)-bars-\(place)"
      let chart = IntervalChart(groups: [.init(name: "", marks: marks)], base: metric.1, namesMarks: true)
      let title = metric.0.capitalizedFirst
      return .init(id: key, name: title, drawing: chart.drawing(id: "\(key)-svg", title: title))
    }
  }
}
