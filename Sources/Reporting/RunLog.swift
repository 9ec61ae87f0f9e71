import Training

/// Logs a run's steps to `metrics.jsonl` and shows nothing; for one run among many.
public final class RunLog: TrainingObserver {
  private let metrics: MetricsLog
  private let warning: (String) -> Void

  /// - Parameter warning: told of what a user should know.
  public init(_ metrics: MetricsLog, warning: @escaping (String) -> Void) {
    (self.metrics, self.warning) = (metrics, warning)
  }

  public func began(phase: String, step: Int, steps: Int, parameters: Int) {
    do { try metrics.rewind(phase: phase, to: step) } catch { warn("\(error)") }
  }

  public func finished(_ record: StepRecord, phase: String) throws {
    do { try metrics.append(record, phase: phase) } catch { warn("\(error)") }
  }

  public func saved(_ checkpoint: Checkpoint, _ cost: SaveCost) {}
  public func scored(_ scores: Scores, phase: String) {}
  public func progress(_ name: String, done: Int, of count: Int) {}
  public func note(_ message: String) {}
  public func warn(_ message: String) { warning(message) }
}
