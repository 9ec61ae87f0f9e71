import Distillation
import Foundation
import Training

/// The one line that says how far a phase is: losses, speed and time left.
public struct ProgressLine {
  /// Exponential mean of the seconds a step takes, so that the time left does not jump.
  private var secondsPerStep: Double?

  public init() {}

  /// The line for a step, at most `width` columns.
  public mutating func text(_ record: StepRecord, phase: String, width: Int) -> String {
    let mean = secondsPerStep.map { 0.9 * $0 + 0.1 * record.seconds } ?? record.seconds
    secondsPerStep = mean
    let share = record.steps > 0 ? Double(record.step) / Double(record.steps) : 1
    let left = Self.duration(mean * Double(record.steps - record.step))
    let head = "\(phase) \(Self.pad(record.step, like: record.steps))/\(record.steps)"
    let losses = Self.order(record.losses).map { "\($0.name) \(Self.number($0.value))" }.joined(separator: "  ")
    let speed = "\(Self.number(record.samplesPerSecond)) samples/s"
    let ends = [speed, left + " left"]
    let forms = [
      [head, Self.bar(share, columns: 16), losses] + ends, [head, Self.bar(share, columns: 8), losses] + ends,
      [head, losses] + ends, [head, losses, left + " left"], [head, left + " left"], [head],
    ].map { $0.joined(separator: "  ") }
    return forms.first { $0.count <= width } ?? String(head.prefix(width))
  }

  /// The line for a task of so many records or questions, after so many seconds.
  static func text(_ task: String, done: Int, of count: Int, seconds: Double, width: Int) -> String {
    let head = "\(task) \(done)/\(count)"
    let left = duration(seconds / Double(max(1, done)) * Double(count - done)) + " left"
    let forms = [[head, bar(Double(done) / Double(max(1, count)), columns: 16), left], [head, left], [head]]
      .map { $0.joined(separator: "  ") }
    return forms.first { $0.count <= width } ?? String(head.prefix(max(0, width)))
  }

  /// The total, then the terms of the objective; diagnostics such as the sweeps are left to the log.
  static func order(_ losses: [String: Double]) -> [(name: String, value: Double)] {
    (["loss"] + LossTerm.allCases.map(\.rawValue)).compactMap { name in losses[name].map { (name, $0) } }
  }

  static func bar(_ share: Double, columns: Int) -> String {
    let full = Int((share * Double(columns)).rounded(.down))
    return String(repeating: "━", count: max(0, min(columns, full)))
      + String(repeating: "─", count: max(0, columns - full))
  }

  /// Three significant digits.
  static func number(_ value: Double) -> String {
    guard value.isFinite else { return "\(value)" }
    switch abs(value) {
    case 100...: return String(format: "%.0f", value)
    case 10..<100: return String(format: "%.1f", value)
    case 0.1..<10: return String(format: "%.2f", value)
    case 0: return "0"
    case 0.001..<0.1: return String(format: "%.4f", value)
    default: return String(format: "%.1e", value)
    }
  }

  /// "0:42", "12:05" or "3:04:10".
  static func duration(_ seconds: Double) -> String {
    let whole = Int(max(0, seconds).rounded())
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
    return hours > 0
      ? String(format: "%d:%02d:%02d", hours, minutes, rest) : String(format: "%d:%02d", minutes, rest)
  }

  private static func pad(_ step: Int, like steps: Int) -> String {
    let text = String(step)
    return String(repeating: " ", count: max(0, String(steps).count - text.count)) + text
  }
}
