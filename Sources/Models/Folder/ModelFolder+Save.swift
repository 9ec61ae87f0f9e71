import Autograd
import Foundation
import Tensors

extension ModelFolder {
  /// How weights are stored.
  public enum StoredType: String, CaseIterable, Sendable {
    case float32
    case bfloat16
    case float64

    var bytes: Int {
      switch self {
      case .float32: 4
      case .bfloat16: 2
      case .float64: 8
      }
    }
  }

  /// Files that a model folder holds besides configuration and weights; they do not depend on the weights.
  private static let companions = [
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
    "merges.txt", "tokenizer.model", "chat_template.json", "chat_template.jinja", "processor_config.json",
    "preprocessor_config.json", "generation_config.json",
  ]

  /// Every file of a folder whose weights are one file.
  public static let files = ["config.json", WeightFiles.single] + companions

  /// Writes a model as a folder, adapters merged.
  ///
  /// - Parameters:
  ///   - type: nil = as the model computes.
  ///   - source, partBytes: as of the other form.
  /// - Throws: `UserError` when something cannot be read or written.
  public static func save<Element: Scalar>(
    _ model: any VisionLanguageModel<Element>, to url: URL, as type: StoredType? = nil, like source: ModelFolder? = nil,
    partBytes: Int = 5_000_000_000
  ) throws {
    let type = type ?? (Element.self == Double.self ? .float64 : .float32)
    try save(model.shape, to: url, as: type, like: source, partBytes: partBytes) { [arena = model.arena] entry in
      [{ arena.effectiveValue(of: entry.name) }]
    }
  }

  /// A tensor's consecutive pieces, each formed when it is written.
  public typealias Pieces<Element: Scalar> = (ParameterLayout.Entry) -> [() throws -> Tensor<Element>]

  /// Writes a folder as `save_pretrained` lays it out, which transformers and this program read.
  ///
  /// The folder is made if needed; each file is written beside its place and renamed, the weights last, one piece in
  /// memory at a time.
  /// - Parameters:
  ///   - source: the folder the model came from. Its config.json is kept but for the type of the weights, its tensor names
  ///     too, and its tokenizer and processor files are copied. A folder of the original LLaVA becomes one of transformers.
  ///   - partBytes: weights of more bytes are cut into several files with an index.
  ///   - weights: gives the tensors.
  /// - Throws: `UserError` when something cannot be read or written.
  public static func save<Element: Scalar>(
    _ shape: any ModelConfiguration, to url: URL, as type: StoredType, like source: ModelFolder? = nil,
    partBytes: Int = 5_000_000_000, weights: @escaping Pieces<Element>
  ) throws {
    let kept = source.flatMap { $0.isTransformersLayout ? $0 : nil }
    do {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
      let text = try kept.map { try $0.configurationText(type) } ?? shape.json(type: type.rawValue)
      try Data(text.utf8).write(to: url.appendingPathComponent("config.json"), options: .atomic)
      try Data(shape.generationJSON.utf8)
        .write(to: url.appendingPathComponent("generation_config.json"), options: .atomic)
      if let source { try copyCompanions(from: source.url, to: url) }
    } catch let error as UserError {
      throw error
    } catch {
      throw UserError(
        .inputOutput, "\(url.path) cannot be written: \(error.localizedDescription)",
        remedy: "check the free space (df) and the permissions of the folder")
    }
    let names = shape.layout.entries.map { ($0, kept?.storedName(of: $0.name) ?? $0.name) }
    try WeightWriter(folder: url, type: type, partBytes: partBytes).write(names, weights)
  }

  /// The folder's config.json with the type of the weights exchanged, everything else as it stands.
  private func configurationText(_ type: StoredType) throws -> String {
    let text = String(decoding: try Data(contentsOf: url.appendingPathComponent("config.json")), as: UTF8.self)
    let named = /"(torch_)?dtype"\s*:\s*"[a-z0-9]+"/
    if text.contains(named) { return text.replacing(named) { "\"\($0.output.1 ?? "")dtype\": \"\(type.rawValue)\"" } }
    guard let brace = text.firstIndex(of: "{") else { return text }
    return "{\n  \"dtype\": \"\(type.rawValue)\"," + text[text.index(after: brace)...]
  }

