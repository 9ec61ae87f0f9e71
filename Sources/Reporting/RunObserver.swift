import Foundation
import Logging
import Tensors
import Training

/// Shows a run on the terminal and logs it to `metrics.jsonl`; lives on rank 0.
public final class RunObserver: TrainingObserver {
  private let terminal: Terminal
  private let metrics: MetricsLog
  private var line = ProgressLine()
  private var isLineOpen = false
  /// What was warned of already, in an earlier phase perhaps.
  private var warned: Set<String> = []
  private var lastPlainLine = Date.distantPast
  private let write: (String) -> Void
  private let logger = Logger(label: "evl-dist") { _ in ConsoleLog() }

  /// Seconds between plain lines in a log.
  private static let plainInterval = 10.0

  public init(
    terminal: Terminal, metrics: MetricsLog,
    write: @escaping (String) -> Void = { FileHandle.standardOutput.write(Data($0.utf8)) }
  ) {
    self.terminal = terminal
    self.metrics = metrics
    self.write = write
  }

  public func began(phase: String, step: Int, steps: Int, parameters: Int) {
    line = ProgressLine()
    lastPlainLine = .distantPast
    try? metrics.rewind(phase: phase, to: step)
    note("\(phase): \(Self.grouped(parameters)) parameters, steps \(step) to \(steps)")
  }

  public func finished(_ record: StepRecord, phase: String) throws {
    do { try metrics.append(record, phase: phase) } catch let error as UserError { warn("\(error)") }
    let text = line.text(record, phase: phase, width: terminal.width - 1)
    if terminal.isInteractive {
      write("\r\u{1B}[K" + text)
      isLineOpen = true
      if record.step == record.steps { closeLine() }
    } else if record.step == record.steps || Date().timeIntervalSince(lastPlainLine) >= Self.plainInterval {
      lastPlainLine = Date()
      write(text + "\n")
    }
  }

  public func saved(_ checkpoint: Checkpoint, _ cost: SaveCost) {
    let late =
      cost.waited > 0.05 ? String(format: ", %.1f s of it since checkpoint.memory did not suffice", cost.waited) : ""
    let stopped = String(format: "training stood still for %.2f s", cost.stopped) + late
    if !terminal.isInteractive { write("saved \(checkpoint.folder.path) (\(stopped))\n") }
  }

  public func scored(_ scores: Scores, phase: String) {
    guard let last = scores.all.last, let best = scores.best else { return }
    let rank =
      best.step == last.step ? "the best so far, kept" : String(format: "best %.4f at step %d", best.value, best.step)
    note("\(phase) step \(last.step): \(scores.metric) " + String(format: "%.4f", last.value) + ", \(rank)")
  }

  public func note(_ message: String) {
    closeLine()
    write(message + "\n")
  }

  public func warn(_ message: String) {
    guard warned.insert(message).inserted else { return }
    closeLine()
    logger.warning("\(message)")
  }

  private func closeLine() {
    if isLineOpen { write("\n") }
    isLineOpen = false
  }

  static func grouped(_ number: Int) -> String {
    let digits = String(number)
    return digits.enumerated().map { index, digit in
      index > 0 && (digits.count - index) % 3 == 0 ? ",\(digit)" : "\(digit)"
    }.joined()
  }
}
