import ArgumentParser
import Cluster
import Evaluation
import Experiments
import Foundation
import Tensors
import Training

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate", abstract: "* Runs a benchmark on a model, or scores someone else's predictions.")

  enum Scorer: String, ExpressibleByArgument, CaseIterable { case `default`, ecgbench }

  @Option(help: "Model folder (Hugging Face); not needed with --predictions.") var model: String?
  @Option(help: ArgumentHelp("Chat template in place of the folder's own: \(TemplateNote.names).", valueName: "name"))
  var chatTemplate = ""
  @Option(help: "Benchmark: \(PTBXLSuper.name).") var task = PTBXLSuper.name
  @Option(help: "Folder of the data set (PTB-XL's official layout).") var data: String
  @Option(help: "Fold to evaluate; the official test fold of PTB-XL is 10.") var fold = 10
  @Option(help: "JSON lines of id and text to score instead of a model.") var predictions: String?
  @Option(help: "Rules by which text is read: default, or ecgbench as published.") var scorer = Scorer.default
  @Option(help: "Seed of the bootstrap.") var seed: UInt64 = 1
  @Option(help: "Write the model's answers as JSON lines, to be scored again.") var save: String?
  @Option(help: "Seconds that the ranks may go without meeting (16 records each) before they end as late; 0: for ever.")
  var stepLimit = 1800.0
  @Flag(help: "Report as JSON.") var json = false

  func validate() throws {
    guard task == PTBXLSuper.name else {
      throw ValidationError("unknown task \(task); there is \(PTBXLSuper.name)")
    }
    guard (model == nil) != (predictions == nil) else {
      throw ValidationError("give either --model or --predictions")
    }
    guard chatTemplate.isEmpty || model != nil else { throw ValidationError("--chat-template is for --model") }
    guard stepLimit >= 0 && stepLimit.isFinite else { throw ValidationError("--step-limit is 0 or more seconds") }
    try TemplateNote.check(chatTemplate)
  }

  func run() throws {
    let stop = StopFlag()
    try stop.watch()
    try onEveryRank { communicator in
      communicator.status.limitSteps(toSeconds: stepLimit)
      let evaluation = BenchmarkRun(communicator: communicator, stop: stop, seed: seed)
      let report: PTBXLSuperReport
      let url = URL(fileURLWithPath: data)
      if let predictions {
        report = try evaluation.score(predictions: URL(fileURLWithPath: predictions), data: url, fold: fold)
      } else {
        report = try evaluation.evaluate(
          model: URL(fileURLWithPath: model ?? ""), chatTemplate: chatTemplate, data: url, fold: fold,
          save: save.map { URL(fileURLWithPath: $0) }, note: TemplateNote.tell)
      }
      guard communicator.isController else { return }
      if json {
        print(String(decoding: try report.json(), as: UTF8.self))
      } else {
        print(scorer == .ecgbench ? report.ecgBenchTable() : report.table(), terminator: "")
      }
    }
  }
}
