import Cluster
import Foundation
import Logging
import Tensors
import Training

/// Shows a run on the terminal and logs it to `metrics.jsonl` and for TensorBoard; lives on rank 0.
public final class RunObserver: TrainingObserver {
  private var status: StatusLine
  private let metrics: MetricsLog
  /// Nil once it could not be written.
  private var tensorBoard: TensorBoardLog?
  private var line = ProgressLine()
  /// The task that goes on beside training, and its start.
  private var task: (name: String, start: Double)?
  /// What was warned of already, in an earlier phase perhaps.
  private(set) var warned: Set<String> = []
  private let logger = Logger(label: "evl-dist") { _ in ConsoleLog() }

  public init(
    terminal: Terminal, metrics: MetricsLog, tensorBoard: TensorBoardLog? = nil,
    write: @escaping (String) -> Void = { FileHandle.standardOutput.write(Data($0.utf8)) }
  ) {
    status = StatusLine(terminal: terminal, write: write)
    self.metrics = metrics
    self.tensorBoard = tensorBoard
  }

  public func began(phase: String, step: Int, steps: Int, parameters: Int) {
    line = ProgressLine()
    status.begin(isTold: false)
    do { try metrics.rewind(phase: phase, to: step) } catch { warn("\(error)") }
    note("\(phase): \(Self.grouped(parameters)) parameters, steps \(step) to \(steps)")
  }

  public func finished(_ record: StepRecord, phase: String) throws {
    do { try metrics.append(record, phase: phase) } catch { warn("\(error)") }
    plot { try $0.append(record, phase: phase) }
    let isLast = record.step == record.steps
    status.show(line.text(record, phase: phase, width: status.width), now: isLast)
    if isLast { end() }
  }

  public func progress(_ name: String, done: Int, of count: Int) {
    if task?.name != name {
      task = (name, Stopwatch.now)
      status.begin(isTold: true)
    }
    let seconds = task.map { Stopwatch.now - $0.start } ?? 0
    guard done < count else {
      task = nil
      status.clear()
      return
    }
    status.show(ProgressLine.text(name, done: done, of: count, seconds: seconds, width: status.width), now: false)
  }

  /// The same numbers stand in `metrics.jsonl`, so a run does not end for want of these.
  private func plot(_ body: (TensorBoardLog) throws -> Void) {
    do { try tensorBoard.map(body) } catch {
      tensorBoard = nil
      warn(
        "TensorBoard's files cannot be written, and are not until the next start: \(error.localizedDescription); "
          + "metrics.jsonl holds the same numbers")
    }
  }

  public func saved(_ checkpoint: Checkpoint, _ cost: SaveCost) {
    let late =
      cost.waited > 0.05 ? String(format: ", %.1f s of it since checkpoint.memory did not suffice", cost.waited) : ""
    let stopped = String(format: "training stood still for %.2f s", cost.stopped) + late
    if !status.terminal.isInteractive {
      note("saved \(checkpoint.folder.path) (\(stopped))")
    } else if cost.waited > 0.05 {
      note("saved \(checkpoint.folder.lastPathComponent) (\(stopped))")
    }
  }

  public func scored(_ scores: Scores, phase: String) {
    guard let last = scores.all.last, let best = scores.best else { return }
    plot { try $0.append(last, of: scores.metric, phase: phase) }
    let rank =
      best.step == last.step ? "the best so far" : String(format: "best %.4f at step %d", best.value, best.step)
    note("\(phase) step \(last.step): \(scores.metric) " + String(format: "%.4f", last.value) + ", \(rank)")
  }

  public func note(_ message: String) { status.tell(message) }

  public func warn(_ message: String) {
    guard warned.insert(message).inserted else { return }
    end()
    logger.warning("\(message)")
  }

  /// Ends the line that is rewritten, so that what others print begins one.
  public func end() { status.end() }

  static func grouped(_ number: Int) -> String {
    let digits = String(number)
    return digits.enumerated().map { index, digit in
      index > 0 && (digits.count - index) % 3 == 0 ? ",\(digit)" : "\(digit)"
    }.joined()
  }
}
