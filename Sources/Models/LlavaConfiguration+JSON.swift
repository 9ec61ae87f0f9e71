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
    if isNext { tiling = try TileGrid(fields) }
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
    if let tiling { fields["image_grid_pinpoints"] = tiling.value }
    return JSONValue.object(fields).text() + "\n"
  }

  private static let plainClass = "LlavaForConditionalGeneration"
  private static let nextClass = "LlavaNextForConditionalGeneration"
}

extension TileGrid {
  /// The pairs that LlavaNextConfig takes for an absent `image_grid_pinpoints`.
  private static let standard = [(336, 672), (672, 336), (672, 672), (1008, 336), (336, 1008)]

  /// Reads `image_grid_pinpoints`: [height, width] pairs.
  init(_ fields: JSONFields) throws {
    let key = "image_grid_pinpoints"
    guard fields.contains(key) else {
      self.init(resolutions: Self.standard.map { ImageSize(height: $0.0, width: $0.1) })
      return
    }
    guard case .array(let pairs)? = fields.values[key] else {
      throw fields.wrong(key, expected: "a list of [height, width] pairs in pixels")
    }
    self.init(
      resolutions: try pairs.map { pair in
        guard let sides = pair.array?.map(\.whole), sides.count == 2, let height = sides[0], let width = sides[1],
          1...65_536 ~= height, 1...65_536 ~= width
        else { throw fields.wrong(key, expected: "a list of [height, width] pairs in pixels") }
        return ImageSize(height: height, width: width)
      })
  }

  var value: JSONValue { .array(resolutions.map { .array([.integer($0.height), .integer($0.width)]) }) }
}
