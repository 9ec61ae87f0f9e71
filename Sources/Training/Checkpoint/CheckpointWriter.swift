import Foundation
import Tensors

/// Makes checkpoints appear: files are written to a temporary folder, which is renamed once, when it is complete.
public struct CheckpointWriter: Sendable {
  let checkpoints: URL
  private let keep: Int
  private let keepEvery: Int
  private let anchorEvery: Int
  /// Of this writer's temporary folders alone.
  private let tag = UUID().uuidString.prefix(8)

  /// - Parameters:
  ///   - checkpoints: the folder they lie in.
  ///   - keep: newest ones that are kept.
  ///   - keepEvery: those of steps that are multiples of it are kept for good; 0: none.
  ///   - anchorEvery: the newest one of a step that is a multiple of it is kept, too; 0: none.
  public init(checkpoints: URL, keep: Int, keepEvery: Int = 0, anchorEvery: Int = 0) {
    self.checkpoints = checkpoints
    self.keep = keep
    self.keepEvery = keepEvery
    self.anchorEvery = anchorEvery
  }

  /// The folder that a step's files are written to before they are complete.
  public func temporary(step: Int) -> URL {
    checkpoints.appendingPathComponent("\(Checkpoint.temporaryPrefix)\(Checkpoint.name(step: step))-\(tag)")
  }

  /// Makes the temporary folder, empty. - Throws: `UserError` (input/output).
  public func prepare(step: Int) throws {
    let (manager, temporary) = (FileManager.default, temporary(step: step))
    try reporting(step) {
      if !manager.fileExists(atPath: checkpoints.path) {
        try manager.createDirectory(at: checkpoints, withIntermediateDirectories: true)
        try DurableFile.sync(checkpoints.deletingLastPathComponent())
      }
      if manager.fileExists(atPath: temporary.path) { try manager.removeItem(at: temporary) }
      try manager.createDirectory(at: temporary, withIntermediateDirectories: false)
    }
  }

  /// Syncs files of a temporary folder and takes their checksums.
  static func seal(_ names: [String], in folder: URL) throws -> [Checkpoint.Manifest.File] {
    try names.map { name in
      let url = folder.appendingPathComponent(name)
      try DurableFile.sync(url)
      let size = try FileManager.default.attributesOfItem(atPath: url.path)[.size] as? Int ?? 0
      return Checkpoint.Manifest.File(name: name, bytes: size, sha256: try Digest.sha256(fileAt: url))
    }
  }

  /// Writes state and manifest behind the other files and makes the checkpoint appear under its name in one rename; then
  /// removes older ones.
  ///
  /// - Parameter sealed: files that `seal` has seen; the others are sealed here.
  /// - Throws: `UserError` (input/output); what existed before is untouched and the temporary folder is removed.
  func commit(_ state: RunState, sealed: [Checkpoint.Manifest.File] = []) throws -> Checkpoint {
    let final = checkpoints.appendingPathComponent(Checkpoint.name(step: state.step))
    let temporary = temporary(step: state.step)
    try reporting(state.step) {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      try encoder.encode(state).write(to: temporary.appendingPathComponent(Checkpoint.stateName))
      let known = Set(sealed.map(\.name))
      let names = try FileManager.default.contentsOfDirectory(atPath: temporary.path).filter { !known.contains($0) }
      let files = (sealed + (try Self.seal(names, in: temporary))).sorted { $0.name < $1.name }
      let manifest = temporary.appendingPathComponent(Checkpoint.manifestName)
      try encoder.encode(Checkpoint.Manifest(files: files)).write(to: manifest)
      try DurableFile.sync(manifest)
      try DurableFile.sync(temporary)
      try replace(final, by: temporary)
    }
    guard let checkpoint = Checkpoint(folder: final) else {
      throw UserError(.internalFault, "\(final.path) is no checkpoint name")
    }
    removeOld(except: checkpoint, scores: state.scores)
    return checkpoint
  }

  /// Removes what was written of a checkpoint that will not be complete.
  func discard(step: Int) { try? FileManager.default.removeItem(at: temporary(step: step)) }

  /// Removes what killed runs left unfinished. - Returns: names of the folders.
  func discardUnfinished() -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpoints.path)) ?? []
    return names.filter { name in
      name.hasPrefix(Checkpoint.temporaryPrefix + "step-")
        && (try? FileManager.default.removeItem(at: checkpoints.appendingPathComponent(name))) != nil
    }
  }

  /// Runs a part of a save; where it fails nothing is left of it.
  private func reporting(_ step: Int, _ body: () throws -> Void) throws {
    do { try body() } catch {
      discard(step: step)
      throw failure(step: step, error)
    }
  }

  /// What is said of a save that failed.
  func failure(step: Int, _ error: any Error) -> UserError {
    let final = checkpoints.appendingPathComponent(Checkpoint.name(step: step))
    return UserError(
      .inputOutput, "checkpoint \(final.path) cannot be written: \(UserError.message(of: error))",
      remedy: "free space or permissions are lacking; the last complete checkpoint stands")
  }

  /// The state of a step is a function of the run, so a sound checkpoint of the same step and files is kept as it is. Any
  /// other is set aside.
  private func replace(_ final: URL, by temporary: URL) throws {
    let manager = FileManager.default
    if manager.fileExists(atPath: final.path) {
      let present = Checkpoint(folder: final)
      let isSound = (try? present?.verify()) != nil
      if isSound, Checkpoint.contents(of: final) == Checkpoint.contents(of: temporary) {
        try manager.removeItem(at: temporary)
        return
      }
      try present?.setAside(as: isSound ? "earlier" : "damaged")
    }
    try manager.moveItem(at: temporary, to: final)
    try DurableFile.sync(checkpoints)
  }

  private func removeOld(except newest: Checkpoint, scores: Scores?) {
    let all = Checkpoint.all(in: checkpoints).filter { $0.step <= newest.step }
    // The best state may be one that could not be saved.
    let best = scores?.best(among: Set(all.map(\.step)))?.step
    let anchor = anchorEvery > 0 ? all.first { $0.step % anchorEvery == 0 }?.step : nil
    for old in all.dropFirst(keep) where old.step != best && old.step != anchor {
      if keepEvery > 0, old.step % keepEvery == 0 { continue }
      guard (try? old.verify()) != nil else { continue }
      // Under its own name it is whole until it is gone.
      let doomed = temporary(step: old.step).appendingPathExtension("old")
      guard (try? FileManager.default.moveItem(at: old.folder, to: doomed)) != nil else { continue }
      try? FileManager.default.removeItem(at: doomed)
    }
  }
}
