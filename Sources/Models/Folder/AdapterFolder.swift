import Autograd
import Foundation
import Tensors

/// A trained part of a model without the rest, as PEFT saves it: adapter_config.json and adapter_model.safetensors, with
/// adapters of low rank and modules trained in full.
public struct AdapterFolder {
  public static let configurationName = "adapter_config.json"
  static let weightsName = "adapter_model.safetensors"
  /// PEFT wraps the model twice.
  private static let prefix = "base_model.model."

  public let url: URL
  /// Folder or name of the model that the adapter belongs to; nil where it had none.
  public let base: String?
  private let rank: Int
  private let scale: Double
  private let file: SafetensorsFile

  /// Whether a folder holds an adapter.
  public static func isPresent(in folder: URL) -> Bool {
    FileManager.default.fileExists(atPath: folder.appendingPathComponent(configurationName).path)
  }

  /// - Throws: `UserError` naming the file and key of what is missing, damaged, or another kind of adapter.
  public init(_ url: URL) throws {
    self.url = url
    let fields = try JSONFields(
      contentsOf: url.appendingPathComponent(Self.configurationName),
      remedy: "name an adapter as peft saves it; docs/lora.md says which are read")
    guard try fields.string("peft_type") == "LORA" else { throw fields.wrong("peft_type", expected: "\"LORA\"") }
    for key in ["use_dora", "use_rslora", "fan_in_fan_out", "lora_bias"] where try fields.flag(key, standard: false) {
      throw fields.wrong(key, expected: "false")
    }
    for key in ["rank_pattern", "alpha_pattern"] where fields.contains(key) {
      guard try fields.object(key).values.isEmpty else { throw fields.wrong(key, expected: "an empty object") }
    }
    for key in ["target_parameters", "trainable_token_indices"] where fields.contains(key) {
      guard fields.values[key]?.array?.isEmpty == true else { throw fields.wrong(key, expected: "null") }
    }
    // These starts change the base's weights, too, which no file of the adapter holds.
    if let start = fields.values["init_lora_weights"]?.string?.lowercased(),
      ["pissa", "olora", "corda", "loftq", "lora_ga"].contains(where: start.hasPrefix)
    {
      throw fields.wrong("init_lora_weights", expected: "a start that leaves the base's weights as they are")
    }
    if fields.contains("bias"), try fields.string("bias") != "none" {
      throw fields.wrong("bias", expected: "\"none\"")
    }
    base = fields.contains("base_model_name_or_path") ? try fields.string("base_model_name_or_path") : nil
    rank = try fields.integer("r")
    scale = try fields.number("lora_alpha") / Double(rank)
    file = try SafetensorsFile(contentsOf: url.appendingPathComponent(Self.weightsName))
  }

  /// Layers with an adapter and its rank, by name.
  public var layers: [(name: String, rank: Int)] {
    let suffix = LowRankAdapter<Float>.downName("")
    return file.names.filter { $0.hasSuffix(suffix) }.map { name in
      (String(name.dropFirst(Self.prefix.count).dropLast(suffix.count)), file.entries[name]?.shape.first ?? 0)
    }
  }

  /// Tensors trained in full.
  public var fullTensors: [String] {
    file.names.filter { !$0.contains(".lora_") }.map { String($0.dropFirst(Self.prefix.count)) }
  }

  /// Numbers of all tensors.
  public var count: Int { file.entries.values.reduce(0) { $0 + $1.count } }

  /// Writes what an arena trains of a model.
  ///
  /// - Parameters:
  ///   - parameters: adapters and tensors trained in full.
  ///   - base: folder of the frozen model; nil where its weights were drawn.
  public static func save(
    _ parameters: [Parameter<Float>], _ adaptation: LowRankAdaptation, base: String?, to url: URL,
    pieces: @escaping (Parameter<Float>) -> [() throws -> Tensor<Float>] = { parameter in [{ parameter.value }] }
  ) throws {
    var writer = SafetensorsWriter()
    for parameter in parameters {
      writer.add(prefix + parameter.name, parameter.entry.shape, pieces: pieces(parameter))
    }
    try writer.write(to: url.appendingPathComponent(weightsName))
    func modules(_ isIncluded: (String) -> String?) -> JSONValue {
      .array(Set(parameters.compactMap { isIncluded($0.name) }).sorted().map { .string($0) })
    }
    let suffix = LowRankAdapter<Float>.downName("")
    let configuration = JSONValue.object([
      "peft_type": .string("LORA"), "base_model_name_or_path": base.map { .string($0) } ?? .null,
      "r": .integer(adaptation.rank), "lora_alpha": .number(adaptation.alpha), "lora_dropout": .number(0),
      "bias": .string("none"), "fan_in_fan_out": .bool(false), "inference_mode": .bool(true),
      "init_lora_weights": .bool(true),
      "target_modules": modules { $0.hasSuffix(suffix) ? String($0.dropLast(suffix.count)) : nil },
      "modules_to_save": modules { name in
        name.contains(".lora_") ? nil : name.lastIndex(of: ".").map { String(name[..<$0]) }
      },
    ])
    try Data((configuration.text() + "\n").utf8).write(to: url.appendingPathComponent(configurationName))
  }

