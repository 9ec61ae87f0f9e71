import Autograd
import Tensors

extension LlavaConfiguration {
  /// Reads a `config.json` of `LlavaForConditionalGeneration` or `LlavaNextForConditionalGeneration`.
  ///
  /// Keys left at their defaults may be absent, whole parts too.
  /// - Throws: `UserError` naming the file, the key and what was expected.
  init(_ fields: JSONFields) throws {
    let textFields = fields.contains("text_config") ? try fields.object("text_config") : fields.empty("text_config")
    self.init(
      vision: fields.contains("vision_config")
        ? try .clip(fields.object("vision_config")) : .clipLarge(imageSize: 336),
      text: try DecoderConfiguration(textFields))
    if fields.contains("vision_feature_layer") { featureLayers = try fields.integers("vision_feature_layer") }
    keepsClassToken =
      try fields.choice("vision_feature_select_strategy", ["default", "full"], standard: "default") == "full"
    projectorActivation = try fields.activation("projector_hidden_act", standard: .gelu)
    projectorHasBias = try fields.flag("multimodal_projector_bias", standard: true)
    let isNext = fields.values["model_type"] == .string("llava_next")
    if isNext { tiling = try TileGrid(fields, .heightFirst) }
    tiesEmbeddings = try fields.flag("tie_word_embeddings", standard: false)
    // Only LLaVA's own class looks into the text part as well.
    if !isNext, !tiesEmbeddings { tiesEmbeddings = try textFields.flag("tie_word_embeddings", standard: false) }
    let key = fields.contains("image_token_index") ? "image_token_index" : "image_token_id"
    imageToken = try fields.integer(key, in: 0...(1 << 31), standard: 32_000)
    tokens = try SpecialTokens(fields, else: textFields)
    try validate(file: fields.file)
  }

  public func json(type: String) -> String {
    var fields: [String: JSONValue] = [
      "architectures": .array([.string(tiling == nil ? Self.plainClass : Self.nextClass)]),
      "model_type": .string(tiling == nil ? "llava" : "llava_next"),
      "dtype": .string(type),
      "image_token_index": .integer(imageToken),
      "image_seq_length": .integer(tokensPerTile),
      "multimodal_projector_bias": .bool(projectorHasBias),
      "projector_hidden_act": .string(projectorActivation.rawValue),
      "tie_word_embeddings": .bool(tiesEmbeddings),
      "vision_feature_layer": featureLayers.count == 1
        ? .integer(featureLayers[0]) : .array(featureLayers.map { .integer($0) }),
      "vision_feature_select_strategy": .string(keepsClassToken ? "full" : "default"),
      "vision_config": .object(
        vision.fields(modelType: "clip_vision_model").merging(["initializer_factor": .number(1)]) { $1 }),
      "text_config": .object(
        text.fields.merging(tokens.fields) { $1 }.merging(["tie_word_embeddings": .bool(tiesEmbeddings)]) { $1 }),
    ]
    if let tiling { fields["image_grid_pinpoints"] = tiling.pinpoints }
    return JSONValue.object(fields).text() + "\n"
  }

  private static let plainClass = "LlavaForConditionalGeneration"
  private static let nextClass = "LlavaNextForConditionalGeneration"
}

extension TileGrid {
  /// Reads `image_grid_pinpoints`; absent, it is transformers' own.
  init(_ fields: JSONFields, _ order: PairOrder) throws {
    let key = "image_grid_pinpoints"
    guard fields.contains(key), let value = fields.values[key] else {
      self = .standard
      return
    }
    guard let grid = TileGrid(pinpoints: value, order) else {
      let pair = order == .heightFirst ? "[height, width]" : "[width, height]"
      throw fields.wrong(key, expected: "a list of \(pair) pairs in pixels")
    }
    self = grid
  }
}
