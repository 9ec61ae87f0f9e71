import ArgumentParser
import Cardiology
import Experiments
import Foundation
import Tensors

struct InterpretCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "interpret",
    abstract: "Reads one ECG with a model: superclass probabilities and a report, or the answer to a question.",
    discussion: "A research tool. Its answers are not a diagnosis.")

  @Option(help: "Model folder.") var model: String
  @Argument(help: "WFDB record, or synthetic:NUMBER.") var file: String
  @Option(help: "A question of your own instead of the report.") var question: String?
  @Option(help: "Largest number of tokens generated.") var tokens = 96
  @Flag(help: "Result as JSON.") var json = false

  func validate() throws {
    guard question?.allSatisfy(\.isWhitespace) != true else { throw ValidationError("--question is empty") }
    guard tokens > 0 else { throw ValidationError("--tokens is at least 1") }
  }

  func run() throws {
    ProductLibrary.setThreads(1)
    let interpretation = try Interpreter(model: URL(fileURLWithPath: model))
      .interpret(RecordSource(file), question: question, tokens: tokens)
    print(json ? try interpretation.json() : interpretation.text(), terminator: "\n")
  }
}
