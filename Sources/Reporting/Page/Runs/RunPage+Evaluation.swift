import Evaluation
import Foundation

extension RunPage {
  /// The scores of all models with their intervals.
  func scores(_ results: ReportedRun.Results) -> PageContent.Section {
    let models = results.models
    var blocks: [PageContent.Block] = [.table(table(models))]
    let scored = models.compactMap { model, report in report.probabilities.map { (model, $0) } }
    if let names = scored.first?.1.classes.map(\.name) {
      func groups(_ value: (LabelReport.ClassScores) -> Estimate) -> [IntervalChart.Group] {
        names.map { name in
          .init(
            name: name,
            marks: scored.compactMap { model, scores in
              scores.classes.first { $0.name == name }.map {
                .init(name: model.title, style: model.style, estimate: value($0))
              }
            })
        }
      }
      let legend = PageContent.Group(scored.map { PageContent.Key(style: $0.0.style, label: $0.0.title) })
      func figure(_ id: String, _ title: String, _ groups: [IntervalChart.Group]) -> PageContent.Figure {
        .init(
          id: id, name: title, drawing: IntervalChart(groups: groups).drawing(id: "\(id)-svg", title: title),
          legend: legend)
      }
      let overall = IntervalChart.Group(
        name: "macro",
        marks: scored.map { .init(name: $0.0.title, style: $0.0.style, estimate: $0.1.macroAUC) })
      blocks.append(
        .figures(
          .init([
            figure("auc-classes", "AUC by class", [overall] + groups(\.auc)),
            figure("f1-classes", "F1 by class", groups(\.f1)),
          ])))
    }
    // What is true of all is said once: which records these are, and who is drawn.
    let common = (models.first?.report.remarks ?? []).filter { remark in
      models.count { $0.report.remarks.contains(remark) } == models.count
    }
    let notes = models.flatMap { model, report in
      report.notes.filter { !common.contains($0) }.map { "\(model.title.capitalizedFirst): \($0)." }
    }
    blocks += (common.map { "\($0)." } + notes).map { .note(.remark($0)) }
    if let bootstrap = models.first?.report.bootstrap, let records = models.first?.report.records {
      return .init(
        id: "scores", heading: "Scores",
        lead: "\(results.subset), \(PageNumber.grouped(records)) records. Behind each value its "
          + "\(PageNumber.percent(bootstrap.level)) interval: \(PageNumber.grouped(bootstrap.replicates)) resamples.",
        blocks: blocks)
    }
    return .init(id: "scores", heading: "Scores", blocks: blocks)
  }

  private func table(_ models: [(model: ReportedRun.Model, report: LabelReport)]) -> PageContent.Table {
    func cell(_ estimate: Estimate?) -> PageContent.Table.Cell {
      guard let estimate else { return .number("–") }
      guard let value = estimate.value else { return .number("undefined") }
      return .number(PageNumber.decimals(value, 3), PageNumber.interval(estimate))
    }
    return .init(
      summary: "Scores on probabilities and on generated text",
      columns: [
        .text("Model"), .number("macro AUC"), .number("macro F1"), .number("Hamming loss"), .number("exact set"),
        .number("text: macro F1"), .number("text: exact set"), .number("ECGBench macro F1"),
      ],
      rows: models.map { model, report in
        let (scores, text) = (report.probabilities, report.text)
        return .init(
          label: model.title,
          cells: [
            cell(scores?.macroAUC), cell(scores?.macroF1), cell(scores?.hammingLoss), cell(scores?.exactSetAccuracy),
            cell(text?.macroF1), cell(text?.exactSetAccuracy), cell(report.ecgBench?.macroF1),
          ], weight: model == .after ? "strong" : "")
      })
  }

  /// ROC curves by class.
  func ranking(_ results: ReportedRun.Results) -> PageContent.Section {
    let models = ReportedRun.Model.allCases.filter { run.answers[$0] != nil }
    let names = results.models.compactMap { $0.report.probabilities?.classes.map(\.name) }.first ?? []
    let figures = names.enumerated().compactMap { place, name -> PageContent.Figure? in
      let curves = models.compactMap { model in
        ROCCurve(of: name, run.answers[model] ?? []).map { (name: model.title, style: model.style, curve: $0) }
      }
      guard let last = curves.last else { return nil }
      let id = "roc-\(place)"
      return .init(
        id: id, name: name, reading: "AUC \(PageNumber.decimals(last.curve.area, 3))",
        drawing: ROCChart(curves: curves).drawing(id: "\(id)-svg", title: "ROC curve of \(name)"),
        legend: .init(curves.map { .init(style: $0.style, label: $0.name) }))
    }
    guard !figures.isEmpty else {
      let note: PageContent.Note =
        models.isEmpty
        ? .missing("The run folder keeps no answers, of which the curves are drawn.", run.answersRemedy)
        : .missing(
          "No class is both present and absent among the records, so there is no curve.", "Evaluate more records.")
      return .init(id: "roc", heading: "ROC curves", blocks: [.note(note)])
    }
    let undrawn = results.models.filter { $0.report.probabilities != nil && run.answers[$0.model] == nil }
    let notes = undrawn.map { model, _ in
      PageContent.Block.note(
        .missing("No curve of the \(model.title): the run folder keeps no sound answers of it.", run.answersRemedy))
    }
    return .init(
      id: "roc", heading: "ROC curves",
      lead: "The share of the positives that is found over the share of the negatives that is taken for positives, at "
        + "every threshold. The number is the area below the curve of the last model named.",
      blocks: notes + [.figures(.init(figures))])
  }

