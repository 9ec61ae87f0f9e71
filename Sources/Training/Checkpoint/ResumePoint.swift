import Foundation
import Tensors

/// The checkpoint that a phase goes on from.
public struct ResumePoint {
  public let checkpoint: Checkpoint
  public let saved: RunState

  /// Finds and verifies it.
  ///
  /// - Parameters:
  ///   - checkpoints: folder of the phase's checkpoints.
  ///   - skipped: told of newer checkpoints that are damaged.
  /// - Returns: nil where there is nothing to go on from.
  /// - Throws: `UserError` for a folder that is no checkpoint, or where every checkpoint is damaged.
  public static func find(_ resume: Resume, in checkpoints: URL, skipped: (String) -> Void) throws -> ResumePoint? {
    switch resume {
    case .never: return nil
    case .from(let folder):
      guard let checkpoint = Checkpoint(folder: folder) else {
        throw UserError(
          .usage, "\(folder.path) is not a checkpoint folder", remedy: "name a folder like checkpoints/step-00000100")
      }
      try checkpoint.verify()
      return ResumePoint(checkpoint: checkpoint, saved: try checkpoint.state())
    case .auto:
      let (newest, damaged) = Checkpoint.newestSound(in: checkpoints)
      guard let newest else {
        guard damaged.isEmpty else {
          throw UserError(
            .badInput,
            "no checkpoint in \(checkpoints.path) is sound; nothing was changed:\n  "
              + damaged.joined(separator: "\n  "),
            remedy: "restore one from a copy, or start in another run.folder")
        }
        return nil
      }
      damaged.forEach { skipped("skipped: \($0)") }
      return ResumePoint(checkpoint: newest, saved: try newest.state())
    }
  }

  /// Refuses settings under which the run cannot go on.
  /// - Parameter steps: steps of the whole phase.
  public func check(_ current: RunState, steps: Int) throws {
    let refusals = current.refusals(against: saved)
    guard refusals.isEmpty else {
      throw UserError(
        .usage, "\(checkpoint.folder.path) belongs to another run:\n  " + refusals.joined(separator: "\n  "),
        remedy: "use the settings of that run, or another run.folder")
    }
    guard saved.step <= steps else {
      throw UserError(
        .usage, "\(checkpoint.folder.path) has \(saved.step) steps done, this run asks for \(steps)",
        remedy: "ask for as many or more, or use another run.folder")
    }
  }
}
