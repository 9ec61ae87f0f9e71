import Foundation
import Tensors

/// Folders that the original LLaVA code wrote (`LlavaLlamaForCausalLM`): the decoder's keys at the top of `config.json`,
/// the vision parts as `mm_*` keys. PULSE-7B, the open ECG teacher, is one of them.
///
/// Such a file names no `<image>` id, since that code put features in place of the text "<image>" itself; the first id
/// past the vocabulary stands for it unless `image_token_index` says otherwise, as in the converted folders.
enum OriginalLlava {
  /// Folder below the model's with the vision tower, for files that only name it.
  static let towerFolder = "vision_tower"

  static func wrote(_ fields: JSONFields) -> Bool {
    !fields.contains("vision_config") && (fields.contains("mm_vision_tower") || fields.contains("mm_projector_type"))
  }

  /// - Throws: `UserError` naming the file, the key and what was expected.
  static func configuration(_ fields: JSONFields, folder: URL) throws -> LlavaConfiguration {
    var result = LlavaConfiguration(vision: try tower(fields, folder: folder), text: try DecoderConfiguration(fields))
    result.featureLayers = [
      try fields.integer("mm_vision_select_layer", in: -1024...1024, standard: -2)
    ]
    result.keepsClassToken =
      try fields.choice("mm_vision_select_feature", ["patch", "cls_patch"], standard: "patch") == "cls_patch"
    _ = try fields.choice("mm_projector_type", ["mlp2x_gelu"], standard: "linear")
    // It puts two more tokens around each image, which no template here does.
    if try fields.flag("mm_use_im_start_end", standard: false) {
      throw fields.wrong("mm_use_im_start_end", expected: "false")
    }
    let shape = try fields.choice("image_aspect_ratio", ["anyres", "pad", "square"], standard: "square")
    let merge = try fields.choice("mm_patch_merge_type", ["spatial_unpad", "flat"], standard: "flat")
    switch (shape, merge) {
    case ("anyres", "spatial_unpad"): result.tiling = try TileGrid(fields, .widthFirst)
    case ("anyres", _): throw fields.wrong("mm_patch_merge_type", expected: "\"spatial_unpad\" with anyres images")
    default: break
    }
    try demandFeatures(result, fields)
    result.tiesEmbeddings = try fields.flag("tie_word_embeddings", standard: false)
    result.imageToken = try fields.integer(
      "image_token_index", in: 0...(1 << 31), standard: result.text.vocabularySize)
    result.tokens = try SpecialTokens(fields, else: nil)
    try result.validate(file: fields.file)
    return result
  }

  /// What the validation asks of the tower's features, in the words of this file's own keys.
  private static func demandFeatures(_ configuration: LlavaConfiguration, _ fields: JSONFields) throws {
    let layers = configuration.vision.layers
    guard configuration.featureStates.allSatisfy({ $0 >= 0 && $0 <= layers }) else {
      throw fields.wrong("mm_vision_select_layer", expected: "a state of the tower: -\(layers + 1) to \(layers)")
    }
    guard configuration.tiling == nil || !configuration.keepsClassToken else {
      throw fields.wrong("mm_vision_select_feature", expected: "\"patch\": tiles are joined without class tokens")
    }
  }

  /// The shape of the tower: from its folder below the model's, or from its published name.
  private static func tower(_ fields: JSONFields, folder: URL) throws -> VisionConfiguration {
    let place = folder.appendingPathComponent(towerFolder).appendingPathComponent("config.json")
    if FileManager.default.fileExists(atPath: place.path) {
      let tower = try JSONFields(contentsOf: place)
      return try .clip(tower.contains("vision_config") ? tower.object("vision_config") : tower)
    }
    switch try fields.string("mm_vision_tower") {
    case "openai/clip-vit-large-patch14-336": return .clipLarge(imageSize: 336)
    case "openai/clip-vit-large-patch14": return .clipLarge(imageSize: 224)
    default:
      throw fields.wrong(
        "mm_vision_tower",
        expected: "openai/clip-vit-large-patch14-336 or openai/clip-vit-large-patch14, or the folder of another CLIP "
          + "tower (config.json and model.safetensors) copied to \(place.deletingLastPathComponent().path)")
    }
  }
}
