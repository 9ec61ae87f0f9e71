import ArgumentParser
import Experiments
import Foundation
import Tensors

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Says how far a run is, how fast, where, whether it lives, and what it has saved.",
    discussion: """
      Reads the run folder alone, from any host that sees it, while the run goes on. Of a job on another host it waits up to \
      8 seconds for a sign of life.
      Exit codes: 0 told; 74 the folder cannot be read or is no run's.
      """)

  @Argument(help: "Run folder.") var folder: String
  @Flag(help: "Result as JSON.") var json = false

  func run() throws {
    let progress = try RunProgress(URL(fileURLWithPath: folder))
    print(json ? try progress.json() + "\n" : progress.text(), terminator: "")
  }
}
