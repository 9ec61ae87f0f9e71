import Corpus
import Distillation
import Evaluation
import Foundation
import Tensors
import Training

/// The page of several runs beside each other.
struct ComparisonPage {
  let runs: [ReportedRun]

  /// Runs that line charts show: as many as there are styles that can be told apart.
  static let mostLines = 6

  /// A run's name, with as many of the folders it lies in as tell it from the others.
  func label(_ run: ReportedRun) -> String {
    let parts = run.folder.pathComponents
    func end(_ other: ReportedRun, _ count: Int) -> [String] { Array(other.folder.pathComponents.suffix(count)) }
    let count = (1..<max(2, parts.count)).first { count in
      runs.count { end($0, count) == end(run, count) } == 1
    }
    return end(run, count ?? 2).joined(separator: "/")
  }

  func content(colophon: String) -> PageContent {
    PageContent(
      title: "\(runs.count) runs", kicker: "evl-dist run report", status: runs.map(label).joined(separator: " · "),
      headlines: headlines, sections: [overview, areas, differences, settings, losses, ranking], colophon: colophon)
  }

  private func style(_ place: Int) -> String { "s\(place % Self.mostLines + 1)" }

  /// The runs that have this, each with its place among all.
  private func having<Value>(_ value: (ReportedRun) -> Value?) -> [(place: Int, run: ReportedRun, value: Value)] {
    runs.enumerated().compactMap { place, run in value(run).map { (place, run, $0) } }
  }

  private static func scores(_ run: ReportedRun) -> LabelReport.Probabilities? {
    run.results?.after?.probabilities
  }

  private var headlines: [PageContent.Headline] {
    let scored = having(Self.scores).compactMap { entry in
      entry.value.macroAUC.value.map { (entry.run, entry.value, $0) }
    }
    guard let best = scored.max(by: { $0.2 < $1.2 }), let least = scored.min(by: { $0.2 < $1.2 }) else { return [] }
    func line(_ words: String, _ entry: (ReportedRun, LabelReport.Probabilities, Double)) -> PageContent.Headline {
      .init(
        label: words, value: PageNumber.decimals(entry.2, 3),
        detail: [label(entry.0), PageNumber.interval(entry.1.macroAUC)].compactMap { $0 }.joined(separator: ", "))
    }
    return [line("Highest macro AUC", best), line("Lowest macro AUC", least)]
  }

  private var overview: PageContent.Section {
    let table = PageContent.Table(
      summary: "The runs",
      columns: [
        .text("Run"), .text("state"), .text("objective"), .number("steps"), .number("loss"), .number("macro AUC"),
        .number("macro F1"), .number("samples/s"), .text("student's SHA-256"),
      ],
      rows: runs.map { run in
        let (phase, scores) = (run.metrics["student"], Self.scores(run))
        func cell(_ estimate: Estimate?) -> PageContent.Table.Cell {
          .number(PageNumber.decimals(estimate?.value, 3), PageNumber.interval(estimate))
        }
        return .init(
          label: label(run),
          cells: [
            .text(run.state.text), .text(run.configuration?.objective.method ?? "–"),
            .number(
              phase?.steps.last.map { "\(PageNumber.grouped($0.step)) of \(PageNumber.grouped($0.steps))" } ?? "–"),
            .number(phase?.steps.last?.losses["loss"].map(PageNumber.short) ?? "–"), cell(scores?.macroAUC),
            cell(scores?.macroF1), .number(phase?.median(\.samplesPerSecond).map(PageNumber.short) ?? "–"),
            .text(run.digest.map { $0.prefix(12) + "…" } ?? "–"),
          ])
      })
    let notes = runs.flatMap { run in run.problems.map { PageContent.Block.note(.warning("\(label(run)): \($0)")) } }
    return .init(id: "runs", heading: "Runs", blocks: [.table(table)] + notes)
  }

