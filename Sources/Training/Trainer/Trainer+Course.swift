import Cluster
import Corpus
import Foundation
import Tensors

extension Trainer {
  /// Collective: steps, and between them what rank 0 decides: evaluations, saves, the end. - Returns: as `run`.
  func train(_ prefetcher: Prefetcher<[[any TrainingSample]]>) throws -> Int? {
    let settings = context.configuration.checkpoint
    let communicator = context.communicator
    var schedule = SaveSchedule(every: settings.every, seconds: 60 * settings.minutes, now: Stopwatch.now)
    // A run that was stopped while it evaluated begins with that.
    _ = try scoreIfDue()
    // One that goes on from another run's checkpoint has none of its own yet.
    if step > 0, try communicator.minimum(saves.holds(step: step) ? 1 : 0) == 0 {
      if step < plan.steps { _ = try saves.begin(try state()) } else { try saves.save(try state()) }
    }
    while step < plan.steps {
      let start = Stopwatch.now
      try trainStep(prefetcher)
      let isBetter = try scoreIfDue()
      communicator.status.begin(.checkpoint)
      // What any rank was asked to do, and what rank 0 has decided.
      let isDue = communicator.isController && schedule.isDue(step: step, now: Stopwatch.now)
      let needed = saves.seconds.map { 1.5 * $0 + Stopwatch.now - start }
      var requests = [
        Int64(context.stop.signal(needing: needed)), isDue || isBetter ? 1 : 0, guardian?.isLost == true ? 1 : 0,
      ]
      try communicator.reduce(&requests, by: .maximum)
      // The folder is another job's by now.
      if requests[2] != 0 { try communicator.agree { try guardian?.check() } }
      if requests[0] != 0 || step == plan.steps {
        if step < plan.steps { try refuseLateSave() }
        try saves.save(try state())
        // From here on the state is safe, and the end may take its time.
        if step < plan.steps { communicator.status.limitGrace(toSeconds: nil) }
        return step < plan.steps ? Int(requests[0]) : nil
      }
      try saves.poll()
      guard requests[1] != 0 else { continue }
      if try saves.begin(try state()) { schedule.saved(now: Stopwatch.now) }
    }
    return nil
  }

  /// Collective: ends the run where it will be killed before a save can be done.
  private func refuseLateSave() throws {
    try saves.settle()
    // Rank 0 knows how long a save takes, and perhaps another host how long there is.
    let needed = try context.communicator.maximum(saves.seconds ?? 0)
    let left =
      -(try context.communicator.maximum(-(context.communicator.status.secondsLeft ?? .greatestFiniteMagnitude)))
    guard left < needed else { return }
    let standing =
      Checkpoint.all(in: plan.checkpoints).first.map { "the checkpoint of step \($0.step) stands" }
      ?? "nothing was saved before"
    throw AgreedError(
      UserError(
        .stopped,
        String(
          format: "told to end at step %d: the last save took %.1f s, %.1f s are left; ", step, needed, max(0, left))
          + standing,
        remedy: "give the job more time before it is killed and say so in run.grace, or save more often; run the same "
          + "command again to go on"))
  }

  /// Collective: evaluates where that is due. - Returns: whether the weights are the best so far.
  private func scoreIfDue() throws -> Bool {
    guard let evaluation, step > 0, step % evaluation.every == 0, scores?.all.last?.step != step else { return false }
    let value: Double?
    do { value = try evaluation.score(step) } catch let error as AgreedError where error.error.kind == .stopped {
      return false
    }
    guard let value else {
      if context.communicator.isController {
        context.observer.warn(
          "\(evaluation.metric) is not defined on the records that are evaluated: no state is the best")
      }
      return false
    }
    var scores = scores ?? Scores(metric: evaluation.metric)
    let isBest = scores.add(value, step: step)
    self.scores = scores
    if context.communicator.isController { context.observer.scored(scores, phase: plan.name) }
    return isBest
  }
}
