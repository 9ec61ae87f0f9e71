import Foundation

/// A line of `metrics.jsonl`, as far as it is looked at.
struct LoggedStep: Decodable {
  var phase: String
  var step: Int
  var steps: Int
  var losses: [String: Double]
  var seconds: Double
  var samplesPerSecond: Double
  var time: String

  /// Bytes of the log's end that are read.
  private static let tail = 1 << 18

  /// The last steps of a folder's log; a line that is being written is left out.
  static func last(in folder: URL) -> [LoggedStep] {
    guard let file = try? FileHandle(forReadingFrom: folder.appendingPathComponent("metrics.jsonl")),
      let end = try? file.seekToEnd()
    else { return [] }
    let start = end > UInt64(tail) ? end - UInt64(tail) : 0
    guard (try? file.seek(toOffset: start)) != nil, let data = try? file.readToEnd() else { return [] }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return data.split(separator: 0x0A).compactMap { try? decoder.decode(LoggedStep.self, from: $0) }
  }
}
