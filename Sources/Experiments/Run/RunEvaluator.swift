import Cluster
import Corpus
import Evaluation
import Foundation
import Models
import Tensors
import Training

/// Evaluates the models of a run on its evaluation fold and keeps what was measured.
struct RunEvaluator {
  let context: RunContext
  let corpus: TrainingCorpus
  let folder: URL

  /// A report with the answers it was made of.
  private struct Evaluated: Codable {
    var report: LabelReport
    var answers: [KeptAnswer]

    func json() throws -> Data {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return try encoder.encode(self)
    }
  }

  /// Which of a run's models.
  enum Model: String {
    case teacher, before, after

    var name: String { self == .teacher ? "teacher" : "student \(rawValue)" }
    /// Whether it is as it is used; the student before its training may recover from numbers that run over.
    var isFinished: Bool { self != .before }
  }

  /// Collective: the report of one model; nil where evaluation is switched off. The run folder keeps its answers.
  ///
  /// - Parameter cache: folder in which the report is kept and found again, for models that do not change; the file's
  ///   name holds a digest of weights and records, so a report is never taken for another model's.
  /// - Throws: `AgreedError` (bad input) for a finished model whose probability is no number.
  func report(
    _ role: Model, _ model: any VisionLanguageModel<Float>, _ side: ModelSide, cache: URL?
  ) throws -> LabelReport? {
    try report(role.name, model, side, isFinished: role.isFinished, cache: cache, kept: role.rawValue)
  }

  /// - Parameter kept: name under which the run folder keeps the answers; nil: they are not kept.
  private func report(
    _ name: String, _ model: any VisionLanguageModel<Float>, _ side: ModelSide, isFinished: Bool, cache: URL?,
    kept: String?
  ) throws -> LabelReport? {
    let settings = context.configuration.evaluation
    guard settings.enabled else { return nil }
    let file = cache.map { $0.appendingPathComponent("evaluation-\(digest(model, side).prefix(16)).json") }
    if let known = try stored(file) {
      tell(name, known.report)
      keep(known.answers, as: kept)
      return known.report
    }
    if context.communicator.isController { context.observer.note("evaluating: \(name)") }
    let evaluator = LabelEvaluator(
      model: model, side: side, space: .trained(corpus.questions), answerTokens: settings.answerTokens,
      refusesNoNumbers: isFinished)
    let answers = try evaluator.answers(
      corpus.evaluation, records: corpus.records, communicator: context.communicator, stop: context.stop
    ) { done in
      guard context.communicator.isController else { return }
      context.observer.progress("evaluating", done: done, of: corpus.evaluation.count)
    }
    let report = try context.communicator.agree {
      let task = corpus.metrics(try context.configuration.bootstrap())
      let report = try task.report(answers)
      let evaluated = Evaluated(report: report, answers: answers.map { KeptAnswer($0, classes: task.space.classes) })
      if context.communicator.isController, let file { write(file) { try evaluated.json() } }
      keep(evaluated.answers, as: kept)
      return report
    }
    tell(name, report)
    return report
  }

  /// The evaluation of the student in training; nil where none is asked for.
  func periodic(_ model: any VisionLanguageModel<Float>, _ side: ModelSide) -> PeriodicEvaluation? {
    let every = context.configuration.evaluation.every
    guard context.configuration.evaluation.enabled, every > 0 else { return nil }
    return PeriodicEvaluation(metric: MetricName.macroAUC, every: every) { step in
      try report("student at step \(step)", model, side, isFinished: false, cache: nil, kept: nil)?
        .probabilities?.macroAUC.value
    }
  }

  private func tell(_ name: String, _ report: LabelReport) {
    guard context.communicator.isController, let headline = report.headline else { return }
    context.observer.note("\(name): \(headline)")
  }

  /// Of rank 0 alone.
  private func keep(_ answers: [KeptAnswer], as name: String?) {
    guard context.communicator.isController, let name else { return }
    write(folder.appendingPathComponent(RunSummary.answersName(name))) { try KeptAnswers(answers).jsonLines() }
  }

  /// What cannot be kept is only computed again by the next start.
  private func write(_ file: URL, _ data: () throws -> Data) {
    do { try data().write(to: file, options: .atomic) } catch {
      context.observer.warn("\(file.path) cannot be written: \(error.localizedDescription)")
    }
  }

  private func digest(_ model: any VisionLanguageModel<Float>, _ side: ModelSide) -> String {
    var digest = Digest()
    digest.update(Data(model.arena.digest().utf8))
    let settings = context.configuration.evaluation
    digest.update(Data("\(side.settings) \(settings) \(context.configuration.run.seed)".utf8))
    digest.update(Data(corpus.evaluation.map(\.id).joined(separator: ",").utf8))
    digest.update(Data(corpus.metadataFingerprint.utf8))
    // Intervals depend on what is drawn together.
    digest.update(Data(corpus.evaluation.map(\.subject).joined(separator: ",").utf8))
    return digest.finish()
  }

  /// Collective: rank 0 looks, all get the same answer.
  private func stored(_ file: URL?) throws -> Evaluated? {
    let own = context.communicator.isController ? file.flatMap { try? Data(contentsOf: $0) } : nil
    let bytes = try context.communicator.broadcast([UInt8](own ?? Data()))
    return bytes.isEmpty ? nil : try? JSONDecoder().decode(Evaluated.self, from: Data(bytes))
  }
}
