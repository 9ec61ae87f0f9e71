import ArgumentParser
import Experiments
import Foundation
import Reporting
import Tensors

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract:
      "Writes a run as one HTML page, or several beside each other: curves, scores, plans over the ECG, answers.",
    discussion: """
      The page stands alone: it holds its drawings, runs no script and fetches nothing. A run that goes on is shown as far \
      as it is; what is missing is named on the page, with how to get it.
      Several runs are compared with the first: scores with intervals, differences, settings, curves. Of an ablation's \
      results (ablation.json) the methods are shown as bars, one ablation at a time.
      Exit codes: 0 written; 64 usage, such as several ablations, or a file of the run as output; 65 a folder that holds no run, or an ablation that is \
      not finished; 74 a path that does not exist, or cannot be written.
      """)

  @Argument(help: "Run folders, or the folder of one ablation.") var runs: [String]
  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp(
      "HTML file to write (default: report.html in the run folder; of several runs, beside the first).",
      valueName: "file.html"))
  var output: String?
  @Option(
    help:
      "Of one run: recordings of the evaluation fold over which its plans are drawn, for which both models are loaded.")
  var records = 2

  func validate() throws {
    guard !runs.isEmpty else { throw ValidationError("name the folder of a run") }
    guard (0...20).contains(records) else { throw ValidationError("--records is from 0 to 20") }
  }

  func run() throws {
    let folders = runs.map { URL(fileURLWithPath: $0).standardizedFileURL }
    if let output {
      let file = OutputFile(url: URL(fileURLWithPath: output))
      try file.requireNone(ofFilesIn: folders)
      try file.check()
    }
    if folders.count == 1 {
      if let ablation = try ReportedAblation.read(folders[0]) {
        return try write(RunReport(ablation, program: Version.text), in: folders[0])
      }
      if let unfinished = try UnfinishedAblation(folders[0]) { throw unfinished.refusal }
    } else if let ablation = folders.first(where: ReportedAblation.isAblation) {
      throw UserError(
        .usage, "\(ablation.path) is an ablation, which has a page of its own: one ablation at a time",
        remedy:
          "evl-dist report \(ablation.path); single runs of ablations are compared by the names of their folders, "
          + "as \(ablation.path)/runs/CONDITION/METHOD/seed-1")
    }
    let reported = try folders.map { folder in
      let progress = try? RunProgress(folder)
      return try ReportedRun(
        folder, state: .init(text: progress?.state ?? "state not known", isFinished: progress?.isFinished ?? false))
    }
    let home = folders.count == 1 ? folders[0] : folders[0].deletingLastPathComponent()
    let report =
      reported.count == 1
      ? RunReport(reported[0], plans: plans(of: folders[0]), program: Version.text)
      : RunReport(comparing: reported, program: Version.text)
    try write(report, in: home)
  }

  /// - Parameter home: where the page lies unless another place is named.
  private func write(_ report: RunReport, in home: URL) throws {
    let file = output.map { URL(fileURLWithPath: $0) } ?? home.appendingPathComponent("report.html")
    try report.write(to: file)
    print("report: \(file.path)")
  }

  /// What cannot be drawn is said on the page.
  private func plans(of folder: URL) -> Result<PlanExhibits, MissingExhibit> {
    guard records > 0 else {
      return .failure(
        MissingExhibit(
          reason: "No plans were drawn: --records is 0.", remedy: "evl-dist report --records 2 draws them."))
    }
    do { return .success(try PlanExhibits(try TokenPlans(folder), records: records)) } catch {
      return .failure(
        MissingExhibit(reason: UserError.message(of: error) + ".", remedy: (error as? UserError)?.remedy ?? ""))
    }
  }
}

extension PlanExhibits {
  fileprivate init(_ plans: TokenPlans, records: Int) throws {
    self.init(
      step: plans.step, places: try plans.places(),
      recordings: try plans.drawings(records: records).map { drawing in
        let share = drawing.attentionOnImage.map {
          String(format: "Mean over heads; image tokens get %.0f%% of the attention.", 100 * $0)
        }
        let kinds: [(PlanKind, String, String?)] = [
          (.learned, "Transport plan", nil), (.attention, "Cross-attention", share),
        ]
        return Recording(
          record: drawing.record,
          plans: kinds.compactMap { kind, title, remark in
            drawing.plans[kind].map { Plan(title: title, weights: $0, remark: remark) }
          })
      })
  }
}
