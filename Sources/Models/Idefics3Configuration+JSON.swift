import Foundation
import Tensors

extension Idefics3Configuration {
  /// Reads a `config.json` as transformers 4 and 5 write it; keys left at their defaults may be absent.
  ///
  /// - Throws: `UserError` naming the file, the key and what was expected: another architecture, a missing key, an
  ///   impossible value, or a setting that models of this family do not have (other activations, biases, scaled rope).
  public init(contentsOf url: URL) throws { try self.init(JSONFields(contentsOf: url)) }

  init(_ fields: JSONFields) throws {
    guard case .string("idefics3")? = fields.values["model_type"] else {
      throw fields.wrong("model_type", expected: "\"idefics3\" (Idefics3ForConditionalGeneration)")
    }
    vision = try Vision(fields.object("vision_config"))
    let textFields = try fields.object("text_config")
    text = try Text(textFields)
    scaleFactor = try fields.integer("scale_factor", standard: 2)
    tiesEmbeddings = try fields.flag("tie_word_embeddings", standard: false)
    imageToken = try fields.integer("image_token_id", in: 0...(1 << 31), standard: 128_257)
    beginToken = try (fields.contains("bos_token_id") ? fields : textFields).tokens("bos_token_id").first
    endTokens = try (fields.contains("eos_token_id") ? fields : textFields).tokens("eos_token_id")
    padToken = try (fields.contains("pad_token_id") ? fields : textFields).tokens("pad_token_id").first
    try validate(file: fields.file)
  }

  /// The text of `config.json` as transformers 5 writes it.
  public var json: String {
    func token(_ id: Int?) -> JSONValue { id.map { .integer($0) } ?? .null }
    return JSONValue.object([
      "architectures": .array([.string("Idefics3ForConditionalGeneration")]),
      "model_type": .string("idefics3"),
      "dtype": .string("float32"),
      "image_token_id": .integer(imageToken),
      "pad_token_id": token(padToken),
      "scale_factor": .integer(scaleFactor),
      "tie_word_embeddings": .bool(tiesEmbeddings),
      "use_cache": .bool(true),
      "vision_config": .object(vision.fields),
      "text_config": .object(
        text.fields.merging([
          "bos_token_id": token(beginToken), "eos_token_id": endTokenValue, "pad_token_id": token(padToken),
          "tie_word_embeddings": .bool(tiesEmbeddings),
        ]) { $1 }),
    ]).text() + "\n"
  }

  /// The text of `generation_config.json`.
  public var generationJSON: String {
    var fields: [String: JSONValue] = ["_from_model_config": .bool(true), "use_cache": .bool(true)]
    if let beginToken { fields["bos_token_id"] = .integer(beginToken) }
    if !endTokens.isEmpty { fields["eos_token_id"] = endTokenValue }
    if let padToken { fields["pad_token_id"] = .integer(padToken) }
    return JSONValue.object(fields).text() + "\n"
  }

  private var endTokenValue: JSONValue {
    switch endTokens.count {
    case 0: .null
    case 1: .integer(endTokens[0])
    default: .array(endTokens.map { .integer($0) })
    }
  }
}

extension Idefics3Configuration.Vision {
  init(_ fields: JSONFields) throws {
    try fields.require("hidden_act", .string("gelu_pytorch_tanh"))
    try fields.require("num_channels", .integer(3))
    self.init(
      hiddenSize: try fields.integer("hidden_size"),
      intermediateSize: try fields.integer("intermediate_size", standard: 3072),
      layers: try fields.integer("num_hidden_layers", in: 0...10_000, standard: 12),
      heads: try fields.integer("num_attention_heads", standard: 16),
      imageSize: try fields.integer("image_size", in: 1...65_536),
      patchSize: try fields.integer("patch_size", in: 1...4096))
    layerNormEpsilon = try fields.number("layer_norm_eps", standard: 1e-6)
    initializerRange = try fields.number("initializer_range", standard: 0.02)
  }

  fileprivate var fields: [String: JSONValue] {
    [
      "model_type": .string("idefics3_vision"), "hidden_act": .string("gelu_pytorch_tanh"),
      "attention_dropout": .number(0), "hidden_size": .integer(hiddenSize),
      "intermediate_size": .integer(intermediateSize), "num_hidden_layers": .integer(layers),
      "num_attention_heads": .integer(heads), "num_channels": .integer(channels), "image_size": .integer(imageSize),
      "patch_size": .integer(patchSize), "layer_norm_eps": .number(layerNormEpsilon),
      "initializer_range": .number(initializerRange),
    ]
  }
}

extension Idefics3Configuration.Text {
  init(_ fields: JSONFields) throws {
    try fields.require("model_type", .string("llama"))
    try fields.require("hidden_act", .string("silu"))
    try fields.require("attention_bias", .bool(false))
    try fields.require("mlp_bias", .bool(false))
    let hidden = try fields.integer("hidden_size")
    let heads = try fields.integer("num_attention_heads")
    if !fields.contains("head_dim"), hidden % heads != 0 {
      throw fields.wrong("num_attention_heads", expected: "a divisor of hidden_size \(hidden)")
    }
    self.init(
      hiddenSize: hidden, intermediateSize: try fields.integer("intermediate_size"),
      layers: try fields.integer("num_hidden_layers", in: 0...10_000), heads: heads,
      keyValueHeads: try fields.integer("num_key_value_heads", standard: heads),
      headWidth: try fields.integer("head_dim", standard: hidden / heads),
      vocabularySize: try fields.integer("vocab_size", in: 1...(1 << 28)))
    rmsNormEpsilon = try fields.number("rms_norm_eps", standard: 1e-6)
    maximumPositions = try fields.integer("max_position_embeddings", in: 1...(1 << 31), standard: 2048)
    initializerRange = try fields.number("initializer_range", standard: 0.02)
    ropeTheta = try Self.ropeTheta(fields)
  }

  /// transformers 5 writes `rope_parameters`; older versions `rope_theta` and, for scaled positions, `rope_scaling`.
  private static func ropeTheta(_ fields: JSONFields) throws -> Double {
    let top = try fields.number("rope_theta", standard: 10_000)
    for key in ["rope_parameters", "rope_scaling"] where fields.contains(key) {
      let rope = try fields.object(key)
      for name in ["rope_type", "type"] { try rope.require(name, .string("default")) }
      try rope.require("partial_rotary_factor", .number(1))
      if rope.contains("rope_theta") { return try rope.number("rope_theta") }
    }
    return top
  }

  fileprivate var fields: [String: JSONValue] {
    [
      "model_type": .string("llama"), "hidden_act": .string("silu"), "attention_bias": .bool(false),
      "mlp_bias": .bool(false), "attention_dropout": .number(0), "use_cache": .bool(true),
      "pretraining_tp": .integer(1), "hidden_size": .integer(hiddenSize),
      "intermediate_size": .integer(intermediateSize), "num_hidden_layers": .integer(layers),
      "num_attention_heads": .integer(heads), "num_key_value_heads": .integer(keyValueHeads),
      "head_dim": .integer(headWidth), "vocab_size": .integer(vocabularySize),
      "max_position_embeddings": .integer(maximumPositions), "rms_norm_eps": .number(rmsNormEpsilon),
      "initializer_range": .number(initializerRange),
      "rope_parameters": .object(["rope_theta": .number(ropeTheta), "rope_type": .string("default")]),
    ]
  }
}
