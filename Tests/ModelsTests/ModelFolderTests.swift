import Autograd
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Models

@Suite struct ModelFolderTests {
  private func saved(_ folder: URL, tied: Bool = false) throws -> Idefics3<Float> {
    let model = TinyModels.model(TinyModels.configuration(tied: tied), as: Float.self, trainable: false)
    try ModelFolder.save(model, to: folder)
    return model
  }

  private func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch let error as UserError {
      return error.message
    } catch {
      return "not a UserError: \(error)"
    }
  }

  @Test(arguments: [false, true]) func aSavedModelComesBackBitForBit(tied: Bool) throws {
    try withTemporaryFolder { folder in
      let model = try saved(folder, tied: tied)
      let opened = try ModelFolder(folder)
      #expect(opened.configuration as? Idefics3Configuration == model.configuration)
      let back = try opened.model(as: Float.self)
      for parameter in model.arena.parameters {
        #expect(back.arena[parameter.name].value.array == parameter.value.array)
      }
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      #expect(names == ["config.json", "generation_config.json", "model.safetensors"])
    }
  }

  @Test(.enabled(if: SharedFiles.has("cases/models"))) func aTransformersFolderSavesToTheSameTensors() throws {
    let path = "cases/models/tiny_idefics3"
    try withTemporaryFolder { folder in
      let original = try ModelFolder(SharedFiles.url(path))
      try ModelFolder.save(original.model(as: Float.self), to: folder)
      let before = try SafetensorsFile(contentsOf: original.url.appendingPathComponent("model.safetensors"))
      let after = try SafetensorsFile(contentsOf: folder.appendingPathComponent("model.safetensors"))
      #expect(before.names == after.names)
      for name in before.names {
        let (old, new): (Tensor<Float>, Tensor<Float>) = (try before.tensor(name), try after.tensor(name))
        #expect(old.shape == new.shape && old.array == new.array)
      }
      #expect(
        try Idefics3Configuration(contentsOf: folder.appendingPathComponent("config.json"))
          == original.idefics3Configuration())
    }
  }

  /// Splits model.safetensors into two parts with an index.
  private func split(_ folder: URL) throws {
    let single = folder.appendingPathComponent("model.safetensors")
    let file = try SafetensorsFile(contentsOf: single)
    var map: [String: JSONValue] = [:]
    for part in 0..<2 {
      let name = "model-0000\(part + 1)-of-00002.safetensors"
      var writer = SafetensorsWriter()
      for (index, tensor) in file.names.enumerated() where index % 2 == part {
        writer.add(tensor, try file.tensor(tensor, as: Float.self))
        map[tensor] = .string(name)
      }
      try writer.write(to: folder.appendingPathComponent(name))
    }
    let index = JSONValue.object(["metadata": .object(["total_size": .integer(1)]), "weight_map": .object(map)])
    try Data(index.text().utf8).write(to: folder.appendingPathComponent("model.safetensors.index.json"))
    try FileManager.default.removeItem(at: single)
  }

  @Test func shardsAreReadAndAnAbsentPartIsNamed() throws {
    try withTemporaryFolder { folder in
      let model = try saved(folder)
      try split(folder)
      let back = try ModelFolder(folder).model(as: Float.self)
      for parameter in model.arena.parameters {
        #expect(back.arena[parameter.name].value.array == parameter.value.array)
      }
      let part = folder.appendingPathComponent("model-00001-of-00002.safetensors")
      let file = try SafetensorsFile(contentsOf: part)
      var writer = SafetensorsWriter()
      for name in file.names { writer.add(name, try file.tensor(name, as: Float.self)) }
      writer.add("model.extra", Tensor<Float>(zeros: [2]))
      try writer.write(to: part)
      #expect(message { _ = try ModelFolder(folder) }.contains("model.extra is not part"))
      try FileManager.default.removeItem(at: folder.appendingPathComponent("model-00002-of-00002.safetensors"))
      #expect(message { _ = try ModelFolder(folder) }.contains("model-00002-of-00002.safetensors"))
    }
  }

  @Test func missingExtraAndMisshapenTensorsAreNamedWithWhatWasExpected() throws {
    try withTemporaryFolder { folder in
      let model = try saved(folder)
      var writer = SafetensorsWriter()
      for parameter in model.arena.parameters {
        switch parameter.name {
        case "lm_head.weight": break
        case "model.text_model.norm.weight": writer.add(parameter.name, Tensor<Float>(zeros: [5]))
        default: writer.add(parameter.name, parameter.value)
        }
      }
      writer.add("model.extra", Tensor<Float>(zeros: [2]))
      writer.add("model.numbers", integers: [1], shape: [1])
      try writer.write(to: folder.appendingPathComponent("model.safetensors"))
      let text = message { _ = try ModelFolder(folder) }
      #expect(text.contains("lm_head.weight is missing, expected with shape [19, 12]"))
      #expect(text.contains("model.text_model.norm.weight has shape [5], expected [12]"))
      #expect(text.contains("model.extra is not part") && text.contains("model.numbers is not part"))
    }
  }

  @Test func weightsThatAreNotFiniteAreNamed() throws {
    try withTemporaryFolder { folder in
      let model = try saved(folder)
      model.arena["lm_head.weight"].value[3] = .nan
      try ModelFolder.save(model, to: folder)
      #expect(message { _ = try ModelFolder(folder).model(as: Float.self) }.contains("lm_head.weight"))
    }
  }

  @Test func halfPrecisionWeightsAreConverted() throws {
    try withTemporaryFolder { folder in
      let model = try saved(folder)
      for (type, bits) in [("BF16", { UInt16($0.bitPattern >> 16) }), ("F16", Self.half)]
        as [(String, (Float) -> UInt16)]
      {
        try writeHalves(model, type: type, bits: bits, to: folder.appendingPathComponent("model.safetensors"))
        let back = try ModelFolder(folder).model(as: Float.self)
        for parameter in model.arena.parameters {
          for (old, new) in zip(parameter.value.array, back.arena[parameter.name].value.array) {
            #expect(abs(old - new) <= 0.01 * abs(old) + 1e-4)
          }
        }
      }
    }
  }

  /// Truncates to half precision; enough for normal numbers.
  private static func half(_ value: Float) -> UInt16 {
    let exponent = Int(value.bitPattern >> 23 & 0xFF) - 127 + 15
    guard exponent > 0 else { return 0 }
    return UInt16(value.sign == .minus ? 0x8000 : 0) | UInt16(exponent << 10) | UInt16(value.bitPattern >> 13 & 0x3FF)
  }

  private func writeHalves(_ model: Idefics3<Float>, type: String, bits: (Float) -> UInt16, to url: URL) throws {
    var header: [String: JSONValue] = [:]
    var body = Data()
    for parameter in model.arena.parameters {
      let start = body.count
      for value in parameter.value.array {
        withUnsafeBytes(of: bits(value).littleEndian) { body.append(contentsOf: $0) }
      }
      header[parameter.name] = .object([
        "dtype": .string(type), "shape": .array(parameter.value.shape.map { .integer($0) }),
        "data_offsets": .array([.integer(start), .integer(body.count)]),
      ])
    }
    let text = Data(JSONValue.object(header).text().utf8)
    var file = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) }
    file.append(text)
    file.append(body)
    try file.write(to: url)
  }

  @Test func damagedFoldersAreRefusedNeverTrapped() throws {
    try withTemporaryFolder { folder in
      _ = try saved(folder)
      var random = CounterRandom(seed: 8, purpose: "damage")
      for name in ["config.json", "model.safetensors"] {
        let url = folder.appendingPathComponent(name)
        let sound = try Data(contentsOf: url)
        for trial in 0..<120 {
          var damaged = sound
          if trial % 3 == 0 {
            damaged = sound.prefix(random.integer(below: sound.count))
          } else {
            for _ in 0...random.integer(below: 4) {
              // The header of the weights is where a change has consequences.
              damaged[random.integer(below: min(sound.count, 4000))] = UInt8(random.integer(below: 256))
            }
          }
          try damaged.write(to: url)
          let text = message { _ = try ModelFolder(folder).model(as: Float.self) }
          #expect(!text.hasPrefix("not a UserError"), "\(text)")
        }
        try sound.write(to: url)
      }
      #expect(throws: UserError.self) { try ModelFolder(folder.appendingPathComponent("absent")) }
      try FileManager.default.removeItem(at: folder.appendingPathComponent("model.safetensors"))
      #expect(message { _ = try ModelFolder(folder) }.contains("model.safetensors"))
    }
  }
}
