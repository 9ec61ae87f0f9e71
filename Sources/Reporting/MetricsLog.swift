import Foundation
import Tensors
import Training

/// `metrics.jsonl`: one JSON object per line, one line per optimiser step, in the order they were done.
///
/// After a resume the lines of steps that are done again are replaced, so each step stands once. Lines that cannot be
/// written, as to a full disk, are held and written with the next ones.
public final class MetricsLog {
  private let url: URL
  private var file: FileHandle?
  /// Lines not written yet.
  private var held = Data()
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
    guard FileManager.default.fileExists(atPath: url.path) else { return }
    var data = Data()
    try write { data = try Data(contentsOf: url) }
    // A line that a damaged disk made no text of is dropped like any that is no step.
    let kept = String(decoding: data, as: UTF8.self).split(separator: "\n").filter { line in
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

  /// Appends a step, and what could not be written before. - Throws: `UserError` (input/output); the lines are held.
  public func append(_ record: StepRecord, phase: String) throws {
    var object =
      try JSONSerialization.jsonObject(with: try encoder.encode(record)) as? [String: Any] ?? [:]
    object["phase"] = phase
    object["time"] = ISO8601DateFormatter().string(from: clock())
    var data = try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
    data.append(0x0A)
    held.append(data)
    try write {
      if file == nil {
        if !FileManager.default.fileExists(atPath: url.path) { try Data().write(to: url) }
        file = try FileHandle(forWritingTo: url)
      }
      let end = try file?.seekToEnd() ?? 0
      do { try file?.write(contentsOf: held) } catch {
        // Half a line would spoil the next one.
        try? file?.truncate(atOffset: end)
        throw error
      }
      held = Data()
    }
  }

  private func write(_ body: () throws -> Void) throws {
    do { try body() } catch {
      throw UserError(
        .inputOutput, "\(url.path) cannot be written: \(error.localizedDescription)",
        remedy: "check free space and permissions of the run folder; what is missing is written when that can be")
    }
  }
}
