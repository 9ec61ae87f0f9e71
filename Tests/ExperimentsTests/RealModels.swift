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

  /// Changes keys of a JSON file of a folder; nil removes a key.
  func change(_ folder: URL, _ file: String, _ keys: [String: Any?]) throws {
    let url = folder.appendingPathComponent(file)
    let data = (try? Data(contentsOf: url)) ?? Data("{}".utf8)
    var object = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    for (key, value) in keys { object[key] = value }
    try JSONSerialization.data(withJSONObject: object).write(to: url)
  }

  /// Makes the teacher a LLaVA-NeXT of the same widths with random weights, which cuts images into tiles.
  func makeTeacherCutImages() throws {
    guard var configuration = try ModelFolder(teacher).configuration as? LlavaConfiguration else {
      throw UserError(.internalFault, "tiny_llava is a LLaVA")
    }
    let sizes = [(56, 112), (112, 56), (112, 112)]
    configuration.tiling = TileGrid(resolutions: sizes.map { ImageSize(height: $0.0, width: $0.1) })
    let arena = ParameterArena<Float>(layout: configuration.layout, trainable: false)
    arena.initialise(seed: 5)
    try ModelFolder.save(configuration.model(in: arena), to: teacher)
    try change(
      teacher, "preprocessor_config.json",
      ["image_processor_type": "LlavaNextImageProcessor", "image_grid_pinpoints": sizes.map { [$0.0, $0.1] }])
  }
}
