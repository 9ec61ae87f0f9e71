import ArgumentParser
import Experiments
import Foundation
import Reporting
import Tensors

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Writes a run as one HTML page: losses, speed, scores, ROC curves, answers, settings.",
    discussion: """
      The page stands alone: it holds its drawings, runs no script and fetches nothing. A run that goes on is shown as far \
      as it is; what is missing is named on the page, with how to get it.
      Exit codes: 0 written; 65 the folder holds no run; 74 a path that does not exist, or cannot be written.
      """)

  @Argument(help: "Run folder.") var path: String
  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp("HTML file to write (default: report.html in the run folder).", valueName: "file.html"))
  var output: String?

  func run() throws {
    let folder = URL(fileURLWithPath: path)
    let progress = try? RunProgress(folder)
    let reported = try ReportedRun(
      folder,
      state: .init(text: progress?.state ?? "state not known", isFinished: progress?.isFinished ?? false))
    let file = output.map { URL(fileURLWithPath: $0) } ?? folder.appendingPathComponent("report.html")
    try RunReport(reported, program: Version.text).write(to: file)
    print("report: \(file.path)")
  }
}
