import ArgumentParser
import Experiments
import Foundation
import Tensors

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Says how far a run or an ablation is, how fast, where, whether it lives, and what it has saved.",
    discussion: """
      Reads the run folder alone, from any host that sees it, while the run goes on. Of a job on another host it waits up to \
      8 seconds for a sign of life.
      Exit codes: 0 told; 65 an ablation's schedule is damaged; 74 the folder cannot be read or is no run's.
      """)

  @Argument(help: "Folder of a run, or of an ablation.") var folder: String
  @Flag(help: "Result as JSON.") var json = false

  func run() throws {
    let url = URL(fileURLWithPath: folder)
    if let ablation = try AblationProgress(url) {
      print(json ? try ablation.json() + "\n" : ablation.text(), terminator: "")
    } else {
      let run = try RunProgress(url)
      print(json ? try run.json() + "\n" : run.text(), terminator: "")
    }
  }
}
