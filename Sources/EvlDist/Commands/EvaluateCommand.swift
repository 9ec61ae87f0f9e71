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
    commandName: "evaluate", abstract: "* Runs a benchmark on a model, or scores someone else's predictions.",
    discussion: """
      With --model, SIGUSR1 or SIGUSR2 to mpirun ends it with exit code 75, and so do SIGTERM and Ctrl-C to a process of its own; \
      with --save the same command goes on there. --predictions and --questions do no work that an end would lose: every \
      signal ends them at once, with the signal's own code (143 of SIGTERM, 130 of Ctrl-C). One process is enough for them.
      """)

  @Option(help: "Model folder (Hugging Face), or a run, whose student is taken.")
  var model: String?
  @Option(help: ArgumentHelp("Chat template in place of the folder's own: \(TemplateNote.names).", valueName: "name"))
  var chatTemplate = ""
  @Option(help: "Benchmark.") var task = TaskName.ptbXLSuper
  @Option(help: "The data set's folder, or a file of conversations (docs/evaluation.md).") var data: String
  @Option(help: "Fold of PTB-XL's folder; where it is left out 10, its official test fold.") var fold: Int?
  @OptionGroup(title: "Options of single tasks") var single: TaskOptions
  @Option(help: "JSON lines of id and text, or probabilities of labels, to score instead of a model.") var predictions:
    String?
  @Option(
    help: ArgumentHelp(
      "Write what is asked as JSON lines, for a model that is asked elsewhere, and score nothing.", valueName: "file"))
  var questions: String?
  @Option(help: "Rules by which text is read: default, or ecgbench as published.") var scorer = ScoringRules.default
  @Option(help: "Seed of the bootstrap; 1 where it is left out.") var seed: UInt64?
  @Option(help: "Write the model's answers as JSON lines, to be scored again; what was stopped goes on with it.")
  var save: String?
  @Option(
    help: ArgumentHelp(
      "Compare with these answers, question by question: JSON lines as of --predictions or --save, or a run, whose "
        + "student's are taken.", valueName: "path"))
  var compare: String?
  @Option(
    help: ArgumentHelp(
      "Questions whose picture or recording is not there, or cannot be read, and predictions marked as skipped: "
        + "refuse, or skip and count."))
  var missingImages = ConversationDataset.MissingImages.refused
  @Option(help: "Questions that --predictions has no line for: refuse (the default), or skip and count.")
  var missingPredictions: MissingPredictions?
  @Option(
    help: "Seconds that the ranks may go without meeting (16 questions each) before they end as late; 0: for ever.")
  var stepLimit = 1800.0
  @Flag(help: "Report as JSON.") var json = false

  func validate() throws {
    guard [model, predictions, questions].count(where: { $0 != nil }) == 1 else {
      throw ValidationError("give one of --model, --predictions and --questions")
    }
    guard chatTemplate.isEmpty || model != nil else { throw ValidationError("--chat-template is for --model") }
    guard save == nil || model != nil else { throw ValidationError("--save is for --model") }
    guard compare == nil || task != .arena else { throw ValidationError("arena has no score here to compare") }
    guard stepLimit >= 0 && stepLimit.isFinite else { throw ValidationError("--step-limit is 0 or more seconds") }
    guard task != .arena || single.export != nil || save != nil || questions != nil else {
      throw ValidationError("arena has no score here: name a file for the dialogues, --export or --save")
    }
    guard seed == nil || task != .arena else { throw ValidationError("--seed is for scores, and arena has none here") }
    guard missingPredictions == nil || predictions != nil else {
      throw ValidationError("--missing-predictions is for --predictions")
    }
    guard predictions == nil || single.images == nil else {
      throw ValidationError("--images is for --model and --questions")
    }
    guard model != nil || single.tokens == nil else { throw ValidationError("--tokens is for --model") }
    if questions != nil { try refuseScoring() }
    try TemplateNote.check(chatTemplate)
  }

  /// Questions are written without a look at answers.
  private func refuseScoring() throws {
    let given = [
      ("--compare", compare != nil), ("--export", single.export != nil), ("--seed", seed != nil), ("--json", json),
      ("--scorer", scorer != .default), ("--missing-images", missingImages == .skipped),
    ].filter(\.1).map(\.0)
    guard given.isEmpty else {
      throw ValidationError("\(given.joined(separator: ", ")): not for --questions, which scores nothing")
    }
  }

  func run() throws {
    func file(_ path: String?) -> URL? { path.map { URL(fileURLWithPath: $0) } }
    try OutputFile.requireApart(
      ["--save": file(save), "--export": file(single.export), "--questions": file(questions)],
      from: [
        "--data": file(data), "--predictions": file(predictions), "--compare": file(compare), "--ids": file(single.ids),
      ])
    let stop = StopFlag()
    // Without a model nothing is lost by an end, and signals keep their own.
    if model != nil { try stop.watch() }
    try onEveryRank { communicator in
      communicator.status.limitSteps(toSeconds: stepLimit)
      if let questions {
        let count = try TaskQuestions(communicator: communicator, source: source).write(
          to: URL(fileURLWithPath: questions))
        if communicator.isController { print("\(questions): \(count) questions of \(task.rawValue)") }
        return
      }
      let report = try report(communicator, stop)
      guard communicator.isController else { return }
      print(json ? String(decoding: try report.json(), as: UTF8.self) + "\n" : report.table(by: scorer), terminator: "")
    }
  }

  private var source: TaskSource { single.source(task, data: URL(fileURLWithPath: data), fold: fold) }

  private func report(_ communicator: any Communicator, _ stop: StopFlag) throws -> any EvaluationReport {
    func file(_ path: String?) -> URL? { path.map { URL(fileURLWithPath: $0) } }
    let run = try TaskRun(
      communicator: communicator, stop: stop, source: source, rules: scorer, seed: seed ?? 1)
    var files = TaskRun.Files()
    (files.save, files.export, files.comparedWith) = (file(save), file(single.export), file(compare))
    let skipsMissing = missingImages == .skipped
    if let predictions = file(predictions) {
      return try run.score(
        predictions: predictions, files: files, skipsMissing: skipsMissing, unanswered: missingPredictions ?? .refused)
    }
    var asking = TaskRun.Asking(model: URL(fileURLWithPath: model ?? ""))
    (asking.chatTemplate, asking.tokens, asking.files) = (chatTemplate, single.tokens, files)
    asking.skipsMissing = skipsMissing
    // The report alone goes to standard output.
    let line = RunObserver(
      terminal: .current(ofErrors: true), metrics: MetricsLog(URL(fileURLWithPath: "/dev/null")),
      write: { FileHandle.standardError.write(Data($0.utf8)) })
    defer { line.end() }
    return try run.evaluate(asking, note: TemplateNote.tell) { line.progress(task.rawValue, done: $0, of: $1) }
  }
}

