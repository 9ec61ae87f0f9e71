import ArgumentParser
import Cluster
import Corpus
import Evaluation
import Experiments
import Foundation
import Reporting
import Tensors
import Training

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate", abstract: "* Runs a benchmark on a model, or scores someone else's predictions.")

  @Option(help: "Model folder (Hugging Face); not needed with --predictions.") var model: String?
  @Option(help: ArgumentHelp("Chat template in place of the folder's own: \(TemplateNote.names).", valueName: "name"))
  var chatTemplate = ""
  @Option(help: "Benchmark.") var task = TaskName.ptbXLSuper
  @Option(help: "PTB-XL's folder; for ecg-qa the folder of its questions; for multiple choice a file of conversations.")
  var data: String
  @Option(help: "Fold of PTB-XL; its official test fold is 10.") var fold = 10
  @OptionGroup(title: "Options of tasks that are answered in words") var words: TaskOptions
  @Option(help: "JSON lines of id and text to score instead of a model.") var predictions: String?
  @Option(help: "Rules by which text is read: default, or ecgbench as published.") var scorer = ScoringRules.default
  @Option(help: "Seed of the bootstrap.") var seed: UInt64 = 1
  @Option(help: "Write the model's answers as JSON lines, to be scored again; what was stopped goes on with it.")
  var save: String?
  @Option(help: "Seconds that the ranks may go without meeting (16 records each) before they end as late; 0: for ever.")
  var stepLimit = 1800.0
  @Flag(help: "Report as JSON.") var json = false

  func validate() throws {
    guard (model == nil) != (predictions == nil) else {
      throw ValidationError("give either --model or --predictions")
    }
    guard chatTemplate.isEmpty || model != nil else { throw ValidationError("--chat-template is for --model") }
    guard save == nil || model != nil else { throw ValidationError("--save is for --model") }
    guard stepLimit >= 0 && stepLimit.isFinite else { throw ValidationError("--step-limit is 0 or more seconds") }
    try TemplateNote.check(chatTemplate)
  }

  func run() throws {
    let stop = StopFlag()
    try stop.watch()
    try onEveryRank { communicator in
      communicator.status.limitSteps(toSeconds: stepLimit)
      let report = task == .ptbXLSuper ? try superclasses(communicator, stop) : try texts(communicator, stop)
      if communicator.isController { print(report, terminator: "") }
    }
  }

  private func superclasses(_ communicator: any Communicator, _ stop: StopFlag) throws -> String {
    let evaluation = BenchmarkRun(communicator: communicator, stop: stop, seed: seed)
    let url = URL(fileURLWithPath: data)
    let report =
      if let predictions {
        try evaluation.score(predictions: URL(fileURLWithPath: predictions), data: url, fold: fold)
      } else {
        try evaluation.evaluate(
          model: URL(fileURLWithPath: model ?? ""), chatTemplate: chatTemplate, data: url, fold: fold,
          save: save.map { URL(fileURLWithPath: $0) }, note: TemplateNote.tell)
      }
    if json { return String(decoding: try report.json(), as: UTF8.self) + "\n" }
    return scorer == .ecgbench ? report.ecgBenchTable() : report.table()
  }

  private func texts(_ communicator: any Communicator, _ stop: StopFlag) throws -> String {
    let run = try TaskRun(
      communicator: communicator, stop: stop, source: words.source(task, data: URL(fileURLWithPath: data), fold: fold),
      rules: scorer, seed: seed)
    let report: ScoreReport
    if let predictions {
      report = try run.score(
        predictions: URL(fileURLWithPath: predictions), export: words.export.map { URL(fileURLWithPath: $0) })
    } else {
      var asking = TaskRun.Asking(model: URL(fileURLWithPath: model ?? ""))
      (asking.chatTemplate, asking.tokens) = (chatTemplate, words.tokens)
      asking.save = save.map { URL(fileURLWithPath: $0) }
      asking.export = words.export.map { URL(fileURLWithPath: $0) }
      // The report alone goes to standard output.
      let line = RunObserver(
        terminal: .current(ofErrors: true), metrics: MetricsLog(URL(fileURLWithPath: "/dev/null")),
        write: { FileHandle.standardError.write(Data($0.utf8)) })
      defer { line.end() }
      report = try run.evaluate(asking, note: TemplateNote.tell) { line.progress(task.rawValue, done: $0, of: $1) }
    }
    return json ? String(decoding: try report.json(), as: UTF8.self) + "\n" : report.table()
  }
}

/// Where the questions of a task come from, and how long an answer may be.
struct TaskOptions: ParsableArguments {
  @Option(help: "Folder that image paths begin at; the file's own where it is left out.") var images: String?
  @Option(help: "PTB-XL's folder, for ecg-qa.") var recordings: String?
  @Option(help: "Split of ecg-qa.") var split = ECGQAQuestions.Split.test
  @Option(help: "Wording of ecg-qa's questions.") var wording = ECGQAQuestions.Wording.paraphrased
  @Option(help: "The most tokens of an answer.") var tokens = 1024
  @Option(help: "Write requests, references and answers of ptb-xl-report as JSON lines, for a judge.") var export:
    String?

  func validate() throws {
    guard tokens > 0 else { throw ValidationError("--tokens is 1 or more") }
  }

  func source(_ task: TaskName, data: URL, fold: Int) -> TaskSource {
    var source = TaskSource(task, data: data)
    source.fold = fold
    source.images = images.map { URL(fileURLWithPath: $0) }
    source.recordings = recordings.map { URL(fileURLWithPath: $0) }
    (source.split, source.wording) = (split, wording)
    return source
  }
}

extension TaskName: ExpressibleByArgument {}
extension ScoringRules: ExpressibleByArgument {}
extension ECGQAQuestions.Split: ExpressibleByArgument {}
extension ECGQAQuestions.Wording: ExpressibleByArgument {}
