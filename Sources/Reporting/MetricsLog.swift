import Foundation
import Tensors
import Training

/// `metrics.jsonl`: one JSON object per line, one line per optimiser step, in the order they were done.
///
/// After a resume the lines of steps that are done again are replaced, so each step stands once.
public final class MetricsLog {
  private let url: URL
  private var file: FileHandle?
  private let encoder = JSONEncoder()
  private let clock: () -> Date

  public init(_ url: URL, clock: @escaping () -> Date = Date.init) {
    self.url = url
    self.clock = clock
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
  }

  /// Drops lines of a phase beyond a step, which a killed run wrote after its last checkpoint.
  public func rewind(phase: String, to step: Int) throws {
    guard let text = try? String(contentsOf: url, encoding: .utf8) else { return }
    let kept = text.split(separator: "\n").filter { line in
      guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
        let linePhase = object["phase"] as? String, let lineStep = object["step"] as? Int
      else { return false }
      return linePhase != phase || lineStep <= step
    }
    try? file?.close()
    file = nil
    try write {
      try Data((kept.joined(separator: "\n") + (kept.isEmpty ? "" : "\n")).utf8).write(to: url, options: .atomic)
    }
  }

  /// Appends a step.
  public func append(_ record: StepRecord, phase: String) throws {
    var object =
      try JSONSerialization.jsonObject(with: try encoder.encode(record)) as? [String: Any] ?? [:]
    object["phase"] = phase
    object["time"] = ISO8601DateFormatter().string(from: clock())
    var data = try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
    data.append(0x0A)
    try write {
      if file == nil {
        if !FileManager.default.fileExists(atPath: url.path) { try Data().write(to: url) }
        file = try FileHandle(forWritingTo: url)
      }
      try file?.seekToEnd()
      try file?.write(contentsOf: data)
    }
  }

  private func write(_ body: () throws -> Void) throws {
    do { try body() } catch {
      throw UserError(
        .inputOutput, "\(url.path) cannot be written: \(error.localizedDescription)",
        remedy: "check free space and permissions of the run folder")
    }
  }
}