  /// Reads what `save` wrote back. - Throws: `UserError` naming a tensor that is missing or has another shape.
  public func load(into parameters: [Parameter<Float>]) throws {
    for parameter in parameters { try file.read(Self.prefix + parameter.name, into: parameter.value) }
  }

  /// A tensor of the model with the adapter merged: W + alpha / rank B A, or as it was trained in full.
  ///
  /// - Precondition: `check` of the model passes.
  /// - Throws: `UserError` for weights that cannot be read, or that the adapter makes infinite.
  public func merged(_ entry: ParameterLayout.Entry, of model: ModelFolder) throws -> Tensor<Float> {
    if file.entries[Self.prefix + entry.name] != nil { return try file.tensor(Self.prefix + entry.name) }
    let result: Tensor<Float> = try model.tensor(entry)
    let (down, up) = Self.names(of: entry)
    guard file.entries[down] != nil else { return result }
    let (a, b): (Tensor<Float>, Tensor<Float>) = (try file.tensor(down), try file.tensor(up))
    multiply(b.matrix, a.matrix, alpha: Float(scale), beta: 1, into: result.matrix)
    guard result.sumOfSquares.isFinite else {
      throw refusal("\(entry.name) is no longer finite with its adapter, whose scale is \(scale)")
    }
    return result
  }

  private func refusal(_ what: String) -> UserError {
    UserError(
      .badInput, "\(file.url.path): \(what)", remedy: "name the model that this adapter was trained for with --base")
  }

  /// Names in the file of the two matrices beside a layer.
  private static func names(of entry: ParameterLayout.Entry) -> (down: String, up: String) {
    let layer = prefix + entry.layer
    return (LowRankAdapter<Float>.downName(layer), LowRankAdapter<Float>.upName(layer))
  }

  /// "q_proj" of "layers.0.self_attn.q_proj".
  private static func lastPart(_ path: String) -> Substring? { path.split(separator: ".").last }

  /// Refuses an adapter beside the output head, an embedding, or the patch embedding, whatever its shape.
  private func refuseLayersWithoutAdapters(of model: ModelFolder) throws {
    let adapted = Set(
      file.names.compactMap { name in name.range(of: ".lora_").map { String(name[..<$0.lowerBound]) } })
    // A head tied to the embedding is no tensor of the layout.
    let others = Set(
      (["lm_head"] + model.layout.entries.filter { !$0.isLinear }.map(\.layer)).compactMap { Self.lastPart($0) })
    let found = adapted.sorted().first { name in Self.lastPart(name).map { others.contains($0) } ?? false }
    guard let found else { return }
    let layer = found.hasPrefix(Self.prefix) ? String(found.dropFirst(Self.prefix.count)) : found
    throw UserError(
      .badInput,
      "\(file.url.path): \(layer) has an adapter, but takes none here: adapters are merged beside the linear layers of "
        + "decoder, vision tower and connector, not beside output head, embeddings or patch embedding",
      remedy:
        "merge it with peft (merge_and_unload) and name the merged model, or train the adapter again without this "
        + "layer among its target_modules")
  }

  /// Refuses an adapter that does not belong to a model.
  /// - Throws: `UserError` naming a layer that takes no adapter, tensors the model has no place for, or whose shapes do
  ///   not fit.
  public func check(against model: ModelFolder) throws {
    try refuseLayersWithoutAdapters(of: model)
    var unknown = Set(file.names)
    for entry in model.layout.entries {
      let whole = Self.prefix + entry.name
      let (down, up) = Self.names(of: entry)
      unknown.subtract([whole, down, up])
      if let found = file.entries[whole], found.shape != entry.shape {
        throw refusal("\(entry.name) has shape \(found.shape), the model's is \(entry.shape)")
      }
      let (a, b) = (file.entries[down]?.shape, file.entries[up]?.shape)
      guard a != nil || b != nil else { continue }
      guard let a, let b, a.count == 2, a[1] == entry.shape[1], b == [entry.shape[0], a[0]] else {
        throw refusal("the adapter of \(entry.name) is \(b ?? []) times \(a ?? []), the layer \(entry.shape)")
      }
    }
    if let other = layers.first(where: { $0.rank != rank }) {
      throw refusal("the adapter of \(other.name) has rank \(other.rank), \(Self.configurationName) says r = \(rank)")
    }
    guard unknown.isEmpty else {
      throw refusal("\(unknown.sorted().prefix(3).joined(separator: ", ")) belong to no tensor of \(model.url.path)")
    }
  }
}
