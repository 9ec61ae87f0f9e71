import Cardiology
import Cluster
import Corpus
import Evaluation
import Foundation
import Models
import Tensors
import Training

/// Runs a benchmark on a model folder, or scores answers that someone else produced.
public struct TaskRun {
  private let communicator: any Communicator
  private let stop: StopFlag
  private let source: TaskSource
  private let rules: ScoringRules
  private let bootstrap: Bootstrap

  public init(
    communicator: any Communicator, stop: StopFlag, source: TaskSource, rules: ScoringRules, seed: UInt64
  ) throws {
    self.communicator = communicator
    self.stop = stop
    self.source = source
    self.rules = rules
    bootstrap = try Bootstrap(seed: seed, replicates: RunConfiguration().evaluation.replicates, level: 0.95)
  }

  /// How a model is asked.
  public struct Asking: Sendable {
    /// The model's folder.
    public var model: URL
    /// Named by the user; empty for the folder's own, or its family's.
    public var chatTemplate = ""
    /// The most tokens of an answer; nil for the task's own number.
    public var tokens: Int?
    /// For the answers as JSON lines; an evaluation that was stopped goes on where it has them.
    public var save: URL?
    /// For requests, references and answers of reports as JSON lines, for a judge.
    public var export: URL?

    public init(model: URL) { self.model = model }
  }

  /// Collective: evaluates a model; the same report for any number of ranks.
  ///
  /// - Parameters:
  ///   - note: told on rank 0 what a user should know.
  ///   - progress: told on rank 0 of how many questions are done, of how many.
  public func evaluate(
    _ asking: Asking, note: (String) -> Void, progress: (Int, Int) -> Void
  ) throws -> any EvaluationReport {
    ProductLibrary.setThreads(1)
    let (task, blueprint, model) = try communicator.agree {
      let task = try source.load()
      try task.check(rules)
      let blueprint = try ModelBlueprint(
        folder: Self.model(in: asking.model), chatTemplate: ChatTemplateRule(named: asking.chatTemplate))
      if communicator.isController, let remark = try blueprint.remark(inConversations: false) { note(remark) }
      return (task, blueprint, try blueprint.frozen())
    }
    let showsSeveral = blueprint.readsSeveralImages
    let asked = task.including { $0.shown.count == 1 || showsSeveral && $0.shown.count > 1 }
    let left = task.questions.count - asked.questions.count
    guard !asked.questions.isEmpty else {
      throw UserError(
        .badInput,
        "\(task.name): none of the \(left) questions shows \(showsSeveral ? "an" : "exactly one") ECG, so none is asked",
        remedy: showsSeveral ? "give a file whose questions name pictures" : "take a model that reads several images")
    }
    let tokens = asking.tokens ?? source.answerTokens
    let subjects = try communicator.agree { try source.subjects(blueprint) }
    let log = asking.save.map { file in
      let depends = [
        task.name, model.arena.digest(), blueprint.viewName, asking.chatTemplate, "\(tokens)", source.data.path,
        source.images?.path ?? "", source.recordings?.path ?? "",
      ]
      let further = task.yesNoQuestions.map(\.prompt) + task.questions.flatMap(\.followUps)
      return AnswerLog(
        for: file, fingerprint: Digest.sha256(Data((depends + further).joined(separator: "\n").utf8)))
    }
    let earlier = try begin(log, asked.questions, note: note)
    let answerer = TextAnswerer(
      model: model, answerTokens: tokens, yesNoQuestions: task.yesNoQuestions, subject: subjects)
    let answers = try answerer.answers(
      asked.questions, earlier: earlier, communicator: communicator, stop: stop,
      remedy: log == nil
        ? "run the same command again, which begins anew; with --save it goes on"
        : "run the same command again to go on",
      log: { if communicator.isController { try log?.append($0) } },
      progress: { if communicator.isController { progress($0, asked.questions.count) } })
    return try communicator.agree {
      let predictions = try Predictions(answers)
      if communicator.isController, let save = asking.save {
        try predictions.write(to: save)
        log?.end()
      }
      if communicator.isController { try Self.export(asked, predictions, to: asking.export) }
      return try asked.report(
        predictions, rules: rules, bootstrap: bootstrap,
        notes: left == 0
          ? []
          : [
            "\(left) of \(task.questions.count) questions show \(showsSeveral ? "no ECG" : "no ECG, or several"), and were not asked"
          ])
    }
  }

  /// The model's folder: the one that is named, or, of a run, its student's.
  private static func model(in folder: URL) -> URL {
    let student = folder.appendingPathComponent("student")
    func holdsModel(_ folder: URL) -> Bool {
      FileManager.default.fileExists(atPath: folder.appendingPathComponent("config.json").path)
    }
    return !holdsModel(folder) && holdsModel(student) ? student : folder
  }

  /// Collective: what an earlier start has answered, the same on every rank.
  private func begin(_ log: AnswerLog?, _ questions: [TextQuestion], note: (String) -> Void) throws -> [Prediction] {
    guard let log else { return [] }
    let lines = try communicator.broadcast(
      try communicator.agree {
        guard communicator.isController else { return [UInt8]() }
        let found = log.answers(to: questions)
        try log.begin(found)
        if !found.isEmpty { note("going on behind \(found.count) answers of \(log.file.path)") }
        return [UInt8](try Predictions(found).jsonLines())
      })
    guard !lines.isEmpty else { return [] }
    return try communicator.agree { try Predictions(jsonLines: Data(lines), source: log.file.path).predictions }
  }

  /// Collective: scores the answers of a predictions file.
  /// - Parameter export: as of `Asking`.
  public func score(predictions file: URL, export: URL? = nil) throws -> any EvaluationReport {
    try communicator.agree {
      let (task, predictions) = (try source.load(), try Predictions(contentsOf: file))
      let report = try task.report(predictions, rules: rules, bootstrap: bootstrap, notes: [])
      if communicator.isController { try Self.export(task, predictions, to: export) }
      return report
    }
  }

  private static func export(_ task: any BenchmarkTask, _ predictions: Predictions, to file: URL?) throws {
    guard let file else { return }
    guard let exported = task as? any ExportedTask else {
      throw UserError(.usage, "--export is for reports and dialogues; the answers of \(task.name) are scored here")
    }
    do { try exported.export(predictions).write(to: file, options: .atomic) } catch let error as UserError {
      throw error
    } catch {
      throw UserError(
        .inputOutput, "\(file.path) cannot be written: \(error.localizedDescription)",
        remedy: "check free space and permissions")
    }
  }
}