/// Where the questions of some tasks come from, and how long an answer may be.
struct TaskOptions: ParsableArguments {
  @Option(help: "Folder that image paths begin at; the file's own where it is left out.") var images: String?
  @Option(help: "PTB-XL's folder, for ecg-qa.") var recordings: String?
  @Option(help: "Split of ecg-qa; test where it is left out.") var split: ECGQAQuestions.Split?
  @Option(help: "Wording of ecg-qa's questions; paraphrased where it is left out.") var wording: ECGQAQuestions.Wording?
  @Option(help: "Form of csn and g12ec on a folder of records: options (eight, the default) or labels.")
  var form: TaskSource.Form?
  @Option(
    help: ArgumentHelp("Ask about these recordings of a folder alone: a file of ids, one a line.", valueName: "file"))
  var ids: String?
  @Option(help: "The most tokens of an answer; 24 for ptb-xl-super's recordings and else 1024 where it is left out.")
  var tokens: Int?
  @Option(help: "Write questions, references and answers of ptb-xl-report or arena as JSON lines, for a judge.")
  var export: String?

  func validate() throws {
    guard tokens ?? 1 > 0 else { throw ValidationError("--tokens is 1 or more") }
  }

  func source(_ task: TaskName, data: URL, fold: Int?) -> TaskSource {
    var source = TaskSource(task, data: data)
    source.fold = fold
    source.images = images.map { URL(fileURLWithPath: $0) }
    source.recordings = recordings.map { URL(fileURLWithPath: $0) }
    source.ids = ids.map { URL(fileURLWithPath: $0) }
    (source.split, source.wording, source.form) = (split, wording, form)
    return source
  }
}

extension TaskName: ExpressibleByArgument {}
extension TaskSource.Form: ExpressibleByArgument {}
extension ScoringRules: ExpressibleByArgument {}
extension ConversationDataset.MissingImages: ExpressibleByArgument {}
extension MissingPredictions: ExpressibleByArgument {}
extension ECGQAQuestions.Split: ExpressibleByArgument {}
extension ECGQAQuestions.Wording: ExpressibleByArgument {}
