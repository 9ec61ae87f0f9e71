import Autograd
import Tensors

extension DecoderConfiguration {
  /// What the configuration classes of transformers take for absent keys.
  private struct Standard {
    var intermediateSize: Int
    var keyValueHeads: Int?
    var vocabularySize: Int
    var positions: Int

    init(_ family: Family) {
      switch family {
      case .llama: self.init(intermediateSize: 11_008, keyValueHeads: nil, vocabularySize: 32_000, positions: 2048)
      case .mistral: self.init(intermediateSize: 14_336, keyValueHeads: 8, vocabularySize: 32_000, positions: 131_072)
      case .qwen2: self.init(intermediateSize: 22_016, keyValueHeads: 32, vocabularySize: 151_936, positions: 32_768)
      }
    }

    private init(intermediateSize: Int, keyValueHeads: Int?, vocabularySize: Int, positions: Int) {
      self.intermediateSize = intermediateSize
      self.keyValueHeads = keyValueHeads
      self.vocabularySize = vocabularySize
      self.positions = positions
    }
  }

  /// Names of `model_type` that mean one of the families; the later ones stand in older files.
  private static let families: [String: Family] = [
    "llama": .llama, "mistral": .mistral, "qwen2": .qwen2, "vllama3": .llama, "llava": .llama, "llava_llama": .llama,
    "llava_mistral": .mistral,
  ]

  /// Reads a `text_config`, or the top of a file of the original LLaVA, whose decoder's keys stand there.
  ///
  /// - Throws: `UserError` for another family, an impossible value, or a setting this program refuses.
  init(_ fields: JSONFields) throws {
    let name = fields.contains("model_type") ? try fields.string("model_type") : "llama"
    guard let family = Self.families[name] else {
      throw fields.wrong("model_type", expected: "\"llama\", \"mistral\" or \"qwen2\"")
    }
    let standard = Standard(family)
    let hidden = try fields.integer("hidden_size", standard: 4096)
    let heads = try fields.integer("num_attention_heads", standard: 32)
    if !fields.contains("head_dim"), hidden % heads != 0 {
      throw fields.wrong("num_attention_heads", expected: "a divisor of hidden_size \(hidden)")
    }
    self.init(
      hiddenSize: hidden,
      intermediateSize: try fields.integer("intermediate_size", standard: standard.intermediateSize),
      layers: try fields.integer("num_hidden_layers", in: 0...1024, standard: 32), heads: heads,
      keyValueHeads: try fields.integer("num_key_value_heads", standard: standard.keyValueHeads ?? heads),
      headWidth: try fields.integer("head_dim", standard: hidden / heads),
      vocabularySize: try fields.integer("vocab_size", in: 1...(1 << 28), standard: standard.vocabularySize))
    self.family = family
    rmsNormEpsilon = try fields.number("rms_norm_eps", standard: 1e-6)
    maximumPositions = try fields.integer("max_position_embeddings", in: 1...(1 << 31), standard: standard.positions)
    initializerRange = try fields.number("initializer_range", standard: 0.02, allowsZero: true)
    activation = try fields.activation("hidden_act", standard: .silu)
    try readBiases(fields)
    try readWindow(fields)
    try readRope(fields)
  }

  private mutating func readBiases(_ fields: JSONFields) throws {
    switch family {
    case .llama:
      hasQueryBias = try fields.flag("attention_bias", standard: false)
      hasOutputBias = hasQueryBias
      hasInnerBias = try fields.flag("mlp_bias", standard: false)
    case .mistral: break
    case .qwen2: hasQueryBias = true
    }
  }

  /// Mistral has a window unless the key is null; Qwen2 only where it is switched on.
  private mutating func readWindow(_ fields: JSONFields) throws {
    switch family {
    case .llama: break
    case .mistral:
      if fields.values["sliding_window"] != .null {
        slidingWindow = try fields.integer("sliding_window", in: 1...(1 << 31), standard: 4096)
      }
    case .qwen2:
      if try fields.flag("use_sliding_window", standard: false) {
        slidingWindow = try fields.integer("sliding_window", in: 1...(1 << 31), standard: 4096)
      }
    }
  }

  /// transformers 5 writes `rope_parameters`; older versions `rope_theta` and, for scaled positions, `rope_scaling`, which
  /// counts where both stand.
  private mutating func readRope(_ fields: JSONFields) throws {
    ropeTheta = try fields.number("rope_theta", standard: 10_000)
    for key in ["rope_scaling", "rope_parameters"] where fields.contains(key) {
      let rope = try fields.object(key)
      // transformers takes an empty object as none.
      if rope.values.isEmpty { continue }
      try rope.require("partial_rotary_factor", .number(1))
      if rope.contains("rope_theta") { ropeTheta = try rope.number("rope_theta") }
      ropeScaling = try scaling(rope)
      return
    }
  }

  private func scaling(_ rope: JSONFields) throws -> RotaryScaling {
    let key = rope.contains("rope_type") ? "rope_type" : "type"
    switch rope.contains(key) ? try rope.string(key) : "default" {
    case "default": return .none
    case "linear": return .linear(factor: try rope.number("factor"))
    case "llama3":
      let (low, high) = (try rope.number("low_freq_factor"), try rope.number("high_freq_factor"))
      guard high > low else { throw rope.wrong("high_freq_factor", expected: "a number above low_freq_factor \(low)") }
      return .llama3(
        factor: try rope.number("factor"), low: low, high: high,
        positions: try rope.integer(
          "original_max_position_embeddings", in: 1...(1 << 31), standard: maximumPositions))
    default:
      throw rope.wrong(key, expected: "\"default\", \"linear\" or \"llama3\", the forms implemented")
    }
  }

  /// The keys as transformers 5 writes them.
  var fields: [String: JSONValue] {
    var fields: [String: JSONValue] = [
      "model_type": .string(family.rawValue), "hidden_act": .string(activation.rawValue),
      "attention_dropout": .number(0), "use_cache": .bool(true), "hidden_size": .integer(hiddenSize),
      "intermediate_size": .integer(intermediateSize), "num_hidden_layers": .integer(layers),
      "num_attention_heads": .integer(heads), "num_key_value_heads": .integer(keyValueHeads),
      "head_dim": .integer(headWidth), "vocab_size": .integer(vocabularySize),
      "max_position_embeddings": .integer(maximumPositions), "rms_norm_eps": .number(rmsNormEpsilon),
      "initializer_range": .number(initializerRange), "rope_parameters": .object(ropeFields),
    ]
    switch family {
    case .llama:
      fields["attention_bias"] = .bool(hasQueryBias)
      fields["mlp_bias"] = .bool(hasInnerBias)
      fields["pretraining_tp"] = .integer(1)
    case .mistral: fields["sliding_window"] = slidingWindow.map { .integer($0) } ?? .null
    case .qwen2:
      fields["use_sliding_window"] = .bool(slidingWindow != nil)
      if let slidingWindow { fields["sliding_window"] = .integer(slidingWindow) }
    }
    return fields
  }

  private var ropeFields: [String: JSONValue] {
    let theta = JSONValue.number(ropeTheta)
    switch ropeScaling {
    case .none: return ["rope_theta": theta, "rope_type": .string("default")]
    case .linear(let factor):
      return ["rope_theta": theta, "rope_type": .string("linear"), "factor": .number(factor)]
    case .llama3(let factor, let low, let high, let positions):
      return [
        "rope_theta": theta, "rope_type": .string("llama3"), "factor": .number(factor), "low_freq_factor": .number(low),
        "high_freq_factor": .number(high), "original_max_position_embeddings": .integer(positions),
      ]
    }
  }
}
