import Foundation
import Tensors

/// A tensor in one of a folder's files, under the name it has there.
struct StoredTensor {
  let name: String
  let file: SafetensorsFile
  /// What stands in front of the name when it is compared with the model's: the part of the model the file is for.
  var part = ""

  /// The name by which the model's table of names knows the tensor.
  var fullName: String { part + name }

  var entry: SafetensorsFile.Entry? { file.entries[name] }
  /// The name with its file, for messages.
  var place: String { "\(file.url.path): tensor \(name)" }
}

/// The safetensors files of a model folder: model.safetensors, or several with model.safetensors.index.json, and for
/// folders of the original LLaVA that only name their vision tower, the tower's own below `vision_tower`.
enum WeightFiles {
  static let single = "model.safetensors"
  static let index = "model.safetensors.index.json"

  /// All tensors of the folder. - Throws: `UserError` naming a file or tensor that is missing or damaged.
  static func tensors(in folder: URL) throws -> [StoredTensor] {
    let tower = folder.appendingPathComponent(OriginalLlava.towerFolder)
    guard FileManager.default.fileExists(atPath: tower.path) else { return try ownTensors(in: folder) }
    return try ownTensors(in: folder)
      + ownTensors(in: tower).map {
        StoredTensor(name: $0.name, file: $0.file, part: OriginalLlava.towerFolder + ".")
      }
  }

  private static func ownTensors(in folder: URL) throws -> [StoredTensor] {
    func isPresent(_ name: String) -> Bool {
      FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path)
    }
    if isPresent(single) || !isPresent(index) {
      guard isPresent(single) else {
        let pickled = isPresent("pytorch_model.bin") || isPresent("pytorch_model.bin.index.json")
        throw UserError(
          .inputOutput, "\(folder.path) holds neither \(single) nor \(index)",
          remedy: pickled
            ? "its weights are in PyTorch's pickle format: save them with save_pretrained(safe_serialization=True)"
            : "copy or download the folder again")
      }
      let file = try SafetensorsFile(contentsOf: folder.appendingPathComponent(single))
      return file.names.map { StoredTensor(name: $0, file: file) }
    }
    return try parts(of: folder)
  }

  private static func parts(of folder: URL) throws -> [StoredTensor] {
    let place = folder.appendingPathComponent(index)
    let map = try JSONFields(contentsOf: place).object("weight_map")
    var files: [String: SafetensorsFile] = [:]
    var result: [StoredTensor] = []
    for name in map.values.keys.sorted() {
      let part = try map.string(name)
      guard !part.contains("/"), part.hasSuffix(".safetensors") else {
        throw map.wrong(name, expected: "the name of a safetensors file in the folder")
      }
      let location = folder.appendingPathComponent(part)
      guard FileManager.default.fileExists(atPath: location.path) else {
        throw UserError(
          .badInput, "\(place.path) names \(part), which is not in the folder",
          remedy: "copy or download the folder again")
      }
      let file = try files[part] ?? SafetensorsFile(contentsOf: location)
      files[part] = file
      guard file.entries[name] != nil else {
        throw UserError(
          .badInput, "\(place.path) places tensor \(name) in \(part), which does not hold it",
          remedy: "fetch the model folder again, in full")
      }
      result.append(StoredTensor(name: name, file: file))
    }
    // What a part holds beyond the index counts, too, as it does for transformers.
    let unlisted = files.values.sorted { $0.url.path < $1.url.path }.flatMap { file in
      file.names.filter { map.values[$0] == nil }.map { StoredTensor(name: $0, file: file) }
    }
    return result + unlisted
  }
}
