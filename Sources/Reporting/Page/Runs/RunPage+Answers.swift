import Corpus
import Evaluation
import Foundation
import Tensors

extension RunPage {
  /// Records shown of each kind.
  private static let shown = 3

  /// What was asked about some records, what the models said, and the truth.
  func answers(_ results: ReportedRun.Results) -> PageContent.Section {
    let heading = "Answers"
    guard let model = ReportedRun.Model.allCases.last(where: { run.answers[$0] != nil }), let all = run.answers[model]
    else {
      return .init(
        id: "answers", heading: heading,
        blocks: [.note(.missing("The run folder keeps no answers.", run.answersRemedy))])
    }
    let labelled = all.filter { !$0.gold.isEmpty }
    let seed = run.configuration?.run.seed ?? 0
    let drawn = Self.drawn(labelled, seed: seed)
    let classes = results[model]?.probabilities?.classes.map(\.name) ?? []
    let worst = labelled.filter { answer in !drawn.contains { $0.id == answer.id } }
      .map { (answer: $0, error: Self.error(of: $0, classes)) }
      .sorted { ($0.error, $1.answer.id) > ($1.error, $0.answer.id) }.prefix(Self.shown).map(\.answer)
    let vocabulary = LabelSpace.trained(results.questions).vocabulary
    func group(_ answers: [KeptAnswer], _ key: String) -> PageContent.Block {
      .answers(
        .init(answers.enumerated().map { card($1, by: model, classes, vocabulary, id: "answer-\(key)-\($0)") }))
    }
    let legend =
      model == .teacher
      ? ""
      : " Bar: probability by the \(model.title);\(run.answers[.teacher] == nil ? "" : " ring: by the teacher;") "
        + "the line is at 0.5."
    return .init(
      id: "answers", heading: heading,
      lead: "“\(results.questions.listing)” \(drawn.count) records drawn at random (seed \(seed)), then the "
        + "\(worst.count) others whose probabilities are farthest from the truth.\(legend)",
      blocks: [group(drawn, "drawn"), group(worst, "worst")])
  }

  private static func drawn(_ answers: [KeptAnswer], seed: UInt64) -> [KeptAnswer] {
    var left = answers
    var random = CounterRandom(seed: seed, purpose: "report examples")
    return (0..<min(shown, left.count)).map { _ in left.remove(at: random.integer(below: left.count)) }
  }

  /// The mean distance of the probabilities from the truth.
  private static func error(of answer: KeptAnswer, _ classes: [String]) -> Double {
    let distances = classes.compactMap { name in
      answer.probabilities?[name].map { abs($0 - (answer.gold.contains(name) ? 1 : 0)) }
    }
    return distances.isEmpty ? 0 : distances.reduce(0, +) / Double(distances.count)
  }

  private func card(
    _ answer: KeptAnswer, by model: ReportedRun.Model, _ classes: [String], _ vocabulary: DefaultScorer.Vocabulary,
    id: String
  ) -> PageContent.Answer {
    let said = answer.text.map { DefaultScorer.labels(in: $0, vocabulary: vocabulary) } ?? []
    let truth = Set(answer.gold)
    let verdict = said == truth ? "right" : said.isDisjoint(with: truth) ? "wrong" : "partly right"
    let others = ReportedRun.Model.allCases.filter { $0 != model && $0 != .before }
      .compactMap { other in run.answers[other]?.first { $0.id == answer.id }.map { (other, $0) } }
    func words(_ text: String?) -> String { text.map { $0.isEmpty ? "(nothing)" : $0 } ?? "(not asked for text)" }
    let chart = ProbabilityBars(
      rows: classes.map { name in
        .init(
          name: name, isTrue: truth.contains(name), value: answer.probabilities?[name],
          compared: others.first?.1.probabilities?[name])
      })
    return .init(
      record: answer.id, verdict: verdict, style: verdict == "partly right" ? "partly" : verdict,
      truth: answer.gold.joined(separator: ", "),
      drawing: chart.drawing(id: id, title: "Probabilities of record \(answer.id)"),
      replies: [.init(speaker: model.title.capitalizedFirst, words: words(answer.text))]
        + others.map { .init(speaker: $0.title.capitalizedFirst, words: words($1.text)) })
  }
}
