import Foundation
import TestSupport
import Testing

@testable import Models
@testable import Tensors

/// What is written is laid out as what was read; that transformers loads it is checked by `expected_models.py export`.
@Suite struct SaveTests {
  @Test(arguments: ["idefics3_tied", "llava_list_full", "llava_next"]) func aFolderComesBackByteForByte(_ name: String)
    throws
  {
    try withTemporaryFolder { folder in
      let target = folder.appendingPathComponent("saved")
      try Recorded.copy(name, to: folder)
      try Data("{\"any\": 1}".utf8).write(to: folder.appendingPathComponent("tokenizer.json"))
      let source = try ModelFolder(folder)
      try ModelFolder.save(source.model(as: Float.self), to: target, like: source)
      for file in ["config.json", "tokenizer.json"] {
        #expect(
          try Data(contentsOf: folder.appendingPathComponent(file))
            == Data(contentsOf: target.appendingPathComponent(file)))
      }
      let (old, new) = (
        try SafetensorsFile(contentsOf: folder.appendingPathComponent("model.safetensors")),
        try SafetensorsFile(contentsOf: target.appendingPathComponent("model.safetensors"))
      )
      #expect(old.names == new.names)
      for tensor in old.names { #expect(try new.hasSameBytes(tensor, as: tensor, in: old)) }
    }
  }

  @Test func bfloat16IsRoundedAndNamedInTheConfiguration() throws {
    try withTemporaryFolder { folder in
      let source = try ModelFolder(Recorded.folder("llava_qwen2"))
      let model = try source.model(as: Float.self)
      try ModelFolder.save(model, to: folder, as: .bfloat16, like: source)
      let text = try String(contentsOf: folder.appendingPathComponent("config.json"), encoding: .utf8)
      #expect(text.contains("\"dtype\": \"bfloat16\"") && !text.contains("float32"))
      let file = try SafetensorsFile(contentsOf: folder.appendingPathComponent("model.safetensors"))
      #expect(file.entries.values.allSatisfy { $0.type == "BF16" })
      let back = try ModelFolder(folder).model(as: Float.self)
      for parameter in model.arena.parameters {
        for (old, new) in zip(parameter.value.array, back.arena[parameter.name].value.array) {
          #expect(abs(old - new) <= abs(old) / 256)
        }
      }
    }
  }

  @Test func roundingToBFloat16GoesToTheNearestAndToEven() {
    let cases: [(Float, UInt16)] = [
      (1, 0x3F80), (-2.5, 0xC020), (0, 0), (.infinity, 0x7F80), (.greatestFiniteMagnitude, 0x7F80),
      (Float(bitPattern: 0x3F80_8000), 0x3F80), (Float(bitPattern: 0x3F81_8000), 0x3F82),
      (Float(bitPattern: 0x3F80_8001), 0x3F81), (Float(bitPattern: 0x3F80_7FFF), 0x3F80),
    ]
    for (value, bits) in cases { #expect(BFloat16(value).bits == bits, "\(value)") }
    #expect(BFloat16(.nan).value.isNaN)
  }

  @Test func largeModelsAreCutIntoPartsWithAnIndex() throws {
    try withTemporaryFolder { folder in
      let model = try ModelFolder(Recorded.folder("llava_next")).model(as: Float.self)
      try ModelFolder.save(model, to: folder)
      try ModelFolder.save(model, to: folder, partBytes: 30_000)
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      let parts = names.filter { $0.hasPrefix("model-0000") }
      #expect(parts.count > 2 && !names.contains("model.safetensors"), "\(names)")
      #expect(parts.allSatisfy { $0.hasSuffix("-of-0000\(parts.count).safetensors") })
      let index = try JSONFields(contentsOf: folder.appendingPathComponent("model.safetensors.index.json"))
      #expect(try index.object("metadata").integer("total_size") == 4 * model.shape.parameterCount)
      let back = try ModelFolder(folder).model(as: Float.self)
      for parameter in model.arena.parameters {
        #expect(back.arena[parameter.name].value.array == parameter.value.array)
      }
      // And in one piece again: the index must not contradict.
      try ModelFolder.save(model, to: folder)
      #expect(
        !FileManager.default.fileExists(atPath: folder.appendingPathComponent("model.safetensors.index.json").path))
    }
  }

