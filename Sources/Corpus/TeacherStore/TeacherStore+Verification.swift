import Foundation
import Tensors

extension TeacherStore {
  /// Compares every file with its checksum and every sample's tensors with the index, and looks for numbers that are not
  /// finite.
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
      guard let sample = StoredSample(name: name) else { throw damaged("\(name) is no sample") }
      try check(sample)
      if views.insert(sample.view).inserted {
        _ = try visualTokens(of: sample)
        try demandFinite("visual/\(sample.view)", in: file(ofView: sample.view))
      }
    }
    if let head = try head() { try demandFinite("head", in: head) }
    return files.reduce(0) { $0 + $1.bytes }
  }

  private func check(_ sample: StoredSample) throws {
    let file = try file(ofSample: sample.name)
    let length = try conversation(sample, withAnswers: true).ids.count
    func check(_ kind: String, _ columns: Int) throws {
      let tensor = "\(kind)/\(sample.name)"
      try demand(tensor, in: file, [length, columns], types: [index.elementType])
      try demandFinite(tensor, in: file)
    }
    let width = index.teacher.hiddenWidth
    try check("hidden.last", width)
    for layer in index.layers {
      try check("hidden.\(layer)", width)
      if index.attention { try check("attention.\(layer)", length) }
    }
    if index.attention { try check("embedding", width) }
  }

  /// Refuses numbers that are not finite; a tensor of half-width numbers is looked at where it lies.
  private func demandFinite(_ tensor: String, in file: SafetensorsFile) throws {
    let isFinite = try file.mapped(tensor)?.isFinite ?? file.tensor(tensor, as: Float.self).isFinite
    guard isFinite else { throw notFinite(tensor, in: file) }
  }
}
