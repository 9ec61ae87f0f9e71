import Autograd
import Corpus
import Foundation
import Models
import Tensors
import Training

/// The student of a run or a checkpoint as a Hugging Face folder; an adapter merged into its model; or a model folder,
/// written anew in the layout of transformers.
public struct ModelExport {
  fileprivate enum Source {
    /// Files to be copied.
    case files(URL)
    case model(ModelFolder)
    case original(OriginalLlavaExport)
    case adapter(AdapterFolder, base: ModelFolder)
  }

  private let source: Source

  /// - Parameter base: the model that an adapter belongs to; nil = the one it names.
  /// - Throws: `UserError` for a folder that is no checkpoint, no run with one that is sound, no sound model and no
  ///   adapter whose model is found.
  public init(from folder: URL, base: URL? = nil) throws {
    source = try Self.source(folder, base: base)
    guard base == nil || source.isAdapter else {
      throw UserError(
        .usage, "\(folder.path) holds a whole model, which needs no --base", remedy: "leave --base out")
    }
  }

  private static func source(_ folder: URL, base: URL?) throws -> Source {
    if let checkpoint = Checkpoint(folder: folder) {
      try checkpoint.verify()
      return try AdapterFolder.isPresent(in: folder) ? adapter(folder, base: base) : .files(folder)
    }
    if FileManager.default.fileExists(atPath: folder.appendingPathComponent("config.json").path) {
      let model = try ModelFolder(folder)
      return ModelFolder.isOriginalLlava(folder) ? .original(try OriginalLlavaExport(model)) : .model(model)
    }
    if AdapterFolder.isPresent(in: folder) { return try adapter(folder, base: base) }
    let student = folder.appendingPathComponent("student")
    if FileManager.default.fileExists(atPath: student.appendingPathComponent("model.safetensors").path) {
      return .files(student)
    }
    if let newest = Checkpoint.newestSound(in: folder.appendingPathComponent("checkpoints")).checkpoint {
      return try source(newest.folder, base: base)
    }
    throw UserError(
      .badInput, "\(folder.path) holds neither a student nor a sound checkpoint nor a model",
      remedy: "name a run folder, a model folder, or a checkpoint folder like checkpoints/step-00000100")
  }

  private static func adapter(_ folder: URL, base: URL?) throws -> Source {
    let adapter = try AdapterFolder(folder)
    guard let model = base ?? adapter.base.map({ URL(fileURLWithPath: $0) }) else {
      throw UserError(
        .badInput, "\(folder.path) holds adapters of a student whose frozen weights were drawn from the run's seed",
        remedy: "let the run end: its student folder then holds the merged model")
    }
    guard FileManager.default.fileExists(atPath: model.path) else {
      throw UserError(
        .badInput, "\(folder.path) belongs to the model \(model.path), which is not there",
        remedy: "name the model's folder with --base")
    }
    let folder = try ModelFolder(model)
    try adapter.check(against: folder)
    return .adapter(adapter, base: folder)
  }

  /// Writes the model's files.
  ///
  /// - Parameter type: of the weights; nil = as they are in a run, single precision for a model folder or an adapter.
  /// - Throws: `UserError` for a folder that is not empty, or that cannot be written.
  public func write(to target: URL, type: ModelFolder.StoredType? = nil) throws {
    let manager = FileManager.default
    guard ((try? manager.contentsOfDirectory(atPath: target.path)) ?? []).isEmpty else {
      throw UserError(.usage, "\(target.path) is not empty", remedy: "name a folder that does not exist")
    }
    try ExportedModel.replace(target) { folder in
      func save(_ model: ModelFolder, _ weights: @escaping (ParameterLayout.Entry) throws -> Tensor<Float>) throws {
        try ModelFolder.save(
          model.configuration, to: folder, as: type ?? .float32, like: model,
          weights: { entry in [{ try weights(entry) }] })
      }
      switch source {
      case .adapter(let adapter, let base):
        try save(base) { try adapter.merged($0, of: base) }
        if let template = try ChatTemplateFile.plainText(in: adapter.url) {
          try ChatTemplateFile.write(template, in: folder)
          try ModelFolder.endAnswers(
            at: ModelFolder.answerEnds(in: adapter.url), in: folder, of: base.configuration)
        }
      case .model(let model): try save(model, model.tensor)
      case .original(let original): try original.write(to: folder, as: type ?? .float32)
      case .files(let files) where type != nil:
        let model = try ModelFolder(files)
        try save(model, model.tensor)
      case .files(let files):
        for name in ModelFolder.files where manager.fileExists(atPath: files.appendingPathComponent(name).path) {
          try manager.copyItem(at: files.appendingPathComponent(name), to: folder.appendingPathComponent(name))
        }
      }
    }
  }
}

extension ModelExport.Source {
  fileprivate var isAdapter: Bool {
    if case .adapter = self { return true }
    return false
  }
}
