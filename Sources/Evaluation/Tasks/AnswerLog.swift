import Foundation
import Tensors

/// Answers that a stopped evaluation had already, so that the next start goes on behind them.
///
/// `FILE.unfinished` beside the file that the answers are for: a line of what they depend on, then the answers in the
/// questions' order. Gone when the file itself is written.
public struct AnswerLog: Sendable {
  public let file: URL
  /// What the answers depend on: task, questions, model, the way it is asked.
  private let fingerprint: String

  public init(for file: URL, fingerprint: String) {
    self.file = file.appendingPathExtension("unfinished")
    self.fingerprint = fingerprint
  }

  private struct Heading: Codable, Equatable {
    var fingerprint: String
  }

  /// The answers to the first questions; none where there is no log. What a killed start wrote by halves is left out.
  /// - Throws: `UserError` (usage) for a log of another evaluation, (input/output) for what is there and cannot be read;
  ///   neither is overwritten.
  public func answers(to questions: [TextQuestion]) throws -> [Prediction] {
    guard FileManager.default.fileExists(atPath: file.path) else { return [] }
    let data = try InputFile(file).data(remedy: "make it readable, remove it, or name another file with --save")
    var lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    // The last line ended where nothing follows.
    _ = lines.popLast()
    guard let first = lines.first else { return [] }
    guard (try? JSONDecoder().decode(Heading.self, from: Data(first))) == heading else {
      throw UserError(
        .usage,
        "\(file.path) holds the answers of another evaluation that was stopped: other questions, model or settings",
        remedy: "finish that with its own command, remove the file, or name another with --save")
    }
    let read = lines.dropFirst().prefix(questions.count).map { line in
      try? Predictions(jsonLines: Data(line), source: file.path).predictions.first
    }
    return Array(
      zip(questions, read).prefix { question, read in read?.id == question.id && read?.prompt == question.prompt }
        .compactMap { $1 })
  }

  private var heading: Heading { Heading(fingerprint: fingerprint) }

  /// Begins a log with these answers, in place of what is there. - Throws: `UserError` (input/output).
  public func begin(_ answers: [Prediction]) throws {
    try writing {
      var data = try JSONEncoder().encode(heading)
      data.append(UInt8(ascii: "\n"))
      try (data + Predictions(answers).jsonLines()).write(to: file, options: .atomic)
    }
  }

  /// - Throws: `UserError` (input/output).
  public func append(_ answers: [Prediction]) throws {
    try writing {
      let handle = try FileHandle(forWritingTo: file)
      defer { try? handle.close() }
      try handle.seekToEnd()
      try handle.write(contentsOf: Predictions(answers).jsonLines())
    }
  }

  /// All questions are answered.
  public func end() { try? FileManager.default.removeItem(at: file) }

  private func writing(_ body: () throws -> Void) throws {
    do { try body() } catch let error as UserError { throw error } catch {
      throw UserError(
        .inputOutput, "\(file.path) cannot be written: \(error.localizedDescription)",
        remedy: "check free space and permissions")
    }
  }
}
