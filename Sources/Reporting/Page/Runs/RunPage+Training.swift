import Distillation
import Foundation
import Training

extension RunPage {
  /// Loss and its parts over the steps.
  var losses: PageContent.Section {
    var figures: [PageContent.Figure] = []
    for phase in run.metrics.phases.sorted(by: { ($0.name == "student" ? 0 : 1) < ($1.name == "student" ? 0 : 1) }) {
      let isStudent = phase.name == "student"
      let names = phase.steps.reduce(into: Set<String>()) { $0.formUnion($1.losses.keys) }
      let terms = LossTerm.allCases.filter { names.contains($0.rawValue) }
      // Of a phase with one term the total is that term.
      if terms.count != 1 { figures += figure(phase, "loss", title: "Total loss") }
      for term in terms {
        figures += figure(
          phase, term.rawValue, title: isStudent ? term.title.capitalizedFirst : "Teacher: \(term.title)")
      }
      if isStudent { figures += course(phase) }
    }
    var blocks: [PageContent.Block] = figures.isEmpty ? [] : [.figures(.init(figures))]
    if figures.isEmpty {
      blocks.append(.note(.missing("No step is logged yet.", "metrics.jsonl gets a line with the first step.")))
    }
    let refused = run.metrics.phases.flatMap { phase in
      phase.steps.filter { $0.refusal != nil }.map { (phase.name, $0) }
    }
    if let (phase, first) = refused.first, let refusal = first.refusal {
      let others = refused.count == 1 ? "" : " \(refused.count) steps were left out in all."
      blocks.append(
        .note(
          .warning(
            "Step \(first.step) of the \(phase) did not change the weights: \(refusal.reason).\(others) "
              + "metrics.jsonl names their samples.")))
    }
    return .init(
      id: "losses", heading: "Losses",
      lead:
        "Means over the global batch, each term before its factor. Thin: each step; bold: the mean of the steps around "
        + "it. The number is the last of the bold line.", blocks: blocks)
  }

  /// A figure of a value of `losses`, where there is one.
  private func figure(_ phase: MetricsReading.Phase, _ part: String, title: String) -> [PageContent.Figure] {
    curve("\(phase.name)-\(part)", title, phase) { $0.losses[part] }
  }

  /// - Parameter id: letters, digits and hyphens, and what a file may have named a loss part.
  private func curve(
    _ id: String, _ title: String, _ phase: MetricsReading.Phase, includesZero: Bool = false,
    _ value: (StepRecord) -> Double?
  ) -> [PageContent.Figure] {
    let points = phase.points(value)
    guard !points.isEmpty else { return [] }
    let window = LineChart.smoothing(of: points.count)
    let chart = LineChart(
      series: [.init(name: title, style: phase.name == "teacher" ? "s2" : "s1", points: points)],
      scale: includesZero ? .linear : LineChart.scale(for: points.map(\.y)), includesZero: includesZero,
      smoothing: window)
    let last = LineChart.mean(points, over: window).last?.y
    let key = "curve-\(id)"
    return [
      .init(
        id: key, name: title, reading: last.map(PageNumber.short),
        drawing: chart.drawing(id: "\(key)-svg", title: title))
    ]
  }

  /// What else a step tells: gradient, learning rate, the terms' shares of the gradient, scores in between.
  private func course(_ phase: MetricsReading.Phase) -> [PageContent.Figure] {
    var figures =
      curve("gradient", "Gradient norm before clipping", phase) { $0.gradientNorm }
      + curve("rate", "Learning rate", phase, includesZero: true) { $0.learningRate }
    let measured = LossTerm.allCases.filter { term in phase.steps.contains { $0.norms?[term.rawValue] != nil } }
    if !measured.isEmpty {
      let series = measured.prefix(6).enumerated().map { place, term in
        LineChart.Series(
          name: term.title, style: "s\(place + 1)", points: phase.points { $0.norms?[term.rawValue] })
      }
      let chart = LineChart(series: series, scale: LineChart.scale(for: series.flatMap(\.points).map(\.y)))
      figures.append(
        .init(
          id: "curve-norms", name: "Gradient by term",
          drawing: chart.drawing(id: "curve-norms-svg", title: "Gradient by term"),
          legend: .init(series.map { .init(style: $0.style, label: $0.name) }),
          caption: "Norm of each term's gradient by the connector's weight, factor included."))
    }
    if let scores = run.saved?.scores, scores.all.count > 1 {
      let points = scores.all.map { (x: Double($0.step), y: $0.value) }
      let title = scores.metric.capitalizedFirst + " in training"
      let chart = LineChart(series: [.init(name: scores.metric, style: "s1", points: points)])
      figures.append(
        .init(
          id: "curve-scores", name: title, reading: points.last.map { PageNumber.decimals($0.y, 3) },
          drawing: chart.drawing(id: "curve-scores-svg", title: title),
          caption: scores.best.map { "Best \(PageNumber.decimals($0.value, 3)) at step \($0.step)." }))
    }
    return figures
  }

  /// Samples a second and where the time goes.
  var speed: PageContent.Section {
    var blocks: [PageContent.Block] = []
    for phase in run.metrics.phases.reversed() where !phase.steps.isEmpty {
      let all = phase.split.reduce(0) { $0 + $1.seconds }
      guard all > 0 else { continue }
      let styles = ["s1", "s2", "s3", "s4", "s5", "s6"]
      let parts = phase.split.filter { $0.seconds > 0 }.enumerated().map { place, part in
        (
          name: part.part, style: place < styles.count ? styles[place] : "rest", share: part.seconds / all,
          seconds: part.seconds
        )
      }
      let title = "A step of the \(phase.name)"
      blocks.append(
        .wide(
          .init(
            id: "split-\(phase.name)", name: title, reading: "\(PageNumber.decimals(1000 * all, 0)) ms on average",
            drawing: SplitBar(parts: parts.map { ($0.name, $0.style, $0.share) }).drawing(
              id: "split-\(phase.name)-svg", title: title),
            legend: .init(
              parts.map {
                .init(
                  style: $0.style,
                  label: "\($0.name) \(PageNumber.short(1000 * $0.seconds)) ms, \(PageNumber.percent($0.share))")
              }))))
    }
    if let phase = run.metrics.main, !phase.steps.isEmpty {
      let pace =
        curve("pace", "Samples a second", phase, includesZero: true) { $0.samplesPerSecond }
        + curve("seconds", "Seconds a step", phase, includesZero: true) { $0.seconds }
        + curve("gflops", "GFLOP/s of matrix products", phase, includesZero: true) {
          $0.seconds > 0 ? $0.operations / $0.seconds / 1e9 : nil
        }
      blocks.append(.figures(.init(pace)))
      if let shares = phase.steps.last?.ranks, !shares.isEmpty {
        blocks.append(.fold(.init(label: "Shards by rank", tables: [dealt(shares)])))
      }
    } else {
      blocks.append(.note(.missing("No step is logged yet.", "metrics.jsonl gets a line with the first step.")))
    }
    return .init(
      id: "speed", heading: "Speed",
      lead: "Seconds of a step are those of the slowest rank, its parts means over the ranks.", blocks: blocks)
  }

  private func dealt(_ shares: [StepRecord.RankShare]) -> PageContent.Table {
    .init(
      summary: "Shards of the last step by rank", columns: [.text("Rank"), .text("shards"), .number("samples")],
      rows: shares.map { share in
        .init(
          label: "\(share.rank)",
          cells: [.text(share.shards.map(String.init).joined(separator: ", ")), .number("\(share.samples)")])
      })
  }
}

extension String {
  /// With a capital at its beginning.
  var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
