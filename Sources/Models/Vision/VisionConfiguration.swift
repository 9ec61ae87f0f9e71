import Autograd
import Tensors

/// Shape of a vision tower, under the names of its `vision_config`.
public struct VisionConfiguration: Equatable, Sendable {
  public var hiddenSize: Int
  public var intermediateSize: Int
  public var layers: Int
  public var heads: Int
  public var channels = 3
  /// Side of a full image in pixels; sets the size of the position table.
  public var imageSize: Int
  public var patchSize: Int
  public var layerNormEpsilon = 1e-6
  /// Standard deviation of fresh weights.
  public var initializerRange = 0.02
  public var activation = Activation.geluTanh

  public init(hiddenSize: Int, intermediateSize: Int, layers: Int, heads: Int, imageSize: Int, patchSize: Int) {
    self.hiddenSize = hiddenSize
    self.intermediateSize = intermediateSize
    self.layers = layers
    self.heads = heads
    self.imageSize = imageSize
    self.patchSize = patchSize
  }

  /// Positions along one side of the table; pixels left over at an edge are not seen.
  public var positionsPerSide: Int { imageSize / patchSize }

  /// Sizes that must be above 0, under their keys.
  var sizes: [(key: String, value: Int)] {
    [
      ("vision_config.hidden_size", hiddenSize), ("vision_config.intermediate_size", intermediateSize),
      ("vision_config.num_attention_heads", heads), ("vision_config.image_size", imageSize),
      ("vision_config.patch_size", patchSize), ("vision_config.num_channels", channels),
    ]
  }

  /// What no tower can be built from.
  func findProblems(_ problems: inout ConfigurationProblems) {
    problems.check(
      hiddenSize % heads == 0, "vision_config.num_attention_heads", heads, "a divisor of hidden_size \(hiddenSize)")
    problems.check(
      imageSize >= patchSize, "vision_config.patch_size", patchSize, "at most image_size \(imageSize)")
  }
}

extension VisionConfiguration {
  /// What a configuration class of transformers takes for absent keys.
  private struct Standard {
    var hiddenSize: Int
    var intermediateSize = 3072
    var layers = 12
    var heads: Int
    var imageSize = 224
    var patchSize = 32
    var epsilon: Double
    var activation: Activation
  }

  /// Reads the `vision_config` of an Idefics3 or SmolVLM model; absent keys as Idefics3VisionConfig has them.
  static func siglip(_ fields: JSONFields) throws -> VisionConfiguration {
    try VisionConfiguration(
      fields, Standard(hiddenSize: 1152, heads: 16, epsilon: 1e-6, activation: .geluTanh))
  }

  /// Reads the configuration of a CLIP tower; absent keys as CLIPVisionConfig has them.
  static func clip(_ fields: JSONFields) throws -> VisionConfiguration {
    if fields.contains("model_type"), fields.values["model_type"] != .string("clip_vision_model") {
      throw fields.wrong("model_type", expected: "\"clip_vision_model\", the only tower implemented for LLaVA")
    }
    return try VisionConfiguration(
      fields, Standard(hiddenSize: 768, heads: 12, epsilon: 1e-5, activation: .quickGELU))
  }

  /// CLIP ViT-L/14, the tower of LLaVA where nothing else is said. - Parameter imageSize: 336 or 224.
  static func clipLarge(imageSize: Int) -> VisionConfiguration {
    var result = VisionConfiguration(
      hiddenSize: 1024, intermediateSize: 4096, layers: 24, heads: 16, imageSize: imageSize, patchSize: 14)
    result.layerNormEpsilon = 1e-5
    result.activation = .quickGELU
    return result
  }

  private init(_ fields: JSONFields, _ standard: Standard) throws {
    try fields.require("num_channels", .integer(3))
    self.init(
      hiddenSize: try fields.integer("hidden_size", standard: standard.hiddenSize),
      intermediateSize: try fields.integer("intermediate_size", standard: standard.intermediateSize),
      layers: try fields.integer("num_hidden_layers", in: 0...1024, standard: standard.layers),
      heads: try fields.integer("num_attention_heads", standard: standard.heads),
      imageSize: try fields.integer("image_size", in: 1...65_536, standard: standard.imageSize),
      patchSize: try fields.integer("patch_size", in: 1...4096, standard: standard.patchSize))
    layerNormEpsilon = try fields.number("layer_norm_eps", standard: standard.epsilon)
    initializerRange = try fields.number("initializer_range", standard: 0.02, allowsZero: true)
    activation = try fields.activation("hidden_act", standard: standard.activation)
  }

  /// The keys as transformers 5 writes them. - Parameter modelType: such as "clip_vision_model".
  func fields(modelType: String) -> [String: JSONValue] {
    [
      "model_type": .string(modelType), "hidden_act": .string(activation.rawValue),
      "attention_dropout": .number(0), "hidden_size": .integer(hiddenSize),
      "intermediate_size": .integer(intermediateSize), "num_hidden_layers": .integer(layers),
      "num_attention_heads": .integer(heads), "num_channels": .integer(channels), "image_size": .integer(imageSize),
      "patch_size": .integer(patchSize), "layer_norm_eps": .number(layerNormEpsilon),
      "initializer_range": .number(initializerRange),
    ]
  }
}