  /// What was said of each class against the truth.
  func confusion(_ results: ReportedRun.Results) -> PageContent.Section {
    let scored = results.models.compactMap { model, report in report.probabilities.map { (model, $0) } }
    guard let (model, shown) = scored.last else {
      return .init(
        id: "confusion", heading: "Confusion",
        blocks: [.note(.missing("The models were asked for text alone, which has no threshold."))])
    }
    let figures = shown.classes.enumerated().map { place, scored in
      let id = "confusion-\(place)"
      return PageContent.Figure(
        id: id, name: scored.name, reading: "F1 \(PageNumber.decimals(scored.f1.value, 3))",
        drawing: ConfusionChart(name: scored.name, counts: scored.counts).drawing(id: "\(id)-svg"))
    }
    let table = PageContent.Table(
      summary: "Counts by class and model",
      columns: [
        .text("Class"), .text("model"), .number("found"), .number("missed"), .number("false alarms"),
        .number("rightly left out"), .number("sensitivity"), .number("specificity"),
      ],
      rows: shown.classes.map(\.name).flatMap { name in
        scored.compactMap { model, scores in
          scores.classes.first { $0.name == name }.map { Self.row(name, model, $0.counts) }
        }
      })
    return .init(
      id: "confusion", heading: "Confusion",
      lead: "\(model.title.capitalizedFirst), a class being said where its probability is "
        + "\(PageNumber.short(shown.threshold)) or more. Percentages are of a row.",
      blocks: [.figures(.init(figures)), .fold(.init(label: "Counts of all models", tables: [table]))])
  }

  private static func row(
    _ name: String, _ model: ReportedRun.Model, _ counts: ConfusionCounts
  ) -> PageContent.Table.Row {
    .init(
      label: name,
      cells: [.text(model.title)]
        + [counts.truePositives, counts.falseNegatives, counts.falsePositives, counts.trueNegatives].map {
          .number(PageNumber.grouped($0))
        } + [counts.recall, counts.specificity].map { .number(PageNumber.decimals($0, 3)) },
      weight: model == .after ? "strong" : "")
  }

  /// Why there are no scores, curves and answers.
  var unevaluated: PageContent.Section {
    let note: PageContent.Note
    if let failure = run.failure {
      note = .missing(
        "There are no scores, ROC curves, confusion and answers: the run came to nothing: \(failure)",
        "The same ablate command does the run again where its folder is removed.")
    } else if run.isOfAblation {
      note = unscored
    } else if run.configuration?.evaluation.enabled == false {
      note = .missing(
        "There are no scores, ROC curves, confusion and answers: the run evaluates no model (evaluation.enabled is false).",
        "Set it to true and run the same command again; a training that is done is not repeated.")
    } else if run.configuration?.data.isConversations == true {
      note = .missing(
        "Conversations have no labels to score.", "evl-dist evaluate --task scores the student on a benchmark.")
    } else if results != nil {
      note = .missing("The run ended without an evaluation.")
    } else {
      note = .missing(
        "The run has not ended: scores, ROC curves, confusion and answers come from the evaluation at its end.",
        "The same command goes on.")
    }
    return .init(id: "scores", heading: "Scores", blocks: [.note(note)])
  }

  /// Of a run of an ablation, which is evaluated by `ablate` whatever its own settings say.
  private var unscored: PageContent.Note {
    AblationAnswers.exist(in: run.folder)
      ? .missing(
        "There are no scores, ROC curves, confusion and answers: results.json is missing or damaged.",
        "The same ablate command evaluates the student again, and trains no step anew, where answers.json is removed.")
      : .missing(
        "The run has not ended: scores, ROC curves, confusion and answers come from the evaluation at its end.",
        "The same ablate command goes on.")
  }
}