  /// Macro AUC and AUC by class as bars with intervals.
  private var areas: PageContent.Section {
    let scored = having(Self.scores)
    guard let first = scored.first else {
      return .init(
        id: "scores", heading: "Scores",
        blocks: [
          .note(
            .missing("No run has evaluated its student.", "A run does at its end, where evaluation.enabled is true."))
        ])
    }
    func figure(_ id: String, _ name: String, base: Double, _ value: (LabelReport.Probabilities) -> Estimate?)
      -> PageContent.Figure
    {
      let marks = scored.compactMap { place, run, scores in
        value(scores).map { IntervalChart.Mark(name: label(run), style: style(place), estimate: $0) }
      }
      let chart = IntervalChart(groups: [.init(name: "", marks: marks)], base: base, namesMarks: true)
      let isCut = marks.contains { $0.name.count > IntervalChart.longestName }
      return .init(
        id: id, name: name, drawing: chart.drawing(id: "\(id)-svg", title: name),
        legend: isCut ? PageContent.Group(marks.map { PageContent.Key(style: $0.style, label: $0.name) }) : nil)
    }
    let classes = first.value.classes.map(\.name)
    let figures =
      [
        figure("bars-auc", "Macro AUC", base: 0.5) { $0.macroAUC },
        figure("bars-f1", "Macro F1", base: 0) { $0.macroF1 },
      ]
      + classes.enumerated().map { place, name in
        figure("bars-\(place)", "AUC of \(name)", base: 0.5) { scores in scores.classes.first { $0.name == name }?.auc }
      }
    let subsets = Set(
      scored.compactMap { scored in scored.run.results?.after.map { "\($0.subset), \($0.records) records" } }
    ).sorted()
    let mixed: [PageContent.Block] =
      subsets.count > 1
      ? [
        .note(
          .warning(
            "The runs were evaluated on different records (\(subsets.joined(separator: "; "))): do not compare their scores."
          ))
      ]
      : []
    return .init(
      id: "scores", heading: "Scores",
      lead: "The student after training, with 95% intervals. Bars of AUC begin at 0.5, what chance gives.",
      blocks: mixed + [.figures(.init(figures))])
  }

  /// Each run against the first, record by record.
  private var differences: PageContent.Section {
    let (id, heading) = ("differences", "Differences")
    guard let first = runs.first, let own = answers(first) else {
      return .init(
        id: id, heading: heading,
        blocks: (runs.first.map { [.note(incomparable($0))] } ?? []))
    }
    var blocks: [PageContent.Block] = []
    var rows: [PageContent.Table.Row] = []
    for run in runs.dropFirst() {
      guard let others = answers(run) else {
        blocks.append(.note(incomparable(run)))
        continue
      }
      do {
        let task = LabelMetrics(
          trained: first.results?.questions ?? .superclasses, subset: "",
          bootstrap: Bootstrap(seed: first.configuration?.run.seed ?? 0))
        let comparison = try task.compare(others, own)
        rows += zip(comparison.metrics, comparison.differences).map { metric, paired in
          .init(
            label: label(run),
            cells: [
              .text(metric),
              .number(PageNumber.decimals(paired.difference.value, 3), PageNumber.interval(paired.difference)),
              .number(paired.probability(of: task.bootstrap)),
            ])
        }
      } catch {
        blocks.append(.note(.warning("\(label(run)): \(UserError.message(of: error))")))
      }
    }
    if !rows.isEmpty, subjects == nil {
      blocks.append(
        .note(
          .remark(
            "These runs of an ablation are of an earlier version, whose answers.json does not say which records are of "
              + "one patient: resamples draw records.")))
    }
    if !rows.isEmpty {
      blocks.insert(
        .table(
          .init(
            summary: "Differences to \(label(first))",
            columns: [.text("Run"), .text("score"), .number("difference"), .number("p")], rows: rows)), at: 0)
    }
    return .init(
      id: id, heading: heading,
      lead: "Each run minus \(label(first)), on the same records: 1,000 resamples that both share. p is two-sided.",
      blocks: blocks)
  }

  /// Why a run has no part in the differences.
  private func incomparable(_ run: ReportedRun) -> PageContent.Note {
    guard run.answers[.after] == nil else {
      return .missing(
        "The answers of \(label(run)) lack the probability of a class, so that they cannot be compared record by record.",
        "Remove them. \(run.answersRemedy)")
    }
    return .missing("\(label(run)) keeps no answers, which are compared record by record.", run.answersRemedy)
  }

  /// What a run's student said; nil where it is not kept, or lacks the probability of a class.
  private func answers(_ run: ReportedRun) -> [LabelAnswer]? {
    run.answers[.after].flatMap { kept in
      let classes = (run.results?.questions ?? .superclasses).labels.map(\.name)
      let answers = kept.compactMap { $0.answer(classes: classes) }
      guard answers.count == kept.count else { return nil }
      guard run.lacksSubjects, let subjects else { return answers }
      return answers.map { answer in
        var told = answer
        told.subject = subjects[answer.id] ?? answer.id
        return told
      }
    }
  }

