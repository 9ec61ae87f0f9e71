import Cluster
import Foundation
import Tensors

extension RunConfiguration.Checkpoint {
  /// All that is wrong with the values, one line each.
  func problems() -> [String] {
    let rules: [(holds: Bool, problem: String)] = [
      (every >= 0, "checkpoint.every is negative; 0 saves at the end only"),
      (minutes >= 0 && minutes.isFinite, "checkpoint.minutes is \(minutes); 0 or more"),
      (keepEvery >= 0, "checkpoint.keep_every is \(keepEvery); 0 or more"),
      (keep >= 1, "checkpoint.keep is \(keep); at least 1"),
      ((0...1 << 30).contains(memory), "checkpoint.memory is \(memory); 0 or more MB"),
    ]
    return rules.filter { !$0.holds }.map(\.problem)
  }
}

extension RunConfiguration {
  /// What is wrong with evaluations in training and with going back, one line each.
  func courseProblems() -> [String] {
    let rules: [(holds: Bool, problem: String)] = [
      (evaluation.every >= 0, "evaluation.every is \(evaluation.every); 0 or more steps"),
      (
        train.spikes.chosen != .rollback || checkpoint.every > 0,
        "train.spikes.action rollback goes back to the checkpoints of checkpoint.every, which is 0"
      ),
    ]
    return rules.filter { !$0.holds }.map(\.problem)
  }
}

extension RunConfiguration.Run {
  /// The requests to stop that this run listens to: signals, and the end of its job's time.
  ///
  /// - Throws: `UserError(.usage)` for a time that is none, or no longer than `run.margin`.
  func stopFlag(environment: [String: String] = ProcessInfo.processInfo.environment) throws -> StopFlag {
    // Open MPI waits for the grace that a job has told it twice, also when its ranks have ended.
    let aftermath = 2 * (try secondsOfGrace(environment: environment) ?? 0)
    return StopFlag(jobEndsIn: try secondsLeft(environment: environment), margin: margin, aftermath: aftermath)
  }

  /// Seconds from the announcement of a kill to the kill; nil where nobody tells.
  ///
  /// - Throws: `UserError(.usage)` where the launch script tells something else.
  func secondsOfGrace(environment: [String: String] = ProcessInfo.processInfo.environment) throws -> Double? {
    if let grace { return grace }
    guard let text = environment["EVL_GRACE_SECONDS"], !text.isEmpty else { return nil }
    guard let seconds = Double(text), seconds >= 0, seconds.isFinite else {
      throw UserError(
        .usage, "EVL_GRACE_SECONDS is \"\(text)\"; a number of seconds",
        remedy: "say how long after SIGTERM the job is killed, or leave it empty")
    }
    return seconds
  }

  /// Seconds until the job's time ends; nil where that is not known.
  func secondsLeft(environment: [String: String]) throws -> Double? {
    let left: Double?
    do { left = try JobTime.left(wallClock, environment: environment) } catch let error as UserError {
      throw UserError(error.kind, "run.wall_clock: \(error.message)", remedy: error.remedy)
    }
    guard let left else { return nil }
    guard left > margin else {
      throw UserError(
        .usage, "the job's time ends in \(Int(left)) s, the run is to stop \(Int(margin)) s (run.margin) before",
        remedy: "give the job more time, or set run.margin lower, or run.wall_clock to \"\"")
    }
    return left
  }

  /// All that is wrong with the values, one line each.
  func problems() -> [String] {
    let seconds = [("run.margin", margin), ("run.grace", grace ?? 0)]
    // Slurm's --signal takes no more.
    return seconds.filter { !(0...65_535 ~= $0.1) }.map { "\($0.0) is \($0.1); from 0 to 65535 seconds" }
  }
}