  private static func copyCompanions(from source: URL, to target: URL) throws {
    guard source.standardizedFileURL != target.standardizedFileURL else { return }
    for name in companions {
      let original = source.appendingPathComponent(name)
      guard FileManager.default.fileExists(atPath: original.path) else { continue }
      try Data(contentsOf: original).write(to: target.appendingPathComponent(name), options: .atomic)
    }
  }
}

/// Writes a model's tensors as one safetensors file or as several with an index.
private struct WeightWriter {
  let folder: URL
  let type: ModelFolder.StoredType
  let partBytes: Int

  func write<Element: Scalar>(
    _ tensors: [(entry: ParameterLayout.Entry, name: String)],
    _ weights: @escaping ModelFolder.Pieces<Element>
  ) throws {
    let parts = cut(tensors)
    let count = parts.count
    var map: [String: JSONValue] = [:]
    for (number, part) in parts.enumerated() {
      let file = count == 1 ? WeightFiles.single : String(format: "model-%05d-of-%05d.safetensors", number + 1, count)
      var writer = SafetensorsWriter()
      for (entry, name) in part {
        add(name, entry.shape, to: &writer, weights(entry))
        map[name] = .string(file)
      }
      try put(file) { try writer.write(to: $0) }
    }
    let index = folder.appendingPathComponent(WeightFiles.index)
    if count > 1 {
      let total = tensors.reduce(0) { $0 + $1.entry.range.count } * type.bytes
      let text = JSONValue.object([
        "metadata": .object(["total_size": .integer(total)]), "weight_map": .object(map),
      ]).text()
      try put(WeightFiles.index) { try Data((text + "\n").utf8).write(to: $0) }
    }
    // What an earlier save left in the other layout would be read instead, or contradict.
    let stale = count > 1 ? folder.appendingPathComponent(WeightFiles.single) : index
    try? FileManager.default.removeItem(at: stale)
  }

  /// Consecutive tensors whose bytes stay within a part, at least one each.
  private func cut(
    _ tensors: [(entry: ParameterLayout.Entry, name: String)]
  ) -> [[(entry: ParameterLayout.Entry, name: String)]] {
    var parts: [[(entry: ParameterLayout.Entry, name: String)]] = [[]]
    var filled = 0
    for tensor in tensors {
      let bytes = tensor.entry.range.count * type.bytes
      if filled + bytes > partBytes, !parts[parts.count - 1].isEmpty {
        parts.append([])
        filled = 0
      }
      parts[parts.count - 1].append(tensor)
      filled += bytes
    }
    return parts
  }

  private func add<Element: Scalar>(
    _ name: String, _ shape: [Int], to writer: inout SafetensorsWriter, _ pieces: [() throws -> Tensor<Element>]
  ) {
    switch type {
    case .bfloat16: writer.add(roundedToBF16: shape, as: name, pieces: pieces)
    case .float32:
      writer.add(name, shape, pieces: pieces.map { piece in { Self.converted(try piece(), to: Float.self) } })
    case .float64:
      writer.add(name, shape, pieces: pieces.map { piece in { Self.converted(try piece(), to: Double.self) } })
    }
  }

  private static func converted<Element: Scalar, Other: Scalar>(
    _ tensor: Tensor<Element>, to type: Other.Type
  ) -> Tensor<Other> {
    tensor as? Tensor<Other> ?? tensor.converted(to: type)
  }

  /// Writes beside the place, then renames.
  private func put(_ name: String, _ write: (URL) throws -> Void) throws {
    let place = folder.appendingPathComponent(name)
    let partial = folder.appendingPathComponent(".\(name).partial")
    try write(partial)
    guard rename(partial.path, place.path) == 0 else {
      throw UserError(
        .inputOutput, "\(place.path) cannot be put in place: \(String(cString: strerror(errno)))",
        remedy: "check free space and permissions")
    }
  }
}
