import Foundation
import Models
import Tensors
import Training

/// The student of a run or a checkpoint, copied out as a Hugging Face folder; or a model folder, written anew in the
/// layout of transformers.
public struct ModelExport {
  private let source: URL
  /// Set for a model folder that no run of this program made: it is read and written, not copied.
  private let model: ModelFolder?

  /// - Throws: `UserError` for a folder that is no checkpoint, no run with one that is sound, and no sound model.
  public init(from folder: URL) throws {
    if let checkpoint = Checkpoint(folder: folder) {
      try checkpoint.verify()
      (source, model) = (folder, nil)
      return
    }
    if FileManager.default.fileExists(atPath: folder.appendingPathComponent("config.json").path) {
      (source, model) = (folder, try ModelFolder(folder))
      return
    }
    model = nil
    let student = folder.appendingPathComponent("student")
    if FileManager.default.fileExists(atPath: student.appendingPathComponent("model.safetensors").path) {
      source = student
    } else if let newest = Checkpoint.newestSound(in: folder.appendingPathComponent("checkpoints")).checkpoint {
      source = newest.folder
    } else {
      throw UserError(
        .badInput, "\(folder.path) holds neither a student nor a sound checkpoint nor a model",
        remedy: "name a run folder, a model folder, or a checkpoint folder like checkpoints/step-00000100")
    }
  }

  /// Writes the model's files.
  ///
  /// - Parameter type: of the weights; nil = as they are in a run, single precision for a model folder.
  /// - Throws: `UserError` for a folder that is not empty, or that cannot be written.
  public func write(to target: URL, type: ModelFolder.StoredType? = nil) throws {
    let manager = FileManager.default
    guard ((try? manager.contentsOfDirectory(atPath: target.path)) ?? []).isEmpty else {
      throw UserError(.usage, "\(target.path) is not empty", remedy: "name a folder that does not exist")
    }
    try ExportedModel.replace(target) { folder in
      if let converted = try model ?? (type == nil ? nil : ModelFolder(source)) {
        return try ModelFolder.save(converted.model(as: Float.self), to: folder, as: type, like: converted)
      }
      for name in ModelFolder.files where manager.fileExists(atPath: source.appendingPathComponent(name).path) {
        try manager.copyItem(at: source.appendingPathComponent(name), to: folder.appendingPathComponent(name))
      }
    }
  }
}
