import Foundation
import Tensors
import TestSupport
import Testing

@testable import Models

@Suite struct LlavaConfigurationTests {
  private func read(_ text: String) throws -> any ModelConfiguration {
    try withTemporaryFolder { folder in
      try Data(text.utf8).write(to: folder.appendingPathComponent("config.json"))
      return try ModelFamilies.configuration(in: folder)
    }
  }

  /// As the published llava-1.5-7b folder has it: few keys, the rest at its default.
  @Test func keysAtTheirDefaultsMayBeAbsent() throws {
    let text = """
      {"architectures": ["LlavaForConditionalGeneration"], "model_type": "llava", "image_token_index": 32000,
       "pad_token_id": 32001, "projector_hidden_act": "gelu", "torch_dtype": "float16",
       "text_config": {"architectures": ["LlamaForCausalLM"], "max_position_embeddings": 4096, "model_type": "llama",
        "rms_norm_eps": 1e-05, "torch_dtype": "float16", "vocab_size": 32064},
       "vision_config": {"hidden_size": 1024, "image_size": 336, "intermediate_size": 4096,
        "model_type": "clip_vision_model", "num_attention_heads": 16, "num_hidden_layers": 24, "patch_size": 14,
        "projection_dim": 768, "vocab_size": 32000},
       "vision_feature_layer": -2, "vision_feature_select_strategy": "default"}
      """
    let found = try #require(try read(text) as? LlavaConfiguration)
    #expect(found.text.hiddenSize == 4096 && found.text.layers == 32 && found.text.intermediateSize == 11_008)
    #expect(found.tokensPerImage == 576 && found.vision == .clipLarge(imageSize: 336))
    // LlavaForConditionalGeneration on the meta device has as many.
    #expect(found.parameterCount == 7_063_427_072)
    let bare = try #require(try read("{\"model_type\": \"llava\"}") as? LlavaConfiguration)
    #expect(bare.vision == found.vision && bare.text.vocabularySize == 32_000 && bare.text.rmsNormEpsilon == 1e-6)
  }

  @Test func encodedConfigurationsComeBack() throws {
    for name in ["llava_list_full", "llava_qwen2", "llava_next"] {
      let folder = Recorded.folder(name)
      let read = try #require(try ModelFamilies.configuration(in: folder) as? LlavaConfiguration)
      let again = try LlavaConfiguration(JSONFields(Data(read.json.utf8), file: "config.json"))
      #expect(again == read)
    }
  }

  private static let original = """
    {"architectures": ["LlavaLlamaForCausalLM"], "model_type": "llava_llama", "hidden_act": "silu", "hidden_size": 4096,
     "intermediate_size": 11008, "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 32,
     "rms_norm_eps": 1e-05, "rope_scaling": null, "vocab_size": 32000, "tie_word_embeddings": false,
     "bos_token_id": 1, "eos_token_id": 2, "image_aspect_ratio": "anyres", "mm_patch_merge_type": "spatial_unpad",
     "image_grid_pinpoints": [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]],
     "mm_hidden_size": 1024, "mm_projector_type": "mlp2x_gelu", "mm_vision_select_feature": "patch",
     "mm_vision_select_layer": -2, "mm_vision_tower": "openai/clip-vit-large-patch14-336", "use_mm_proj": true}
    """

  /// The keys of PULSE-7B's kind of folder.
  @Test func theOriginalLayoutIsRead() throws {
    let found = try #require(try read(Self.original) as? LlavaConfiguration)
    #expect(found.tiling?.resolutions.count == 5 && found.imageToken == 32_000 && found.endTokens == [2])
    #expect(found.tokens(of: ImageSize(height: 336, width: 672)) == 576 + 24 * 49)
    let flat = Self.original.replacing("anyres", with: "pad").replacing("spatial_unpad", with: "flat")
    #expect(try (read(flat) as? LlavaConfiguration)?.tiling == nil)
  }

