import Foundation
import Models
import Tensors
import Training

/// The student of a run or a checkpoint, copied out as a Hugging Face folder.
public struct ModelExport {
  private let source: URL

  /// - Throws: `UserError` for a folder that is neither a checkpoint nor a run with one that is sound.
  public init(from folder: URL) throws {
    if let checkpoint = Checkpoint(folder: folder) {
      try checkpoint.verify()
      source = folder
      return
    }
    let student = folder.appendingPathComponent("student")
    if FileManager.default.fileExists(atPath: student.appendingPathComponent("model.safetensors").path) {
      source = student
    } else if let newest = Checkpoint.newestSound(in: folder.appendingPathComponent("checkpoints")).checkpoint {
      source = newest.folder
    } else {
      throw UserError(
        .badInput, "\(folder.path) holds neither a student nor a sound checkpoint",
        remedy: "name a run folder, or a checkpoint folder like checkpoints/step-00000100")
    }
  }

  /// Copies the model's files. - Throws: `UserError` for a folder that is not empty, or that cannot be written.
  public func write(to target: URL) throws {
    let manager = FileManager.default
    guard ((try? manager.contentsOfDirectory(atPath: target.path)) ?? []).isEmpty else {
      throw UserError(.usage, "\(target.path) is not empty", remedy: "name a folder that does not exist")
    }
    try ExportedModel.replace(target) { folder in
      for name in ModelFolder.files where manager.fileExists(atPath: source.appendingPathComponent(name).path) {
        try manager.copyItem(at: source.appendingPathComponent(name), to: folder.appendingPathComponent(name))
      }
    }
  }
}
