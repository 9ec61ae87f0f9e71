import Foundation
import Tensors

extension TeacherStore {
  /// Compares every file with its checksum and every sample's tensors with the index.
  ///
  /// - Returns: bytes read.
  /// - Throws: `UserError` (bad input) naming the first file or tensor that is wrong.
  /// - Complexity: reads the whole store once.
  @discardableResult
  public func verify() throws -> Int {
    for file in files where try Digest.sha256(fileAt: folder.appendingPathComponent(file.name)) != file.sha256 {
      throw damaged("\(file.name) differs from its SHA-256 in the index")
    }
    var views: Set<String> = []
    for name in index.samples {
      try check(name)
      guard let sample = StoredSample(name: name), views.insert(sample.view).inserted else { continue }
      _ = try visualTokens(of: sample)
      try check("visual/\(sample.view)", in: file(ofView: sample.view), [nil, index.teacher.visualWidth])
    }
    if let head = try head() {
      let entry = try head.entry("head")
      guard ["F32", "BF16"].contains(entry.type), entry.shape == [index.teacher.vocabulary, index.teacher.hiddenWidth]
      else {
        throw damaged(
          "head is \(entry.type) \(entry.shape), expected F32 or BF16 [\(index.teacher.vocabulary), "
            + "\(index.teacher.hiddenWidth)]")
      }
    }
    return files.reduce(0) { $0 + $1.bytes }
  }

  private func check(_ name: String) throws {
    let file = try file(ofSample: name)
    let length = try conversation(named: name, in: file)
    let width = index.teacher.hiddenWidth
    try check("hidden.last/\(name)", in: file, [length, width])
    for layer in index.layers {
      try check("hidden.\(layer)/\(name)", in: file, [length, width])
      if index.attention { try check("attention.\(layer)/\(name)", in: file, [length, length]) }
    }
    if index.attention { try check("embedding/\(name)", in: file, [length, width]) }
  }

  /// Tokens of a sample.
  private func conversation(named name: String, in file: SafetensorsFile) throws -> Int {
    guard let sample = StoredSample(name: name) else { throw damaged("\(name) is no sample") }
    return try conversation(sample, withAnswers: true).ids.count
  }

  /// - Parameter shape: nil where any number will do.
  private func check(_ tensor: String, in file: SafetensorsFile, _ shape: [Int?]) throws {
    let entry = try file.entry(tensor)
    guard entry.type == index.elementType, entry.shape.count == shape.count,
      zip(entry.shape, shape).allSatisfy({ $1 == nil || $0 == $1 })
    else {
      throw damaged(
        "\(file.url.lastPathComponent): \(tensor) is \(entry.type) \(entry.shape), expected \(index.elementType) "
          + "[\(shape.map { $0.map(String.init) ?? "any" }.joined(separator: ", "))]")
    }
  }
}
