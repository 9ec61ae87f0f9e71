import Cluster
import Corpus
import Evaluation
import Foundation
import Tensors

/// An ablation without results yet, told by what `ablate` leaves in its folder before it ends.
public struct UnfinishedAblation {
  /// Run folders: those that are there, and of them those whose runs are done.
  struct Count: Equatable {
    var begun = 0
    var done = 0
  }

  let folder: URL
  /// The runs of its tables.
  let runs: Count
  /// Those of its grids.
  let grids: Count
  /// A run that is done, as an example of one that has a page.
  private let example: URL?

  /// - Returns: nil for a folder that holds results, a run, or nothing of an ablation.
  public init?(_ url: URL) {
    let folder = url.standardizedFileURL
    func holds(_ name: String) -> Bool {
      FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path)
    }
    guard !["ablation.json", "config.yaml", "environment.json"].contains(where: holds) else { return nil }
    let layout = AblationFolder(folder)
    let hasStore = layout.homes.contains { TeacherStore.isStore($0.appendingPathComponent("teacher-store")) }
    let (own, searched) = (layout.runs, layout.searched)
    guard !own.isEmpty || !searched.isEmpty || (hasStore && holds(FolderLock.fileName)) else { return nil }
    self.folder = folder
    (runs, grids) = (Self.count(own), Self.count(searched))
    example = own.first(where: AblationAnswers.exist)
  }

  private static func count(_ runs: [URL]) -> Count {
    Count(begun: runs.count, done: runs.count(where: AblationAnswers.exist))
  }

  /// Why it has no page yet, how far it is, and how it gets one.
  public var refusal: UserError {
    func told(_ count: Count, _ whose: String) -> String {
      let rest = count.begun - count.done
      return "\(count.done) \(whose) are done" + (rest > 0 ? " and \(rest) begun" : "")
    }
    let counts = [told(runs, "of its runs")] + (grids.begun > 0 ? [told(grids, "of its grids' runs")] : [])
    let goOn: String
    switch FolderLock.look(at: folder) {
    case .alive(let holder): goOn = "\(holder) is at it: wait for its end"
    case .free, .dead, .silent:
      goOn = "start the same ablate command again: it does what is left and writes ablation.json"
    }
    let page = example.map { "; a run that is done has its page already: evl-dist report \($0.path)" } ?? ""
    return UserError(
      .badInput, "\(folder.path) holds an ablation that is not finished: \(counts.joined(separator: ", "))",
      remedy: goOn + page)
  }
}
