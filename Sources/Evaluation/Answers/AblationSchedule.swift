import Foundation
import Tensors

/// The runs that an ablation consists of; `schedule.json` in its folder, from before the first run on.
public struct AblationSchedule: Sendable, Equatable {
  private struct Paths: Codable {
    var runs: [String]
    var grids: [String]
  }

  /// How much of something is done.
  public struct Progress: Sendable, Equatable, Codable {
    public var done: Int
    public var of: Int

    public init(done: Int, of: Int) { (self.done, self.of) = (done, of) }
  }

  public let folder: URL
  /// Run folders of the tables.
  public let runs: [URL]
  /// Run folders of the grids.
  public let grids: [URL]

  public static let fileName = "schedule.json"

  /// - Parameters:
  ///   - folder: of the ablation.
  ///   - runs: of the tables, below it.
  ///   - grids: of the grids, below it.
  public init(_ folder: URL, runs: [URL], grids: [URL]) {
    (self.folder, self.runs, self.grids) = (folder, runs, grids)
  }

  /// - Returns: nil for a folder that is no ablation's.
  /// - Throws: `UserError` for a schedule that is damaged.
  public init?(in folder: URL) throws {
    let file = folder.appendingPathComponent(Self.fileName)
    guard let data = try? Data(contentsOf: file) else { return nil }
    guard let paths = try? JSONDecoder().decode(Paths.self, from: data) else {
      throw UserError(
        .badInput, "\(file.path) is damaged, or of another version",
        remedy: "start the same ablate command again: it writes it anew and does what is left")
    }
    func urls(_ names: [String]) -> [URL] { names.map { folder.appendingPathComponent($0) } }
    self.init(folder, runs: urls(paths.runs), grids: urls(paths.grids))
  }

  /// - Throws: `UserError` where it cannot be written.
  public func write() throws {
    let home = folder.standardizedFileURL.path + "/"
    func names(_ urls: [URL]) -> [String] { urls.map { String($0.standardizedFileURL.path.dropFirst(home.count)) } }
    let file = folder.appendingPathComponent(Self.fileName)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do { try encoder.encode(Paths(runs: names(runs), grids: names(grids))).write(to: file, options: .atomic) } catch {
      throw UserError(
        .inputOutput, "\(file.path) cannot be written: \(error.localizedDescription)",
        remedy: "check space and permissions of \(folder.path)")
    }
  }

  /// How many of these runs are done.
  public static func progress(_ runs: [URL]) -> Progress {
    Progress(done: runs.count(where: AblationAnswers.exist), of: runs.count)
  }
}
