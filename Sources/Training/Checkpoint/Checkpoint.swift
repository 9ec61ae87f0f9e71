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

  /// Compares every file with the manifest. - Throws: `UserError` (bad input) naming the first file that differs.
  public func verify() throws {
    func damaged(_ why: String) -> UserError {
      UserError(
        .badInput, "checkpoint \(folder.path) is damaged: \(why)",
        remedy: "an older checkpoint of the run is used instead where there is one")
    }
    let manifestURL = folder.appendingPathComponent(Self.manifestName)
    guard let data = try? Data(contentsOf: manifestURL),
      let manifest = try? JSONDecoder().decode(Manifest.self, from: data)
    else { throw damaged("its manifest.json is missing or unreadable") }
    guard manifest.format == Manifest.newest else { throw damaged("it has format \(manifest.format), unknown here") }
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
    _ = try state()
  }

  /// The run's state at this checkpoint.
  public func state() throws -> RunState {
    let url = folder.appendingPathComponent(Self.stateName)
    do { return try JSONDecoder().decode(RunState.self, from: try Data(contentsOf: url)) } catch {
      throw UserError(
        .badInput, "\(url.path) is missing or not a run state of this version",
        remedy: "take another checkpoint, or start in another run.folder")
    }
  }

  /// The newest checkpoint that verifies, and what was wrong with newer ones.
  public static func newestSound(in checkpoints: URL) -> (checkpoint: Checkpoint?, skipped: [String]) {
    var skipped: [String] = []
    for checkpoint in all(in: checkpoints) {
      do {
        try checkpoint.verify()
        return (checkpoint, skipped)
      } catch { skipped.append("\(error)") }
    }
    return (nil, skipped)
  }
}

/// Writes checkpoints; only rank 0 holds one.
public struct CheckpointWriter {
  private let checkpoints: URL
  private let keep: Int

  public init(checkpoints: URL, keep: Int) {
    self.checkpoints = checkpoints
    self.keep = keep
  }

  /// Writes contents and state, then makes the checkpoint appear under its name in one rename.
  ///
  /// - Parameter contents: writes its files into the folder it is given.
  /// - Throws: `UserError` (input/output); what existed before is untouched and the temporary folder is removed.
  public func write(_ state: RunState, contents: (URL) throws -> Void) throws -> Checkpoint {
    let final = checkpoints.appendingPathComponent(Checkpoint.name(step: state.step))
    let temporary = checkpoints.appendingPathComponent(Checkpoint.temporaryPrefix + final.lastPathComponent)
    let manager = FileManager.default
    do {
      try manager.createDirectory(at: checkpoints, withIntermediateDirectories: true)
      if manager.fileExists(atPath: temporary.path) { try manager.removeItem(at: temporary) }
      try manager.createDirectory(at: temporary, withIntermediateDirectories: false)
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      try contents(temporary)
      try encoder.encode(state).write(to: temporary.appendingPathComponent(Checkpoint.stateName))
      let entries = try manager.contentsOfDirectory(atPath: temporary.path).sorted().map { name in
        let url = temporary.appendingPathComponent(name)
        try DurableFile.sync(url)
        let size = try manager.attributesOfItem(atPath: url.path)[.size] as? Int ?? 0
        return Checkpoint.Manifest.File(name: name, bytes: size, sha256: try Digest.sha256(fileAt: url))
      }
      let manifest = temporary.appendingPathComponent(Checkpoint.manifestName)
      try encoder.encode(Checkpoint.Manifest(files: entries)).write(to: manifest)
      try DurableFile.sync(manifest)
      try DurableFile.sync(temporary)
      try replace(final, by: temporary)
    } catch {
      try? manager.removeItem(at: temporary)
      throw UserError(
        .inputOutput, "checkpoint \(final.path) cannot be written: \((error as? UserError)?.message ?? "\(error)")",
        remedy: "free space or permissions are lacking; the last complete checkpoint stands")
    }
    guard let checkpoint = Checkpoint(folder: final) else {
      throw UserError(.internalFault, "\(final.path) is no checkpoint name")
    }
    removeOld(except: checkpoint)
    return checkpoint
  }

  /// The state of a step is a function of the run, so a sound checkpoint of the same step is kept as it is.
  private func replace(_ final: URL, by temporary: URL) throws {
    let manager = FileManager.default
    if manager.fileExists(atPath: final.path) {
      if let present = Checkpoint(folder: final), (try? present.verify()) != nil {
        try manager.removeItem(at: temporary)
        return
      }
      let aside = checkpoints.appendingPathComponent(
        "damaged-\(final.lastPathComponent)-\(UUID().uuidString.prefix(8))")
      try manager.moveItem(at: final, to: aside)
    }
    try manager.moveItem(at: temporary, to: final)
    try DurableFile.sync(checkpoints)
  }

  private func removeOld(except newest: Checkpoint) {
    for old in Checkpoint.all(in: checkpoints).filter({ $0.step < newest.step }).dropFirst(keep - 1)
    where (try? old.verify()) != nil {
      try? FileManager.default.removeItem(at: old.folder)
    }
  }
}
