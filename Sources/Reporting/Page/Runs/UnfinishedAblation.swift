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
    func holds(_ name: String) -> Bool { Self.exists(folder.appendingPathComponent(name)) }
    guard !["ablation.json", "config.yaml", "environment.json"].contains(where: holds) else { return nil }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    // Where every fold has runs of its own, these lie in a folder of the fold.
    let homes =
      [folder]
      + names.filter { $0.wholeMatch(of: /fold-[0-9]+/) != nil }.sorted().map { folder.appendingPathComponent($0) }
    let own = homes.flatMap { Self.runs(in: $0.appendingPathComponent("runs"), depth: 3) }
    let searched = homes.flatMap { Self.runs(in: $0.appendingPathComponent("grids"), depth: Self.deepest) }
    let hasStore = homes.contains { TeacherStore.isStore($0.appendingPathComponent("teacher-store")) }
    guard !own.isEmpty || !searched.isEmpty || (hasStore && holds(FolderLock.fileName)) else { return nil }
    self.folder = folder
    (runs, grids) = (Self.count(own), Self.count(searched))
    example = own.first(where: AblationAnswers.exist)
  }

  /// A folder for each key of a grid.
  private static let deepest = 20

  private static func exists(_ url: URL) -> Bool { FileManager.default.fileExists(atPath: url.path) }

  private static func count(_ runs: [URL]) -> Count {
    Count(begun: runs.count, done: runs.count(where: AblationAnswers.exist))
  }

  /// Folders of an ablation's runs, named by their seeds, at most so many folders below.
  private static func runs(in folder: URL, depth: Int) -> [URL] {
    guard depth > 0, let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path) else { return [] }
    return names.sorted().flatMap { name -> [URL] in
      let inside = folder.appendingPathComponent(name)
      guard name.wholeMatch(of: /seed-[0-9]+/) != nil else { return runs(in: inside, depth: depth - 1) }
      return isRun(inside) ? [inside] : []
    }
  }

  /// Whether `ablate` made the run, not `train`.
  private static func isRun(_ folder: URL) -> Bool {
    let start = (try? Data(contentsOf: folder.appendingPathComponent("environment.json"))).flatMap(StartRecord.read)
    return AblationAnswers.exist(in: folder) || start?.isOfAblation == true
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
