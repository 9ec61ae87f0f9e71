import Foundation
import Tensors

/// One saved state on disk: a folder `step-00001234` with a manifest of every file's size and SHA-256.
///
/// It is written to a temporary folder, each file synced, the manifest last, and renamed once: a folder under its final
/// name is complete.
public struct Checkpoint: Sendable, Equatable {
  public let folder: URL
  public let step: Int

  public static let manifestName = "manifest.json"
  public static let stateName = "state.json"
  static let temporaryPrefix = ".writing-"

  struct Manifest: Codable {
    struct File: Codable, Equatable {
      let name: String
      let bytes: Int
      let sha256: String
    }

    /// The format that this version writes and reads.
    static let newest = 1
    var format = newest
    let files: [File]
  }

  /// The checkpoint a folder's name stands for; nil for any other folder.
  public init?(folder: URL) {
    let name = folder.lastPathComponent
    guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), step >= 0 else { return nil }
    self.folder = folder
    self.step = step
  }

  static func name(step: Int) -> String { "step-" + String(format: "%08d", step) }

  /// All checkpoints of a run, newest first, whether sound or not.
  public static func all(in checkpoints: URL) -> [Checkpoint] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpoints.path)) ?? []
    return names.compactMap { Checkpoint(folder: checkpoints.appendingPathComponent($0)) }.sorted { $0.step > $1.step }
  }

  /// What a manifest says of the files, but for the state, which names its start; nil where there is none.
  static func contents(of folder: URL) -> [Manifest.File]? {
    manifest(of: folder)?.files.filter { $0.name != stateName }
  }

  /// Nil where it is missing or unreadable.
  private static func manifest(of folder: URL) -> Manifest? {
    let data = try? Data(contentsOf: folder.appendingPathComponent(manifestName))
    return data.flatMap { try? JSONDecoder().decode(Manifest.self, from: $0) }
  }

  /// Gives the folder another name, under which no run goes on from it. - Returns: the name.
  @discardableResult func setAside(as prefix: String) throws -> String {
    let name = "\(prefix)-\(folder.lastPathComponent)-\(UUID().uuidString.prefix(8))"
    try FileManager.default.moveItem(
      at: folder, to: folder.deletingLastPathComponent().appendingPathComponent(name))
    return name
  }

  /// Compares every file with the manifest. - Throws: `UserError` (bad input) naming the first file that differs.
  public func verify() throws {
    func damaged(_ why: String) -> UserError {
      UserError(
        .badInput, "checkpoint \(folder.path) is damaged: \(why)",
        remedy: "an older checkpoint of the run is used instead where there is one")
    }
    guard let manifest = Self.manifest(of: folder) else { throw damaged("its manifest.json is missing or unreadable") }
    guard manifest.format == Manifest.newest else { throw damaged("it has format \(manifest.format), unknown here") }
    guard manifest.files.contains(where: { $0.name == Self.stateName }) else {
      throw damaged("its manifest.json does not name \(Self.stateName)")
    }
    for file in manifest.files {
      let url = folder.appendingPathComponent(file.name)
      guard let size = (try? FileManager.default.attributesOfItem(atPath: url.path))?[.size] as? Int else {
        throw damaged("\(file.name) is missing")
      }
      guard size == file.bytes else { throw damaged("\(file.name) has \(size) bytes, the manifest says \(file.bytes)") }
      guard try Digest.sha256(fileAt: url) == file.sha256 else {
        throw damaged("\(file.name) differs from its SHA-256 in the manifest")
      }
    }
    let saved = try state().step
    guard saved == step else { throw damaged("it holds the state of step \(saved)") }
  }

  /// The run's state at this checkpoint.
  public func state() throws -> RunState {
    let url = folder.appendingPathComponent(Self.stateName)
    let state = try? JSONDecoder().decode(RunState.self, from: try Data(contentsOf: url))
    guard let state, state.format == RunState.newest else {
      throw UserError(
        .badInput,
        "\(url.path) is "
          + (state.map { "a run state of format \($0.format), unknown here" } ?? "missing or not a run state"),
        remedy: "take another checkpoint, or start in another run.folder")
    }
    return state
  }

  /// Whether the folder is there: a run that goes on removes old ones, also while they are read.
  ///
  /// A link that leads nowhere is, as its name stays in the listing, and so is what may not be looked at.
  public var isPresent: Bool {
    var facts = stat()
    return lstat(folder.path, &facts) == 0 || errno != ENOENT
  }

  /// The newest checkpoint that verifies, and what was wrong with newer ones.
  public static func newestSound(in checkpoints: URL) -> (checkpoint: Checkpoint?, skipped: [String]) {
    while true {
      var (skipped, hasChanged): ([String], Bool) = ([], false)
      for checkpoint in all(in: checkpoints) {
        do {
          try checkpoint.verify()
          return (checkpoint, skipped)
        } catch {
          if checkpoint.isPresent { skipped.append("\(error)") } else { hasChanged = true }
        }
      }
      if !hasChanged { return (nil, skipped) }
    }
  }
}
