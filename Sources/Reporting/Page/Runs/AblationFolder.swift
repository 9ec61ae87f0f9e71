import Evaluation
import Foundation

/// Where the runs of an ablation lie in its folder.
struct AblationFolder {
  /// Where `runs` and `grids` are: the folder itself, or, where every fold has runs of its own, those of the folds.
  let homes: [URL]

  init(_ folder: URL) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    homes =
      [folder]
      + names.filter { $0.wholeMatch(of: /fold-[0-9]+/) != nil }.sorted().map { folder.appendingPathComponent($0) }
  }

  /// Folders of the runs of the tables that are begun: a condition, a method, a seed.
  var runs: [URL] { homes.flatMap { Self.runs(in: $0.appendingPathComponent("runs"), depth: 3) } }

  /// Those of the grids: a method, a folder for each key, a seed.
  var searched: [URL] { homes.flatMap { Self.runs(in: $0.appendingPathComponent("grids"), depth: Self.deepest) } }

  private static let deepest = 20

  /// Folders that are named by a seed, at most so many below, and were made by `ablate`.
  private static func runs(in folder: URL, depth: Int) -> [URL] {
    guard depth > 0, let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path) else { return [] }
    return names.sorted().flatMap { name -> [URL] in
      let inside = folder.appendingPathComponent(name)
      guard name.wholeMatch(of: /seed-[0-9]+/) != nil else { return runs(in: inside, depth: depth - 1) }
      let isOurs = AblationAnswers.exist(in: inside) || StartRecord.newest(in: inside)?.isOfAblation == true
      return isOurs ? [inside] : []
    }
  }
}