  /// By record what a resample draws in its place, as the first run tells it that does; nil where none does.
  private var subjects: [String: String]? {
    runs.first { $0.answers[.after] != nil && !$0.lacksSubjects }?.answers[.after].map { kept in
      Dictionary(kept.map { ($0.id, $0.subject ?? $0.id) }, uniquingKeysWith: { first, _ in first })
    }
  }

  private var settings: PageContent.Section {
    let values = runs.map { run in Dictionary(uniqueKeysWithValues: run.settings.map { ($0.key, $0.value) }) }
    let keys = (runs.map(\.settings).max { $0.count < $1.count } ?? []).map(\.key)
      .filter { key in key != "run.folder" && Set(values.map { $0[key] ?? "–" }).count > 1 }
    guard !keys.isEmpty else {
      return .init(
        id: "settings", heading: "Settings",
        blocks: [.note(.remark("The runs have the same settings, but for their folders."))])
    }
    let table = PageContent.Table(
      summary: "Settings that differ", columns: [.text("Key")] + runs.map { .text(label($0)) },
      rows: keys.map { key in .init(label: key, cells: values.map { .text($0[key] ?? "–") }) })
    return .init(
      id: "settings", heading: "Settings", lead: "Those that differ between the runs, but for their folders.",
      blocks: [.table(table)])
  }

  private var losses: PageContent.Section {
    let shown = Array(having { $0.metrics["student"] }.prefix(Self.mostLines))
    let legend = PageContent.Group(shown.map { PageContent.Key(style: style($0.place), label: label($0.run)) })
    func figure(_ id: String, _ name: String, includesZero: Bool = false, _ value: (StepRecord) -> Double?)
      -> PageContent.Figure?
    {
      let lines = shown.compactMap { place, run, phase -> LineChart.Series? in
        let points = phase.points(value)
        let smooth = LineChart.mean(points, over: LineChart.smoothing(of: points.count))
        return points.isEmpty ? nil : .init(name: label(run), style: style(place), points: smooth)
      }
      guard !lines.isEmpty else { return nil }
      let chart = LineChart(
        series: lines, scale: includesZero ? .linear : LineChart.scale(for: lines.flatMap(\.points).map(\.y)),
        includesZero: includesZero)
      return .init(id: id, name: name, drawing: chart.drawing(id: "\(id)-svg", title: name), legend: legend)
    }
    let terms = LossTerm.allCases.filter { term in
      shown.contains { $0.value.steps.contains { $0.losses[term.rawValue] != nil } }
    }
    let figures =
      [figure("lines-loss", "Total loss") { $0.losses["loss"] }]
      + terms.map { term in figure("lines-\(term.rawValue)", term.title.capitalizedFirst) { $0.losses[term.rawValue] } }
      + [figure("lines-pace", "Samples a second", includesZero: true) { $0.samplesPerSecond }]
    let drawn = figures.compactMap { $0 }
    var blocks: [PageContent.Block] =
      drawn.isEmpty ? [.note(.missing("No student has made a step yet."))] : [.figures(.init(drawn))]
    if runs.count > Self.mostLines {
      blocks.append(.note(.remark("Lines are drawn of the first \(Self.mostLines) runs alone.")))
    }
    return .init(
      id: "losses", heading: "Losses and speed",
      lead: "Means of the steps around each step. Totals of different objectives are sums of different terms.",
      blocks: blocks)
  }

  private var ranking: PageContent.Section {
    let shown = Array(having { $0.answers[.after] }.prefix(Self.mostLines))
    let classes = shown.first?.run.results?.after?.probabilities?.classes.map(\.name) ?? []
    let figures = classes.enumerated().compactMap { place, name -> PageContent.Figure? in
      let curves = shown.compactMap { entry in
        ROCCurve(of: name, entry.value).map { (name: label(entry.run), style: style(entry.place), curve: $0) }
      }
      let id = "roc-\(place)"
      return curves.isEmpty
        ? nil
        : .init(
          id: id, name: name,
          drawing: ROCChart(curves: curves).drawing(id: "\(id)-svg", title: "ROC curves of \(name)"),
          legend: .init(
            curves.map { .init(style: $0.style, label: "\($0.name) \(PageNumber.decimals($0.curve.area, 3))") }))
    }
    return .init(
      id: "roc", heading: "ROC curves",
      lead: figures.isEmpty ? nil : "The students after training; numbers are the areas below the curves.",
      blocks: figures.isEmpty
        ? [.note(.missing("No run keeps answers, of which the curves are drawn.", runs.first?.answersRemedy))]
        : [.figures(.init(figures))])
  }
}
