import Autograd
import Foundation
import Tensors

/// A model as `save_pretrained` of transformers leaves it: config.json and model.safetensors, or several safetensors
/// with model.safetensors.index.json. Weights may be F32, F16, BF16 or F64.
///
/// Opening reads the headers and compares every tensor with the configuration; weights are read by `load`.
public struct ModelFolder {
  public let url: URL
  public let configuration: Idefics3Configuration
  /// The model's tensors in the order of its layout.
  public let layout: ParameterLayout
  private let files: [String: SafetensorsFile]

  /// - Throws: `UserError` naming the file, key or tensor that is missing, superfluous or of another shape than expected.
  public init(_ url: URL) throws {
    self.url = url
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), isFolder.boolValue else {
      throw UserError(
        .inputOutput, "\(url.path) is not a folder",
        remedy: "give a model folder with config.json and model.safetensors")
    }
    configuration = try Idefics3Configuration(contentsOf: url.appendingPathComponent("config.json"))
    layout = configuration.layout
    files = try Self.tensorFiles(url)
    try compare()
  }

  /// Which file holds each tensor.
  private static func tensorFiles(_ url: URL) throws -> [String: SafetensorsFile] {
    let index = url.appendingPathComponent("model.safetensors.index.json")
    let single = url.appendingPathComponent("model.safetensors")
    if FileManager.default.fileExists(atPath: single.path) || !FileManager.default.fileExists(atPath: index.path) {
      let file = try SafetensorsFile(contentsOf: single)
      return file.entries.mapValues { _ in file }
    }
    let map = try JSONFields(contentsOf: index).object("weight_map")
    var parts: [String: SafetensorsFile] = [:]
    var result: [String: SafetensorsFile] = [:]
    for name in map.values.keys.sorted() {
      let part = try map.string(name)
      guard !part.contains("/"), part.hasSuffix(".safetensors") else {
        throw map.wrong(name, expected: "the name of a safetensors file in the folder")
      }
      if parts[part] == nil {
        let location = url.appendingPathComponent(part)
        guard FileManager.default.fileExists(atPath: location.path) else {
          throw UserError(
            .badInput, "\(index.path) names \(part), which is not in the folder",
            remedy: "copy or download the folder again")
        }
        parts[part] = try SafetensorsFile(contentsOf: location)
      }
      guard let file = parts[part], file.entries[name] != nil else {
        throw UserError(
          .badInput, "\(index.path) places tensor \(name) in \(part), which does not hold it",
          remedy: "fetch the model folder again, in full")
      }
      result[name] = file
    }
    return result
  }

  /// Compares names, shapes and types with the layout.
  private func compare() throws {
    var problems: [String] = []
    for entry in layout.entries {
      guard let found = files[entry.name]?.entries[entry.name] else {
        problems.append("tensor \(entry.name) is missing, expected with shape \(entry.shape)")
        continue
      }
      if found.shape != entry.shape {
        problems.append("tensor \(entry.name) has shape \(found.shape), expected \(entry.shape)")
      } else if !["F32", "F16", "BF16", "F64"].contains(found.type) {
        problems.append("tensor \(entry.name) has type \(found.type), expected F32, F16, BF16 or F64")
      }
    }
    let expected = Set(layout.entries.map(\.name))
    // Some writers store the head also where it is the embedding.
    let tolerated: Set<String> = configuration.tiesEmbeddings ? [Idefics3<Float>.headName] : []
    for name in files.keys.sorted() where !expected.contains(name) && !tolerated.contains(name) {
      problems.append("tensor \(name) is not part of the model that config.json describes")
    }
    guard problems.isEmpty else {
      let shown = problems.prefix(8).map { "\(url.path): \($0)" }
      let rest = problems.count > 8 ? ["... and \(problems.count - 8) more"] : []
      throw UserError(
        .badInput, (shown + rest).joined(separator: "\n"), remedy: "check that config.json belongs to these weights")
    }
  }

  /// Reads the weights into an arena whose layout holds the model's tensors.
  ///
  /// - Throws: `UserError` naming a tensor with an infinite value or one that is not a number.
  public func load<Element: Scalar>(into arena: ParameterArena<Element>) throws {
    for entry in layout.entries {
      guard let file = files[entry.name] else { continue }
      let target = arena[entry.name].value
      try file.read(entry.name, into: target)
      guard target.sumOfSquares.isFinite else {
        throw UserError(
          .badInput, "\(file.url.path): tensor \(entry.name) holds numbers that are not finite",
          remedy: "fetch the file again, or take an earlier checkpoint")
      }
    }
  }

  /// The model with memory of its own.
  public func model<Element: Scalar>(
    as type: Element.Type = Element.self, trainable: Bool = false
  ) throws -> Idefics3<Element> {
    let arena = ParameterArena<Element>(layout: layout, trainable: trainable)
    try load(into: arena)
    return Idefics3(configuration, arena: arena)
  }

  /// Writes config.json, generation_config.json and model.safetensors (in the arena's type) as transformers reads them.
  ///
  /// The folder is made if needed; each file is written beside its place and renamed, the weights last.
  public static func save<Element: Scalar>(_ model: Idefics3<Element>, to url: URL) throws {
    do {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
      try Data(model.configuration.json.utf8).write(to: url.appendingPathComponent("config.json"), options: .atomic)
      try Data(model.configuration.generationJSON.utf8)
        .write(to: url.appendingPathComponent("generation_config.json"), options: .atomic)
    } catch {
      throw UserError(
        .inputOutput, "\(url.path) cannot be written: \(error.localizedDescription)",
        remedy: "check the free space (df) and the permissions of the folder")
    }
    var writer = SafetensorsWriter()
    for entry in model.configuration.layout.entries { writer.add(entry.name, model.arena[entry.name].value) }
    let place = url.appendingPathComponent("model.safetensors")
    let partial = url.appendingPathComponent(".model.safetensors.partial")
    try writer.write(to: partial)
    guard rename(partial.path, place.path) == 0 else {
      throw UserError(
        .inputOutput, "\(place.path) cannot be put in place: \(String(cString: strerror(errno)))",
        remedy: "check free space and permissions")
    }
  }
}
