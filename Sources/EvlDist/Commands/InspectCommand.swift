import ArgumentParser
import Cardiology
import Experiments
import Foundation

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Says what a checkpoint, run, model folder, data set, ECG record or safetensors file holds.")

  @Argument(help: "File or folder; synthetic:NUMBER for a recording of the synthetic generator.") var path: String

  func run() throws {
    let source = try RecordSource(path)
    guard case .wfdb(let url) = source else { return print(Inspection.text(of: try source.record()), terminator: "") }
    print(try Inspection(url).text(), terminator: "")
  }
}

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Checks a checkpoint, or all of a run, against its checksums.")

  @Argument(help: "Checkpoint folder, or run folder.") var path: String

  func run() throws { print(try Inspection(URL(fileURLWithPath: path)).verification(), terminator: "") }
}

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Copies the student of a run or checkpoint into a Hugging Face folder.")

  @Argument(help: "Run folder or checkpoint folder.") var source: String
  @Argument(help: "Folder to write; must not exist or be empty.") var target: String

  func run() throws {
    try ModelExport(from: URL(fileURLWithPath: source)).write(to: URL(fileURLWithPath: target))
    print("\(target): model written")
  }
}
