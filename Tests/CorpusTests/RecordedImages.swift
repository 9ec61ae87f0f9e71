import Cardiology
import Foundation
import Tensors

@testable import Corpus

/// What record_images.py wrote down.
struct RecordedImages: Decodable {
  struct File: Decodable {
    let name: String
    let file: String
    let width: Int
    let height: Int
    let sha256: String
    let first: [UInt8]
  }

  struct Resize: Decodable {
    let width: Int
    let height: Int
    let seed: Int
    let new_width: Int
    let new_height: Int
    let filter: Int
    let sha256: String
  }

  struct Case: Decodable {
    let processor: Int
    let width: Int
    let height: Int
    let seed: Int
    let rows: Int
    let columns: Int
    let full: Bool?
    let text_sha256: String?
    let tokens: Int?
    let shape: [Int]
    let sha256: String
    let first: [Float]
  }

  let files: [File]
  let resizes: [Resize]
  let cases: [Case]

  static func load() throws -> RecordedImages { try JSONDecoder().decode(RecordedImages.self, from: data()) }

  /// The settings of each processor, as transformers wrote them.
  static func settings() throws -> [Data] {
    let root = try JSONSerialization.jsonObject(with: data()) as? [String: Any]
    let list = root?["settings"] as? [Any] ?? []
    return try list.map { try JSONSerialization.data(withJSONObject: $0) }
  }

  private static func data() throws -> Data {
    try Data(
      contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Recorded/images.json"))
  }
}

extension RasterImage {
  /// The picture of record_images.py: smooth colours with hard edges.
  static func picture(width: Int, height: Int, seed: Int) -> RasterImage {
    var pixels: [UInt8] = []
    for y in 0..<height {
      for x in 0..<width {
        for c in 0..<3 {
          let wave = (3 * x * x + 5 * y * y + 7 * x * y + 41 * c + 17 * seed) / 16
          let edge = (x / 7 + y / 5 + seed) % 3 == 0 ? 255 : 0
          pixels.append(UInt8(((wave ^ edge) + 13 * c * x) & 255))
        }
      }
    }
    return RasterImage(width: width, height: height, pixels: pixels)
  }

  var digest: String { Digest.sha256(Data(pixels)) }
}

/// SHA-256 of numbers as numpy has them in memory.
func digest(_ values: [Float]) -> String { Digest.sha256(values.withUnsafeBytes { Data($0) }) }