  /// LLaVA's own code names the width first, transformers the height; so does what is written.
  @Test func theOriginalNamesWidthsFirst() throws {
    let one = Self.original.replacing(/\[\[336, 672\].*1008\]\]/, with: "[[336, 1344]]")
    #expect(one != Self.original)
    let found = try #require(try read(one) as? LlavaConfiguration)
    #expect(found.tiling?.resolutions == [ImageSize(height: 1344, width: 336)])
    // Four tiles one below the other: 24 columns of patches and a newline in each of 96 rows.
    #expect(found.tokens(of: ImageSize(height: 1344, width: 336)) == 576 + 96 * 25)
    let again = try LlavaConfiguration(JSONFields(Data(found.json.utf8), file: "config.json"))
    #expect(again.tiling == found.tiling)
    #expect(found.json.replacing(/\s/, with: "").contains("\"image_grid_pinpoints\":[[1344,336]]"))
  }

  @Test(arguments: [
    ("openai/clip-vit-large-patch14-336", "google/siglip"), ("mlp2x_gelu", "linear"), ("spatial_unpad", "flat"),
    ("\"patch\"", "\"cls\""), ("[[336, 672]", "[[336, 600]"), ("[[336, 672]", "[[336]"), ("\"silu\"", "\"relu\""),
    ("\"anyres\"", "7"), ("-2", "-26"), ("-2", "\"-2\""), ("\"llava_llama\"", "\"bert\""), ("\"llava_llama\"", "3"),
  ]) func whatIsNotImplementedIsRefusedNamingFileAndKey(_ old: String, _ new: String) throws {
    let text = Self.original.replacing(old, with: new)
    #expect(text != Self.original)
    let message = Recorded.message { _ = try read(text) }
    #expect(message.contains("config.json: key ") && message.contains("expected"), "\(message)")
  }

  @Test func featuresThatCannotBeUsedAreNamedByTheOriginalsKeys() {
    for (old, new, key) in [
      ("\"patch\"", "\"cls_patch\"", "mm_vision_select_feature"), ("-2", "-26", "mm_vision_select_layer"),
    ] {
      let message = Recorded.message { _ = try read(Self.original.replacing(old, with: new)) }
      #expect(message.contains("config.json: key \(key) is \(new), expected"), "\(message)")
    }
  }

  @Test func anUnknownArchitectureNamesTheOnesKnown() {
    let message = Recorded.message { _ = try read("{\"model_type\": \"qwen2_vl\"}") }
    #expect(message.contains("config.json: key model_type is \"qwen2_vl\"") && message.contains("llava_next"))
  }

  /// Every key in turn absent, and of every other type: a configuration or a UserError, never a trap.
  @Test func damagedConfigurationsNeverTrap() throws {
    let values: [JSONValue] = [
      .null, .bool(true), .integer(0), .integer(-3), .integer(.max), .integer(.min), .number(1e300), .number(0.5),
      .string("x"), .array([]), .array([.null]), .array([.integer(.max), .integer(.min)]), .object([:]),
    ]
    func variants(_ value: JSONValue) -> [JSONValue] {
      guard let pairs = value.object else { return values }
      let fields = Dictionary(uniqueKeysWithValues: pairs.map { ($0.key, $0.value) })
      return fields.flatMap { key, inner -> [JSONValue] in
        let changed =
          variants(inner).map { fields.merging([key: $0]) { $1 } } + values.map { fields.merging([key: $0]) { $1 } }
        return (changed + [fields.filter { $0.key != key }]).map { .object($0) }
      }
    }
    var bases = [try JSONFields(Data(Self.original.utf8), file: "x").values]
    for name in ["llava_next", "llava_qwen2", "idefics3_tied"] {
      bases.append(try JSONFields(contentsOf: Recorded.folder(name).appendingPathComponent("config.json")).values)
    }
    var count = 0
    for variant in bases.flatMap({ variants(.object($0)) }) {
      let message = Recorded.message {
        let configuration = try read(variant.text())
        _ = configuration.tokensPerImage
        if configuration.text.layers < 100, configuration.vision.layers < 100 { _ = configuration.layout }
      }
      #expect(!message.hasPrefix("not a UserError"), "\(message)")
      count += 1
    }
    #expect(count > 1000)
  }
}
