import Autograd
import Cardiology
import Foundation
import Models
import Tensors
import TestSupport

/// Model folders as they come from Hugging Face, a student of one family and teachers of others, and conversations about
/// pictures for them.
struct RealModels {
  let folder: URL
  var student: URL { folder.appendingPathComponent("student") }
  var teacher: URL { folder.appendingPathComponent("teacher") }
  var chat: URL { folder.appendingPathComponent("chat.json") }
  var images: URL { folder.appendingPathComponent("images") }

  static var areThere: Bool {
    SharedFiles.has("cases/models/tiny_idefics3") && SharedFiles.has("cases/models/tiny_llava")
  }

  static let idefics3Template =
    "<|im_start|>{% for m in messages %}{{ m.role | capitalize }}: {{ m.content }}<end_of_utterance>\n{% endfor %}"
  static let vicunaTemplate = "{% for m in messages %}{{ m.role.upper() }}: {{ m.content }} {% endfor %}ASSISTANT:"

  /// A fixture's model files with a chat template, in a folder that tests may change.
  private static func copy(_ name: String, to target: URL, template: String) throws {
    try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
    for file in [
      "config.json", "generation_config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json",
      "tokenizer_config.json",
    ] {
      try Data(contentsOf: SharedFiles.url("cases/models/\(name)/\(file)"))
        .write(to: target.appendingPathComponent(file))
    }
    try Data(template.utf8).write(to: target.appendingPathComponent("chat_template.jinja"))
  }

  init(in folder: URL) throws {
    self.folder = folder
    try Self.copy("tiny_idefics3", to: student, template: Self.idefics3Template)
    try Self.copy("tiny_llava", to: teacher, template: Self.vicunaTemplate)
    try writeChat()
  }

  /// Eight entries: pictures of several shapes, two in one entry, several turns, and text alone.
  private func writeChat() throws {
    try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
    for (number, (width, height)) in [(150, 70), (70, 150), (96, 96), (60, 40)].enumerated() {
      let pixels = (0..<width * height * 3).map { UInt8(truncatingIfNeeded: ($0 / 3 % width) * (number + 2) + $0 / 97) }
      try RasterImage(width: width, height: height, pixels: pixels)
        .writePNG(to: images.appendingPathComponent("\(number).png"))
    }
    func entry(_ id: Int, _ images: [Int], _ turns: [String]) -> [String: Any] {
      var entry: [String: Any] = ["id": id]
      if !images.isEmpty { entry["image"] = images.map { "\($0).png" } }
      entry["conversations"] = turns.enumerated().map { place, text in
        [
          "from": place % 2 == 0 ? "human" : "gpt",
          "value": (place == 0 ? String(repeating: "<image>\n", count: images.count) : "") + text,
        ]
      }
      return entry
    }
    let entries = [
      entry(1, [0], ["Is the axis normal?", "Yes", "Why?", "I and aVF are positive."]),
      entry(2, [1], ["What is the rate?", "72 per minute"]),
      entry(3, [0, 2], ["Do the two differ?", "The second is wider."]),
      entry(4, [], ["What is a P wave?", "Atrial depolarisation."]),
      entry(5, [2], ["Is there a block?", "No"]),
      entry(6, [3], ["Which rhythm?", "Sinus rhythm", "Sure?", "Yes", "Rate?", "60"]),
      entry(7, [1], ["Hypertrophy?", "No"]), entry(8, [3], ["Infarction?", "Yes, inferior."]),
    ]
    try JSONSerialization.data(withJSONObject: entries).write(to: chat)
  }

  /// Shows pictures behind the first answer: beside one before it in the third entry, alone in the eighth.
  func showPicturesLate() throws {
    var entries = try JSONSerialization.jsonObject(with: Data(contentsOf: chat)) as? [[String: Any]] ?? []
    func turns(_ texts: [String]) -> [[String: String]] {
      texts.enumerated().map { ["from": $0.offset % 2 == 0 ? "human" : "gpt", "value": $0.element] }
    }
    entries[2]["conversations"] = turns(
      ["<image>\nIs it normal?", "Yes", "<image>\nDo the two differ?", "The second is wider."])
    entries[7]["conversations"] = turns(["What is a block?", "A delay.", "<image>\nIs there one?", "Yes"])
    try JSONSerialization.data(withJSONObject: entries).write(to: chat)
  }

  /// Changes keys of a JSON file of a folder; nil removes a key.
  func change(_ folder: URL, _ file: String, _ keys: [String: Any?]) throws {
    let url = folder.appendingPathComponent(file)
    let data = (try? Data(contentsOf: url)) ?? Data("{}".utf8)
    var object = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    for (key, value) in keys { object[key] = value }
    try JSONSerialization.data(withJSONObject: object).write(to: url)
  }

