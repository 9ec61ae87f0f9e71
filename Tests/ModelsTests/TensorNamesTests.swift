import Foundation
import Tensors
import TestSupport
import Testing

@testable import Models

/// The names weights have had in files of different origin: all lead to the same model.
@Suite struct TensorNamesTests {
  private static let asInMemory: @Sendable (String) -> String = { name in
    if name == "language_model.lm_head.weight" { return "lm_head.weight" }
    return "model." + name.replacing("language_model.model.", with: "language_model.")
  }
  private static let olderClip: @Sendable (String) -> String = {
    $0.replacing("vision_tower.", with: "vision_tower.vision_model.")
  }
  private static let original: @Sendable (String) -> String = { name in
    if name == "language_model.lm_head.weight" { return "lm_head.weight" }
    if name.hasPrefix("language_model.model.") { return String(name.dropFirst("language_".count + "model.".count)) }
    return "model."
      + name.replacing("multi_modal_projector.linear_1", with: "mm_projector.0")
      .replacing("multi_modal_projector.linear_2", with: "mm_projector.2")
      .replacing("vision_tower.", with: "vision_tower.vision_tower.vision_model.")
  }

  private func rename(_ folder: URL, _ name: (String) -> String?) throws {
    let file = folder.appendingPathComponent("model.safetensors")
    let partial = folder.appendingPathComponent("renamed.safetensors")
    try Recorded.rename(file, to: partial, name)
    try Recorded.replace(file, by: partial)
  }

  private func expectSameWeights(_ folder: URL, as name: String) throws {
    let found = try ModelFolder(folder).model(as: Float.self)
    let expected = try ModelFolder(Recorded.folder(name)).model(as: Float.self)
    for parameter in expected.arena.parameters {
      #expect(found.arena[parameter.name].value.array == parameter.value.array, "\(parameter.name)")
    }
  }

  @Test(arguments: [asInMemory, olderClip]) func everyLayoutOfTransformersIsRead(
    _ spelling: @Sendable (String) -> String
  ) throws {
    for name in ["llava_next", "llava_qwen2"] {
      try withTemporaryFolder { folder in
        try Recorded.copy(name, to: folder)
        try rename(folder, spelling)
        try expectSameWeights(folder, as: name)
      }
    }
  }

  @Test func anIdefics3BodyWithoutItsPrefixIsRead() throws {
    try withTemporaryFolder { folder in
      try Recorded.copy("idefics3_tied", to: folder)
      try rename(folder) { $0.hasPrefix("model.") ? String($0.dropFirst("model.".count)) : $0 }
      try expectSameWeights(folder, as: "idefics3_tied")
    }
  }

