import Foundation
import Tensors
import Training

/// `metrics.jsonl` as far as it can be read, also while the run writes it.
public struct MetricsReading: Sendable {
  /// The steps of `teacher` or `student`.
  public struct Phase: Sendable {
    public var name: String
    /// In the order of the steps; which rank had which shards is kept of the last alone.
    public var steps: [StepRecord]
    /// When the first and the last of them ended.
    public var began: Date?
    public var ended: Date?
  }

  /// In the order in which they began.
  public private(set) var phases: [Phase] = []
  /// What is left out, a sentence each.
  public private(set) var remarks: [String] = []

  /// - Throws: `UserError` (input/output) for a file that is there and cannot be read.
  public init(_ url: URL) throws {
    let data: Data
    do {
      data =
        FileManager.default.fileExists(atPath: url.path) ? try Data(contentsOf: url) : Data()
    } catch {
      throw UserError(
        .inputOutput, "\(url.path) cannot be read: \(error.localizedDescription)", remedy: "check its permissions")
    }
    self.init(data)
  }

  init(_ data: Data) {
    var unreadable = 0
    for line in data.split(separator: 0x0A) {
      guard let (record, marks) = Self.step(line) else {
        // A running job may be about to write the rest of the last line.
        if line.endIndex == data.endIndex {
          remarks.append("The last line of metrics.jsonl is not complete yet and is left out.")
        } else {
          unreadable += 1
        }
        continue
      }
      add(record, marks)
    }
    if unreadable > 0 {
      remarks.append(
        "\(unreadable) \(unreadable == 1 ? "line" : "lines") of metrics.jsonl cannot be read and are left out.")
    }
  }

  /// What a line says beside the step.
  private struct Marks: Decodable {
    var phase: String
    var time: String?
  }

  private static let phaseNames: Set = ["teacher", "student"]

  private static func step(_ line: Data) -> (StepRecord, Marks)? {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    guard let record = try? decoder.decode(StepRecord.self, from: line),
      let marks = try? decoder.decode(Marks.self, from: line), phaseNames.contains(marks.phase)
    else { return nil }
    return (record, marks)
  }

  private mutating func add(_ record: StepRecord, _ marks: Marks) {
    let time = marks.time.flatMap { ISO8601DateFormatter().date(from: $0) }
    guard let place = phases.firstIndex(where: { $0.name == marks.phase }) else {
      phases.append(Phase(name: marks.phase, steps: [record], began: time, ended: time))
      return
    }
    if let last = phases[place].steps.indices.last { phases[place].steps[last].ranks = [] }
    phases[place].steps.append(record)
    phases[place].ended = time
  }

  public subscript(phase: String) -> Phase? { phases.first { $0.name == phase } }

  /// The phase that a run is for, or the one it has come to.
  public var main: Phase? { self["student"] ?? phases.last }
}

extension MetricsReading.Phase {
  /// A value of each step that has it, by the step's number.
  func points(_ value: (StepRecord) -> Double?) -> [(x: Double, y: Double)] {
    steps.compactMap { record in value(record).map { (Double(record.step), $0) } }
  }

  /// The median of a value over the steps; nil where none has it.
  func median(_ value: (StepRecord) -> Double?) -> Double? {
    let sorted = steps.compactMap(value).filter(\.isFinite).sorted()
    return sorted.isEmpty ? nil : sorted[sorted.count / 2]
  }

  /// Mean seconds of a step in each of its parts, the longest first; what no part accounts for is called "other".
  var split: [(part: String, seconds: Double)] {
    guard !steps.isEmpty else { return [] }
    var sums: [String: Double] = [:]
    for record in steps {
      for (part, seconds) in record.parts where seconds.isFinite { sums[part, default: 0] += seconds }
    }
    let all = steps.reduce(0) { $0 + ($1.seconds.isFinite ? $1.seconds : 0) }
    sums["other", default: 0] += max(0, all - sums.values.reduce(0, +))
    return sums.map { ($0.key, $0.value / Double(steps.count)) }
      .sorted { ($0.seconds, $1.part) > ($1.seconds, $0.part) }
  }
}