  /// Makes the teacher a LLaVA-NeXT of the same widths with random weights, which cuts images into tiles.
  func makeTeacherCutImages(to sizes: [(height: Int, width: Int)] = [(56, 112), (112, 56), (112, 112)]) throws {
    guard var configuration = try ModelFolder(teacher).configuration as? LlavaConfiguration else {
      throw UserError(.internalFault, "tiny_llava is a LLaVA")
    }
    configuration.tiling = TileGrid(resolutions: sizes.map { ImageSize(height: $0.0, width: $0.1) })
    let arena = ParameterArena<Float>(layout: configuration.layout, trainable: false)
    arena.initialise(seed: 5)
    try ModelFolder.save(configuration.model(in: arena), to: teacher)
    try change(
      teacher, "preprocessor_config.json",
      ["image_processor_type": "LlavaNextImageProcessor", "image_grid_pinpoints": sizes.map { [$0.0, $0.1] }])
  }

  /// Lays the teacher, a LLaVA-NeXT, out as the original LLaVA code leaves a folder: the decoder's keys at the top of
  /// config.json, other names of tensors, the tower beside them, no image processor, no template, and neither tokenizer
  /// nor vocabulary with `<image>` and `<pad>`.
  func makeTeacherOriginal() throws {
    func object(_ value: JSONValue?) -> [String: JSONValue] {
      Dictionary((value?.object ?? []).map { ($0.key, $0.value) }) { $1 }
    }
    func parsed(_ name: String) throws -> JSONValue {
      try JSONValue(parsing: Data(contentsOf: teacher.appendingPathComponent(name)), file: name)
    }
    func write(_ fields: [String: JSONValue], _ name: String) throws {
      try Data(JSONValue.object(fields).text().utf8).write(to: teacher.appendingPathComponent(name))
    }
    let manager = FileManager.default
    let tower = teacher.appendingPathComponent("vision_tower")
    try manager.createDirectory(at: tower, withIntermediateDirectories: true)
    let old = try parsed("config.json")
    try write(object(old["vision_config"]), "vision_tower/config.json")
    let pairs = old["image_grid_pinpoints"]?.array ?? []
    let words = 520
    try write(
      object(old["text_config"]).merging([
        "model_type": .string("llava_llama"), "vocab_size": .integer(words), "mm_vision_tower": .string("some/tower"),
        "mm_projector_type": .string("mlp2x_gelu"), "mm_patch_merge_type": .string("spatial_unpad"),
        "mm_vision_select_layer": .integer(-2), "mm_vision_select_feature": .string("patch"),
        "image_aspect_ratio": .string("anyres"),
        "image_grid_pinpoints": .array(pairs.map { .array(Array(($0.array ?? []).reversed())) }),
      ]) { $1 }, "config.json")
    var tokenizer = object(try parsed("tokenizer.json"))
    tokenizer["added_tokens"] = .array(
      (tokenizer["added_tokens"]?.array ?? []).filter { !["<image>", "<pad>"].contains($0["content"]?.string) })
    try write(tokenizer, "tokenizer.json")
    for name in ["preprocessor_config.json", "chat_template.jinja"] {
      try manager.removeItem(at: teacher.appendingPathComponent(name))
    }
    try writeOriginalWeights(tower: tower, words: words)
  }

  private func writeOriginalWeights(tower: URL, words: Int) throws {
    let file = teacher.appendingPathComponent("model.safetensors")
    let source = try SafetensorsFile(contentsOf: file)
    var (own, seeing) = (SafetensorsWriter(), SafetensorsWriter())
    for name in source.names {
      let tensor: Tensor<Float> = try source.tensor(name)
      if name.hasPrefix("vision_tower.") {
        seeing.add("vision_model." + name.dropFirst("vision_tower.".count), tensor)
        continue
      }
      let isTable = name.hasSuffix("embed_tokens.weight") || name.hasSuffix("lm_head.weight")
      let original =
        name.hasPrefix("language_model.")
        ? String(name.dropFirst("language_model.".count))
        : "model."
          + name.replacing("multi_modal_projector.linear_1", with: "mm_projector.0")
          .replacing("multi_modal_projector.linear_2", with: "mm_projector.2")
      own.add(original, isTable ? tensor.slice(0..<words).copy() : tensor)
    }
    try seeing.write(to: tower.appendingPathComponent("model.safetensors"))
    let partial = teacher.appendingPathComponent("original.safetensors")
    try own.write(to: partial)
    try FileManager.default.removeItem(at: file)
    try FileManager.default.moveItem(at: partial, to: file)
  }
}