  @Test func buffersAreToleratedAndTwoNamesForOneTensorAreNot() throws {
    try withTemporaryFolder { folder in
      try Recorded.copy("llava_next", to: folder)
      let file = folder.appendingPathComponent("model.safetensors")
      let source = try SafetensorsFile(contentsOf: file)
      var writer = SafetensorsWriter()
      for name in source.names { writer.add(name, try source.tensor(name, as: Float.self)) }
      writer.add("language_model.model.layers.0.self_attn.rotary_emb.inv_freq", Tensor<Float>(zeros: [3]))
      writer.add("vision_tower.vision_model.embeddings.position_ids", integers: [0, 1], shape: [1, 2])
      let sound = folder.appendingPathComponent("sound.safetensors")
      try writer.write(to: sound)
      writer.add("lm_head.weight", Tensor<Float>(zeros: [70, 24]))
      let double = folder.appendingPathComponent("double.safetensors")
      try writer.write(to: double)
      try Recorded.replace(file, by: sound)
      try expectSameWeights(folder, as: "llava_next")
      try Recorded.replace(file, by: double)
      let message = Recorded.message { _ = try ModelFolder(folder) }
      #expect(
        message.contains("language_model.lm_head.weight and lm_head.weight")
          || message.contains("lm_head.weight and language_model.lm_head.weight"), "\(message)")
    }
  }

  /// A folder of the original code, as PULSE-7B is one: other keys, other names, the tower in it or beside it.
  @Test func theOriginalLayoutIsReadWithItsTowerInItOrBesideIt() throws {
    try withTemporaryFolder { folder in
      try writeOriginal(folder)
      let tower = folder.appendingPathComponent("vision_tower")
      try rename(folder, Self.original)
      try expectSameWeights(folder, as: "llava_next")

      let file = folder.appendingPathComponent("model.safetensors")
      let weights = tower.appendingPathComponent("model.safetensors")
      let prefix = "model.vision_tower.vision_tower."
      try Recorded.rename(file, to: weights) {
        $0.hasPrefix(prefix) ? String($0.dropFirst(prefix.count)) : nil
      }
      try expectSameWeights(folder, as: "llava_next")  // the model's own tower counts
      try rename(folder) { $0.hasPrefix(prefix) ? nil : $0 }
      try expectSameWeights(folder, as: "llava_next")

      try FileManager.default.removeItem(at: weights)
      try Recorded.rename(Recorded.folder("llava_next").appendingPathComponent("model.safetensors"), to: weights) { _ in
        nil
      }
      let message = Recorded.message { _ = try ModelFolder(folder) }
      #expect(message.contains("mm_vision_tower") && message.contains(tower.path), "\(message)")
      #expect(message.contains("vision_tower.embeddings.class_embedding is missing"))
    }
  }

  /// The recorded LLaVA-NeXT model under the configuration the original code would have written, saved as transformers'.
  @Test func theOriginalLayoutIsSavedAsTransformersWritesIt() throws {
    try withTemporaryFolder { folder in
      try writeOriginal(folder)
      try rename(folder, Self.original)
      let source = try ModelFolder(folder)
      let target = folder.appendingPathComponent("saved")
      try ModelFolder.save(source.model(as: Float.self), to: target, like: source)
      let (own, expected) = (
        try SafetensorsFile(contentsOf: target.appendingPathComponent("model.safetensors")),
        try SafetensorsFile(contentsOf: Recorded.folder("llava_next").appendingPathComponent("model.safetensors"))
      )
      #expect(own.names == expected.names)
      let saved = try #require(try ModelFolder(target).configuration as? LlavaConfiguration)
      #expect(saved == source.configuration as? LlavaConfiguration && saved.tiling != nil)
      try expectSameWeights(target, as: "llava_next")
    }
  }

  /// Rows for new tokens are the mean of the old ones, whose logits stay as they are.
  @Test func aVocabularyIsExtended() throws {
    try withTemporaryFolder { folder in
      try writeOriginal(folder)
      try rename(folder, Self.original)
      let source = try ModelFolder(folder)
      let extended = try #require(ExtendedVocabulary(source, image: 70, pad: 71))
      #expect(extended.configuration.text.vocabularySize == 128 && extended.configuration.imageToken == 70)
      let target = folder.appendingPathComponent("saved")
      try ModelFolder.save(
        extended.configuration, to: target, as: .float32, like: source,
        weights: { entry in [{ try extended.tensor(entry) as Tensor<Float> }] })
      let (old, new) = (try source.model(as: Float.self).arena, try ModelFolder(target).model(as: Float.self).arena)
      for parameter in old.parameters {
        let (before, after) = (parameter.value, new[parameter.name].value)
        #expect(Array(after.array.prefix(before.count)) == before.array, "\(parameter.name)")
        let isTable = ["language_model.model.embed_tokens.weight", "language_model.lm_head.weight"].contains(
          parameter.name)
        #expect(after.shape[0] == (isTable ? 128 : before.shape[0]), "\(parameter.name)")
        guard isTable else { continue }
        for column in 0..<before.columns {
          let mean =
            stride(from: column, to: before.count, by: before.columns).map { Double(before[$0]) }
            .reduce(0, +) / Double(before.rows)
          for row in [70, 71, 127] { #expect(abs(Double(after[row * before.columns + column]) - mean) < 1e-6) }
        }
      }
      let within = try #require(ExtendedVocabulary(source, image: 68, pad: 69))
      #expect(within.configuration.text.vocabularySize == 70)
    }
  }

  private func writeOriginal(_ folder: URL) throws {
    try Recorded.copy("llava_next", to: folder)
    let tower = folder.appendingPathComponent("vision_tower")
    try FileManager.default.createDirectory(at: tower, withIntermediateDirectories: true)
    let place = folder.appendingPathComponent("config.json")
    let fields = try JSONFields(contentsOf: place)
    let vision = try fields.object("vision_config").values
    try Data(JSONValue.object(vision).text().utf8).write(to: tower.appendingPathComponent("config.json"))
    // The weights are still in the model's own file.
    var writer = SafetensorsWriter()
    writer.add("logit_scale", Tensor<Float>(zeros: [1]))
    try writer.write(to: tower.appendingPathComponent("model.safetensors"))
    var top = try fields.object("text_config").values
    top["model_type"] = .string("llava_llama")
    top["mm_vision_tower"] = .string("some/tower")
    top["mm_projector_type"] = .string("mlp2x_gelu")
    top["image_aspect_ratio"] = .string("anyres")
    top["mm_patch_merge_type"] = .string("spatial_unpad")
    // The original code names the width first.
    top["image_grid_pinpoints"] = fields.values["image_grid_pinpoints"]?.array.map { pairs in
      JSONValue.array(pairs.map { JSONValue.array(Array(($0.array ?? []).reversed())) })
    }
    top["image_token_index"] = fields.values["image_token_index"]
    try Data(JSONValue.object(top).text().utf8).write(to: place)
  }
}
