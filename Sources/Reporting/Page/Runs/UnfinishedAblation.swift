import Cluster
import Evaluation
import Foundation
import Tensors

/// An ablation without results yet: its folder has the schedule of its runs, but no tables.
public struct UnfinishedAblation {
  let schedule: AblationSchedule

  /// - Returns: nil for a folder that holds results, or no ablation.
  /// - Throws: `UserError` for a damaged schedule.
  public init?(_ folder: URL) throws {
    guard !FileManager.default.fileExists(atPath: folder.appendingPathComponent(RunFile.ablation).path),
      let schedule = try AblationSchedule(in: folder.standardizedFileURL)
    else { return nil }
    self.schedule = schedule
  }

  /// Why it has no page yet, how far it is, and how it gets one.
  public var refusal: UserError {
    func told(_ runs: [URL], _ whose: String) -> String {
      let progress = AblationSchedule.progress(runs)
      return "\(progress.done) of \(progress.of) \(whose) are done"
    }
    let grids = schedule.grids.isEmpty ? "" : ", " + told(schedule.grids, "of its grids")
    let goOn: String
    switch FolderLock.look(at: schedule.folder) {
    case .alive(let holder): goOn = "\(holder) is at it: wait for its end"
    case .free, .dead, .silent:
      goOn = "start the same ablate command again: it does what is left and writes ablation.json"
    }
    let done = schedule.runs.first(where: AblationAnswers.exist)
    let page = done.map { "; a run that is done has its page already: evl-dist report \($0.path)" } ?? ""
    return UserError(
      .badInput,
      "\(schedule.folder.path) holds an ablation that is not finished: \(told(schedule.runs, "runs"))" + grids,
      remedy: goOn + page)
  }
}
