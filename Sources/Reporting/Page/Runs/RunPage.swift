import Distillation
import Evaluation
import Foundation
import Training

/// The page of one run: what it is, what it did, what came of it.
struct RunPage {
  let run: ReportedRun
  /// What joins student and teacher, over recordings; or why that is not shown.
  let plans: Result<PlanExhibits, MissingExhibit>

  /// - Parameter colophon: when and by what the page is made.
  func content(colophon: String) -> PageContent {
    PageContent(
      title: run.title, kicker: "evl-dist run report", status: run.state.text.capitalizedFirst + ".",
      headlines: headlines,
      sections: [summary, guarantees, losses, speed] + evaluation + [settings, environment], colophon: colophon)
  }

  /// What the evaluations say; a run without one has a section that says why.
  private var evaluation: [PageContent.Section] {
    let plans = PlanSection(plans: plans).section
    guard let results, !results.models.isEmpty else { return [unevaluated, plans] }
    return [scores(results), ranking(results), confusion(results), plans, answers(results)]
  }

  var results: ReportedRun.Results? { run.results }

  // MARK: The first figures

  private var headlines: [PageContent.Headline] {
    var lines: [PageContent.Headline] = []
    for (model, name) in [(ReportedRun.Model.after, "Macro AUC, student"), (.teacher, "Macro AUC, teacher")] {
      guard let area = results?[model]?.probabilities?.macroAUC, let value = area.value else { continue }
      lines.append(
        .init(label: name, value: PageNumber.decimals(value, 3), detail: PageNumber.interval(area) ?? "no interval"))
    }
    if lines.isEmpty, let last = run.metrics.main?.steps.last, let loss = last.losses["loss"] {
      lines.append(.init(label: "Loss", value: PageNumber.short(loss), detail: "at step \(last.step) of \(last.steps)"))
    }
    if let student = run.parameters.student {
      let ratio = run.parameters.teacher.map { "1 : \(PageNumber.decimals(Double($0) / Double(max(1, student)), 1))" }
      lines.append(
        .init(
          label: "Student", value: PageNumber.parameters(student),
          detail: "parameters" + (ratio.map { "; \($0) to the teacher" } ?? "")))
    }
    if let pace = run.metrics.main?.median(\.samplesPerSecond) {
      lines.append(
        .init(label: "Speed", value: PageNumber.short(pace), detail: "samples a second, median of the steps"))
    }
    return lines
  }

  // MARK: Summary

  private var summary: PageContent.Section {
    var facts: [PageContent.Fact] = []
    if let configuration = run.configuration {
      facts += modelFacts(configuration)
      facts.append(
        .init(
          term: "Objective", value: configuration.objective.method,
          remark: configuration.objective.factors().terms.map(\.title).joined(separator: ", ")))
      let place = configuration.data.path.isEmpty ? "" : ", \(configuration.data.path)"
      facts.append(
        .init(
          term: "Data", value: "\(configuration.data.kind)\(place)", remark: "seen as \(configuration.data.shownView)"))
    }
    for phase in run.metrics.phases {
      guard let last = phase.steps.last else { continue }
      facts.append(
        .init(
          term: "Steps of the \(phase.name)",
          value: "\(PageNumber.grouped(last.step)) of \(PageNumber.grouped(last.steps))",
          remark: "\(PageNumber.duration(phase.steps.reduce(0) { $0 + $1.seconds })) in all"))
    }
    if let results {
      facts.append(.init(term: "Evaluated on", value: results.subset))
    }
    if run.starts > 0 {
      facts.append(
        .init(
          term: "Starts", value: "\(run.starts)", remark: run.start?.started.map { "the newest at \($0)" }))
    }
    return .init(
      id: "summary", heading: "Summary",
      blocks: [.facts(.init(facts))] + run.problems.map { .note(.warning($0)) })
  }

  private func modelFacts(_ configuration: RunConfiguration) -> [PageContent.Fact] {
    func name(_ path: String) -> String { path.isEmpty ? "built-in" : path }
    func size(_ count: Int?) -> String {
      count.map { "\(PageNumber.grouped($0)) parameters" } ?? "its folder is not at hand, so its size is not known"
    }
    let student = configuration.student
    var facts = [
      PageContent.Fact(
        term: "Student", value: student.shape.isEmpty ? name(student.path) : "shape of \(student.shape)",
        remark: size(run.parameters.student)
          + (configuration.train.lora.rank > 0 ? "; adapters of rank \(configuration.train.lora.rank)" : ""))
    ]
    if !configuration.objective.needsTeacher {
      facts.append(.init(term: "Teacher", value: "none", remark: "the objective learns from the answers alone"))
    } else if configuration.teacher.store.isEmpty {
      facts.append(
        .init(term: "Teacher", value: name(configuration.teacher.path), remark: size(run.parameters.teacher)))
    } else {
      facts.append(
        .init(term: "Teacher", value: "store \(configuration.teacher.store)", remark: "states kept by teach"))
    }
    return facts
  }
}

extension LossTerm {
  /// Its name on the page.
  var title: String {
    switch self {
    case .crossEntropy: "cross-entropy"
    case .alignment: "cross-attention alignment"
    case .relation: "geometric relations"
    case .transport: "optimal transport"
    case .divergence: "divergence"
    case .hidden: "hidden states"
    case .embedding: "embeddings"
    case .attention: "attention scores"
    case .sortedProbabilities: "sorted probabilities"
    case .distance: "distances"
    case .angle: "angles"
    }
  }
}
