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

  /// What is written, and what is read beside the data.
  public struct Files: Sendable {
    /// For a model's answers as JSON lines; an evaluation that was stopped goes on where it has them.
    public var save: URL?
    /// For requests, references and answers of reports and dialogues as JSON lines, for a judge.
    public var export: URL?
    /// Answers to compare with: a predictions file, or a run, whose student's are taken.
    public var comparedWith: URL?

    public init() {}
  }

  /// Another system's answers.
  private struct Other {
    var name: String
    var predictions: Predictions
  }

  /// How a model is asked.
  public struct Asking: Sendable {
    /// The model's folder.
    public var model: URL
    /// Named by the user; empty for the folder's own, or its family's.
    public var chatTemplate = ""
    /// The most tokens of an answer; nil for the task's own number.
    public var tokens: Int?
    /// Whether a question is left out, and counted, whose picture or recording is not there or cannot be read.
    public var skipsMissing = false
    public var files = Files()

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
    let (chosen, other, blueprint, model) = try communicator.agree {
      let (chosen, other) = try begin(asking.files, readsRecordings: true)
      let blueprint = try ModelBlueprint(
        folder: Self.model(in: asking.model), chatTemplate: ChatTemplateRule(named: asking.chatTemplate))
      if communicator.isController, let remark = try blueprint.remark(inConversations: false) { note(remark) }
      return (chosen, other, blueprint, try blueprint.frozen())
    }
    let (task, showsSeveral) = (chosen.task, blueprint.readsSeveralImages)
    let asked = task.including { $0.shown.count == 1 || showsSeveral && $0.shown.count > 1 }
    let left = task.questions.count - asked.questions.count
    let tokens = asking.tokens ?? source.answerTokens
    let subjects = try communicator.agree {
      try refuseNone(asked.questions, of: task, showsSeveral: showsSeveral)
      if let other { try asked.answering(other.predictions, from: other.name) }
      if !asking.skipsMissing { try refuseMissing(asked.questions) }
      return try source.subjects(blueprint)
    }
    let log = asking.files.save.map { file in
      let depends = [
        task.name, model.arena.digest(), blueprint.viewName, asking.chatTemplate, "\(tokens)", source.data.path,
        source.images?.path ?? "", source.recordings?.path ?? "",
      ]
      return AnswerLog(for: file, fingerprint: Self.fingerprint(of: asked, depends))
    }
    let earlier = try begin(log, asked.questions, skipsMissing: asking.skipsMissing, note: note)
    let answerer = TextAnswerer(
      model: model, answerTokens: tokens, yesNoQuestions: task.yesNoQuestions, skipsUnreadable: asking.skipsMissing,
      subject: subjects)
    let answers = try answerer.answers(
      asked.questions, earlier: earlier, communicator: communicator, stop: stop,
      remedy: log == nil
        ? "run the same command again, which begins anew; with --save it goes on"
        : "run the same command again to go on",
      log: { if communicator.isController { try log?.append($0) } },
      progress: { if communicator.isController { progress($0, asked.questions.count) } })
    return try communicator.agree {
      let predictions = try Predictions(answers)
      if communicator.isController, let save = asking.files.save {
        try predictions.write(to: save)
        log?.end()
      }
      let what = showsSeveral ? "no ECG" : "no ECG, or several"
      let notes = ["\(left) of \(task.questions.count) questions show \(what), and were not asked"]
      return try finish(
        asked, predictions, skipsMissing: asking.skipsMissing, notes: chosen.notes + (left == 0 ? [] : notes),
        export: asking.files.export, other: other)
    }
  }

  /// SHA-256 of what is asked and what else the answers depend on.
  private static func fingerprint(of task: any BenchmarkTask, _ depends: [String]) -> String {
    let questions = task.questions.flatMap { [$0.id, $0.prompt] + $0.shown + $0.followUps }
    let all = depends + task.yesNoQuestions.map(\.prompt) + questions
    return Digest.sha256(Data(all.joined(separator: "\n").utf8))
  }

  /// What is asked, and the answers it is compared with; what can be wrong with either, and with files to be written, is found
  /// before the work.
  private func begin(_ files: Files, readsRecordings: Bool) throws -> (ChosenQuestions, Other?) {
    try refuseShared([source.ids, files.comparedWith])
    let task = try source.load(readsRecordings: readsRecordings)
    try task.check(rules)
    guard files.export == nil || task is any ExportedTask else {
      throw UserError(.usage, "--export is for reports and dialogues; the answers of \(task.name) are scored here")
    }
    if communicator.isController {
      for file in [files.save, files.export].compactMap({ $0 }) { try OutputFile(url: file).check() }
    }
    let other = try files.comparedWith.map { path in
      Other(name: path.relativePath, predictions: try Self.answers(in: path))
    }
    return (try ChosenQuestions.of(task, namedIn: source.ids, data: source.data), other)
  }

  /// Refuses pipes, of which each of several ranks would read a part.
  private func refuseShared(_ files: [URL?]) throws {
    guard communicator.size > 1, let pipe = files.compactMap({ $0 }).first(where: { InputFile($0).isPipe }) else {
      return
    }
    throw UserError(
      .usage, "\(pipe.path) is a pipe, which \(communicator.size) ranks cannot read",
      remedy: "write a file, or start one process: to score predictions takes no more")
  }

  /// The answers of the file that is named, or, of a run, its student's.
  private static func answers(in path: URL) throws -> Predictions {
    guard path.isFolder else { return try Predictions(contentsOf: path) }
    let file = path.appendingPathComponent(RunSummary.answersName("after"))
    if FileManager.default.fileExists(atPath: file.path) { return try Predictions(contentsOf: file) }
    guard AblationAnswers.exist(in: path) else {
      throw UserError(
        .usage,
        "\(path.path): there are no answers in this folder (\(file.lastPathComponent), or "
          + "\(AblationAnswers.fileName) of a run of an ablation)",
        remedy: "evaluate its model with --save FILE, then compare with that file")
    }
    let found = try AblationAnswers(in: path)
    if let failure = found.failure {
      throw UserError(
        .usage, "\(path.path): this run of an ablation came to nothing: \(failure)",
        remedy: "compare with a run that has answers")
    }
    let questions = QuestionSet.of(task: RunSummary.read(in: path)?.after?.task)
    return try Predictions(
      found.kept(classes: questions.labels.map(\.name)).map {
        Prediction(id: $0.id, text: $0.text ?? "", probabilities: $0.probabilities)
      }, source: path.path)
  }

  private func refuseNone(_ asked: [TextQuestion], of task: any BenchmarkTask, showsSeveral: Bool) throws {
    guard asked.isEmpty else { return }
    throw UserError(
      .badInput,
      "\(task.name): none of the \(task.questions.count) questions shows \(showsSeveral ? "an" : "exactly one") ECG, so none "
        + "is asked",
      remedy: showsSeveral ? "give a file whose questions name pictures" : "take a model that reads several images")
  }

  private func refuseMissing(_ questions: [TextQuestion]) throws {
    let missing = try source.missing(questions)
    guard let first = missing.first else { return }
    throw UserError(
      .badInput,
      "\(missing.count) of \(questions.count) questions show what is not there: "
        + "\(UserError.some(missing.map(\.id))) (\(first.id): \(first.what))",
      remedy:
        "give the whole data set, name the folder that image paths begin at (--images), or leave such questions out "
        + "(--missing-images skip)")
  }

  /// The report of answers to what was asked, and the files that are written with it.
  private func finish<Asked: BenchmarkTask>(
    _ given: Asked, _ answers: Predictions, besides others: Set<String> = [], skipsMissing: Bool,
    unanswered: MissingPredictions = .refused, notes: [String], export: URL?, other: Other?
  ) throws -> any EvaluationReport {
    let (task, predictions, told) = try given.settled(
      answers, besides: others, skipsMissing: skipsMissing, unanswered: unanswered)
    if communicator.isController, let export, let exported = task as? any ExportedTask {
      try OutputFile(url: export).write(try exported.export(predictions))
    }
    let report = try task.report(predictions, rules: rules, bootstrap: bootstrap, notes: notes + told)
    guard let other else { return report }
    return ComparedReport(
      report,
      try task.comparison(predictions, with: other.predictions, from: other.name, rules: rules, bootstrap: bootstrap))
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
  private func begin(
    _ log: AnswerLog?, _ questions: [TextQuestion], skipsMissing: Bool, note: (String) -> Void
  ) throws -> [Prediction] {
    guard let log else { return [] }
    let lines = try communicator.broadcast(
      try communicator.agree {
        guard communicator.isController else { return [UInt8]() }
        // What was skipped is asked where nothing may be missing.
        let found = try Array(log.answers(to: questions).prefix { skipsMissing || $0.skipped == nil })
        try log.begin(found)
        if !found.isEmpty { note("going on behind \(found.count) answers of \(log.file.path)") }
        return [UInt8](try Predictions(found).jsonLines())
      })
    guard !lines.isEmpty else { return [] }
    return try communicator.agree { try Predictions(jsonLines: Data(lines), source: log.file.path).predictions }
  }

  /// Collective: scores the answers of a predictions file.
  /// - Parameters:
  ///   - files: to be written, and to be compared with.
  ///   - skipsMissing: whether questions that the file says were skipped are left out, and counted.
  ///   - unanswered: whether those that it has no line for are.
  /// - Throws: `UserError` (bad input), where they are not, naming the first of them.
  public func score(
    predictions file: URL, files: Files = Files(), skipsMissing: Bool = false,
    unanswered: MissingPredictions = .refused
  ) throws -> any EvaluationReport {
    try communicator.agree {
      try refuseShared([file])
      let (chosen, other) = try begin(files, readsRecordings: false)
      return try finish(
        chosen.task, Predictions(contentsOf: file), besides: chosen.others, skipsMissing: skipsMissing,
        unanswered: unanswered, notes: chosen.notes, export: files.export, other: other)
    }
  }
}
