import Autograd
import Foundation
import Tensors

/// A model as `save_pretrained` of transformers leaves it: config.json and model.safetensors, or several safetensors
/// with model.safetensors.index.json. Weights may be F32, F16, BF16 or F64. Folders of the original LLaVA are read too.
///
/// Opening reads the headers and compares every tensor with the configuration; weights are read by `load`.
public struct ModelFolder {
  public let url: URL
  public let configuration: any ModelConfiguration
  /// The model's tensors in the order of its layout.
  public let layout: ParameterLayout
  /// Where each of the model's tensors lies.
  private let places: [String: StoredTensor]

  /// - Throws: `UserError` naming the file, key or tensor that is missing, superfluous or of another shape than expected.
  public init(_ url: URL) throws {
    self.url = url
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), isFolder.boolValue else {
      throw UserError(
        .inputOutput, "\(url.path) is not a folder",
        remedy: "give a model folder with config.json and model.safetensors")
    }
    let ownConfiguration = url.appendingPathComponent("config.json").path
    if AdapterFolder.isPresent(in: url), !FileManager.default.fileExists(atPath: ownConfiguration) {
      throw UserError(
        .badInput, "\(url.path) holds an adapter, not a whole model",
        remedy: "merge it with its model: evl-dist export \(url.path) FOLDER")
    }
    configuration = try Self.withGenerationSettings(ModelFamilies.configuration(in: url), folder: url)
    layout = configuration.layout
    var problems: [String] = []
    places = Self.places(try WeightFiles.tensors(in: url), of: configuration, &problems)
    compare(&problems)
    guard problems.isEmpty else {
      let shown = problems.prefix(8).map { "\(url.path): \($0)" }
      let rest = problems.count > 8 ? ["... and \(problems.count - 8) more"] : []
      throw UserError(.badInput, (shown + rest).joined(separator: "\n"), remedy: remedy)
    }
  }

  /// What ends an answer stands in generation_config.json where there is one.
  private static func withGenerationSettings(
    _ configuration: any ModelConfiguration, folder: URL
  ) throws -> any ModelConfiguration {
    let ends = try answerEnds(in: folder)
    guard !ends.isEmpty else { return configuration }
    var result = configuration
    result.tokens.end = ends
    return result
  }

  /// Tensors by the model's names; two under one name are a problem.
  private static func places<Configuration: ModelConfiguration>(
    _ tensors: [StoredTensor], of configuration: Configuration, _ problems: inout [String]
  ) -> [String: StoredTensor] {
    var result: [String: StoredTensor] = [:]
    for tensor in tensors {
      guard let own = Configuration.names.own(tensor.fullName) else { continue }
      if let other = result[own] {
        // A tower that was trained with the model lies in the model's own files, and counts.
        if tensor.part != other.part { continue }
        problems.append("tensors \(other.name) and \(tensor.name) are both \(own) of the model, expected one of them")
      }
      result[own] = tensor
    }
    // A tied matrix may be stored as the embedding, as the head, or as both.
    if configuration.tiesEmbeddings, result[Configuration.embeddingName] == nil {
      result[Configuration.embeddingName] = result[Configuration.headName]
    }
    return result
  }

  /// Compares names, shapes and types with the layout.
  private func compare(_ problems: inout [String]) {
    for entry in layout.entries {
      guard let stored = places[entry.name], let found = stored.entry else {
        problems.append("tensor \(entry.name) is missing, expected with shape \(entry.shape)")
        continue
      }
      if found.shape != entry.shape {
        problems.append("tensor \(stored.name) has shape \(found.shape), expected \(entry.shape)")
      } else if !["F32", "F16", "BF16", "F64"].contains(found.type) {
        problems.append("tensor \(stored.name) has type \(found.type), expected F32, F16, BF16 or F64")
      }
    }
    let expected = Set(layout.entries.map(\.name) + (configuration.tiesEmbeddings ? [headName] : []))
    for (name, stored) in places.sorted(by: { $0.key < $1.key }) where !expected.contains(name) {
      problems.append("tensor \(stored.name) is not part of the model that config.json describes")
    }
  }

  private var headName: String { type(of: configuration).headName }

  /// A folder of the original LLaVA may lack the vision tower, which its training did not change.
  private var remedy: String {
    let lacksTower = !places.keys.contains { $0.hasPrefix("vision_tower.") }
    guard configuration is LlavaConfiguration, lacksTower else {
      return "check that config.json belongs to these weights"
    }
    return "the vision tower is not in these files: copy the folder of the model that mm_vision_tower of config.json "
      + "names (config.json and model.safetensors) to \(url.appendingPathComponent(OriginalLlava.towerFolder).path)"
  }

  /// Reads the weights that an arena holds itself, each straight from the mapped file.
  ///
  /// - Throws: `UserError` naming a tensor with an infinite value or one that is not a number.
  public func load<Element: Scalar>(into arena: ParameterArena<Element>) throws {
    try checkTie()
    for entry in layout.entries where arena.holds(entry.name) { try read(entry, into: arena[entry.name].value) }
    arena.round(0..<arena.layout.count)
  }

  /// A copy of a tensor of the model's layout.
  ///
  /// - Throws: `UserError` naming a tensor with an infinite value or one that is not a number.
  public func tensor<Element: Scalar>(_ entry: ParameterLayout.Entry) throws -> Tensor<Element> {
    let result = Tensor<Element>(uninitialised: entry.shape)
    try read(entry, into: result)
    return result
  }

  private func read<Element: Scalar>(_ entry: ParameterLayout.Entry, into target: Tensor<Element>) throws {
    let stored = place(of: entry)
    try stored.file.read(stored.name, into: target)
    guard target.sumOfSquares.isFinite else { throw infinite(stored) }
  }

  /// Where a tensor lies; opening the folder made sure that it does.
  func place(of entry: ParameterLayout.Entry) -> StoredTensor {
    guard let stored = places[entry.name] else { preconditionFailure("\(entry.name) is no tensor of the model") }
    return stored
  }

  /// Where a tied matrix is stored twice, both must be the same.
  func checkTie() throws {
    let name = type(of: configuration).embeddingName
    guard configuration.tiesEmbeddings, let head = places[headName], let embedding = places[name],
      head.name != embedding.name
    else { return }
    guard try head.file.hasSameBytes(head.name, as: embedding.name, in: embedding.file) else {
      throw UserError(
        .badInput, "\(head.place) differs from \(embedding.name), but tie_word_embeddings says that they are one",
        remedy: "set tie_word_embeddings to false in config.json, or remove one of the two")
    }
  }

  /// The name a tensor of the model has in the folder's files.
  public func storedName(of name: String) -> String? { places[name]?.name }

  /// The model with memory of its own.
  public func model<Element: Scalar>(
    as type: Element.Type = Element.self, trainable: Bool = false
  ) throws -> any VisionLanguageModel<Element> {
    let arena = ParameterArena<Element>(layout: layout, trainable: trainable)
    try load(into: arena)
    return configuration.model(in: arena)
  }

  /// SHA-256 (hex) of some of the tensors as they are stored.
  public func digest(of part: ParameterLayout) throws -> String {
    var digest = Digest()
    for entry in part.entries {
      let stored = place(of: entry)
      digest.update(Data("\(entry.name) \(stored.entry?.type ?? "")\n".utf8))
      try stored.file.digest(stored.name, into: &digest)
    }
    return digest.finish()
  }

  func infinite(_ stored: StoredTensor) -> UserError {
    UserError(
      .badInput, "\(stored.place) holds numbers that are not finite",
      remedy: "fetch the file again, or take an earlier checkpoint")
  }

  /// The configuration, for what only works with the Idefics3 family.
  ///
  /// - Throws: `UserError` (usage) for another family.
  public func idefics3Configuration() throws -> Idefics3Configuration {
    guard let result = configuration as? Idefics3Configuration else {
      throw UserError(
        .usage, "\(url.path) is a \(configuration.familyName) model, expected one of the Idefics3 family",
        remedy: "name the folder of an Idefics3 or SmolVLM model")
    }
    return result
  }

  /// Whether the files are laid out as transformers writes them, so that the folder's own config.json describes them.
  var isTransformersLayout: Bool { !Self.isOriginalLlava(url) }

  /// Whether the original LLaVA code wrote a folder; false where it holds no config.json that can be read.
  public static func isOriginalLlava(_ folder: URL) -> Bool {
    (try? JSONFields(contentsOf: folder.appendingPathComponent("config.json"))).map(OriginalLlava.wrote) ?? false
  }
}
