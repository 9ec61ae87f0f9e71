import Foundation
import Tensors
import TestSupport
import Testing

@testable import Models

@Suite struct ConfigurationTests {
  private func decode(_ text: String) throws -> Idefics3Configuration {
    try Idefics3Configuration(JSONFields(Data(text.utf8), file: "config.json"))
  }

  /// The text of a sound configuration with one key's line replaced (or removed).
  private func changed(_ key: String, to value: String?, _ base: Idefics3Configuration = TinyModels.configuration())
    -> String
  {
    let lines = base.json.split(separator: "\n").compactMap { line -> String? in
      guard line.contains("\"\(key)\":") else { return String(line) }
      return value.map { "\"\(key)\": \($0)" + (line.hasSuffix(",") ? "," : "") }
    }
    return lines.joined(separator: "\n").replacingOccurrences(of: ",\n}", with: "\n}")
      .replacingOccurrences(of: ",\n  }", with: "\n  }")
  }

  @Test func encodedConfigurationsComeBack() throws {
    var full = TinyModels.configuration(tied: true)
    full.endTokens = [3, 4]
    full.beginToken = 2
    full.text.ropeTheta = 273_768
    for configuration in [full, TinyModels.configuration()] {
      #expect(try decode(configuration.json) == configuration)
    }
  }

  @Test func numbersAreWrittenAsPythonFloats() {
    let text = TinyModels.configuration().json
    #expect(text.contains("\"rope_theta\": 10000.0") && text.contains("\"rms_norm_eps\": 1e-05"))
  }

  /// The counts are those of transformers' own models of these configurations on the meta device.
  @Test(
    .enabled(if: SharedFiles.has("cases/models/configs")),
    arguments: [
      ("smolvlm-256m", 64, 256_484_928), ("smolvlm-500m", 64, 507_482_304), ("smolvlm-2.2b", 81, 2_246_272_880),
    ]) func theThreeSizesOfSmolVLMAreRead(_ name: String, tokens: Int, parameters: Int) throws
  {
    let path = "cases/models/configs/\(name)/config.json"
    let configuration = try Idefics3Configuration(contentsOf: SharedFiles.url(path))
    #expect(configuration.tokensPerImage == tokens && configuration.parameterCount == parameters)
    #expect(try decode(configuration.json) == configuration)
  }

  @Test func olderSpellingsAndAbsentKeysAreRead() throws {
    let text = """
      {"model_type": "idefics3", "image_token_id": 9, "scale_factor": 2, "torch_dtype": "bfloat16",
       "vision_config": {"hidden_size": 768, "image_size": 64, "patch_size": 16, "num_attention_heads": 12},
       "text_config": {"model_type": "llama", "architectures": ["VLlama3ForCausalLM"], "hidden_size": 24,
        "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 3, "vocab_size": 10,
        "rope_theta": 100000, "rope_scaling": null, "rms_norm_eps": 1e-05, "_flash_attn_2_enabled": true}}
      """
    let configuration = try decode(text)
    #expect(configuration.text.ropeTheta == 100_000 && configuration.text.keyValueHeads == 3)
    #expect(configuration.text.headWidth == 8 && configuration.vision.layers == 12)
    #expect(!configuration.tiesEmbeddings && configuration.endTokens == [])
  }

  /// transformers: `rope_scaling or rope_parameters`, each with or without the base.
  @Test(
    arguments: [
      (#""rope_parameters": {"rope_theta": 500, "rope_type": "default"}"#, 500, nil),
      (#""rope_parameters": {"rope_theta": 500}, "rope_scaling": null"#, 500, nil),
      (#""rope_parameters": {"rope_theta": 500}, "rope_scaling": {}"#, 500, nil),
      (#""rope_parameters": {"rope_theta": 500}, "rope_scaling": {"type": "linear", "factor": 3}"#, 700, 3),
      (
        #""rope_parameters": {"rope_theta": 500}, "rope_scaling": {"rope_type": "linear", "factor": 3, "rope_theta": 9}"#,
        9, 3
      ),
    ] as [(String, Double, Double?)]) func scaledPositionsAreThoseOfTransformers(
      _ keys: String, base: Double, factor: Double?
    ) throws
  {
    let text = """
      {"model_type": "idefics3", "image_token_id": 9, "scale_factor": 2,
       "vision_config": {"hidden_size": 768, "image_size": 64, "patch_size": 16, "num_attention_heads": 12},
       "text_config": {"model_type": "llama", "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 3, "vocab_size": 10, "rope_theta": 700, \(keys)}}
      """
    let read = try decode(text).text
    #expect(read.ropeTheta == base)
    #expect(read.ropeScaling == factor.map { .linear(factor: $0) } ?? .none)
  }

  @Test(
    arguments: [
      ("model_type", "\"llava\""), ("text_config", nil), ("image_size", "0"), ("image_size", "3"),
      ("patch_size", "\"8\""), ("scale_factor", "3"), ("image_token_id", "19"), ("head_dim", "3"),
      ("num_key_value_heads", "4"), ("rms_norm_eps", "-1"), ("rope_type", "\"yarn\""), ("hidden_act", "\"relu\""),
      ("mlp_bias", "1"), ("hidden_size", "1e30"), ("vocab_size", "99999999999999"), ("vision_config", "5"),
      ("tie_word_embeddings", "1"), ("intermediate_size", "2.5"), ("num_channels", "1"),
    ] as [(String, String?)])
  func impossibleSettingsAreRefusedNamingFileAndKey(_ key: String, _ value: String?) {
    do {
      _ = try decode(changed(key, to: value))
      Issue.record("\(key) = \(value ?? "absent") was accepted")
    } catch let error as UserError {
      #expect(error.message.contains("config.json"))
      #expect(error.message.contains(key) || error.message.contains("not valid JSON"), "\(error.message)")
      #expect(error.kind == .badInput)
    } catch {
      Issue.record("not a UserError: \(error)")
    }
  }

  @Test func everyProblemIsReportedAtOnce() {
    var c = TinyModels.configuration()
    c.vision.heads = 3
    c.imageToken = 40
    do {
      try c.validate()
      Issue.record("accepted")
    } catch {
      #expect("\(error)".contains("num_attention_heads") && "\(error)".contains("image_token_id"))
    }
  }
}
