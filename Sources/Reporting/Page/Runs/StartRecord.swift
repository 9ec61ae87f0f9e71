import Evaluation
import Foundation

/// `environment.json` as far as a report shows it. Every key may be missing: older versions wrote fewer.
struct StartRecord: Decodable {
  struct Node: Decodable {
    struct Model: Decodable { var name: String? }
    struct Memory: Decodable { var bytes: Int? }
    struct Place: Decodable {
      var rank: Int?
      var processors: String?
      var threads: Int?
    }
    var host: String?
    var model: Model?
    var cores: Int?
    var kernels: String?
    var system: String?
    var memory: Memory?
    var ranks: [Place]?
  }

  struct Rank: Decodable {
    var rank: Int?
    var host: String?
    var threads: Int?
  }

  var program: String?
  var commit: String?
  var command: [String]?
  var workingFolder: String?
  var started: String?
  var processorType: String?
  var matrixLibrary: String?
  var messagePassing: String?
  var swift: String?
  var nodes: [Node]?
  var ranks: [Rank]?

  /// Of a run folder; nil where it holds none that can be read.
  static func newest(in folder: URL) -> StartRecord? {
    (try? Data(contentsOf: folder.appendingPathComponent(RunFile.environment))).flatMap { read($0) }
  }

  static func read(_ data: Data) -> StartRecord? {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try? decoder.decode(StartRecord.self, from: data)
  }

  /// Whether `ablate` made the start.
  var isOfAblation: Bool { command?.dropFirst().first == "ablate" }

  /// The command line as a shell takes it.
  var commandLine: String? {
    command.map { words in
      words.map { word in
        let isPlain = !word.isEmpty && word.allSatisfy { $0.isLetter || $0.isNumber || "-_./=:,@%+".contains($0) }
        return isPlain ? word : "'" + word.replacingOccurrences(of: "'", with: "'\\''") + "'"
      }.joined(separator: " ")
    }
  }
}