  @Test func damagedIndexesAreRefusedNeverTrapped() throws {
    try withTemporaryFolder { folder in
      let model = try ModelFolder(Recorded.folder("llava_next")).model(as: Float.self)
      try ModelFolder.save(model, to: folder, partBytes: 30_000)
      let url = folder.appendingPathComponent("model.safetensors.index.json")
      let sound = try Data(contentsOf: url)
      var random = CounterRandom(seed: 9, purpose: "index")
      for trial in 0..<60 {
        var damaged = sound
        if trial % 3 == 0 {
          damaged = sound.prefix(random.integer(below: sound.count))
        } else {
          for _ in 0...random.integer(below: 4) {
            damaged[random.integer(below: sound.count)] = UInt8(random.integer(below: 256))
          }
        }
        try damaged.write(to: url)
        let message = Recorded.message { _ = try ModelFolder(folder) }
        #expect(!message.hasPrefix("not a UserError"), "\(message)")
      }
      for text in [
        "[]", "{}", "{\"weight_map\": 3}", "{\"weight_map\": {\"a\": 3}}", "{\"weight_map\": {\"a\": \"../x\"}}",
      ] {
        try Data(text.utf8).write(to: url)
        #expect(Recorded.message { _ = try ModelFolder(folder) }.contains("model.safetensors.index.json"))
      }
    }
  }

  @Test func aTiedMatrixStoredTwiceMustBeOne() throws {
    try withTemporaryFolder { folder in
      try Recorded.copy("idefics3_tied", to: folder)
      let file = folder.appendingPathComponent("model.safetensors")
      let source = try SafetensorsFile(contentsOf: file)
      let embedding: Tensor<Float> = try source.tensor(Idefics3Configuration.embeddingName)
      let other = folder.appendingPathComponent("other.safetensors")
      for (factor, isFine) in [(Float(1), true), (2, false)] {
        var writer = SafetensorsWriter()
        for name in source.names { writer.add(name, try source.tensor(name, as: Float.self)) }
        let head = embedding.copy()
        head.scale(by: factor)
        writer.add(Idefics3Configuration.headName, head)
        try writer.write(to: other)
        // The source stays mapped, so the file is replaced, not overwritten.
        try Recorded.replace(file, by: other)
        let message = Recorded.message { _ = try ModelFolder(folder).model(as: Float.self) }
        #expect(isFine ? message.isEmpty : message.contains("tie_word_embeddings"), "\(message)")
      }
      // Stored as the head alone.
      try Recorded.rename(file, to: other) {
        $0 == Idefics3Configuration.headName ? nil : $0 == Idefics3Configuration.embeddingName ? "lm_head.weight" : $0
      }
      try Recorded.replace(file, by: other)
      #expect(
        try ModelFolder(folder).model(as: Float.self).arena[Idefics3Configuration.embeddingName].value.array
          == embedding.array)
    }
  }

  @Test func whatEndsAnAnswerStandsInGenerationConfig() throws {
    try withTemporaryFolder { folder in
      try Recorded.copy("idefics3_tied", to: folder)
      let file = folder.appendingPathComponent("generation_config.json")
      try Data("{\"eos_token_id\": [5, 7]}".utf8).write(to: file)
      #expect(try ModelFolder(folder).configuration.endTokens == [5, 7])
      try Data("{\"eos_token_id\": \"x\"}".utf8).write(to: file)
      #expect(Recorded.message { _ = try ModelFolder(folder) }.contains("eos_token_id"))
    }
  }
}
