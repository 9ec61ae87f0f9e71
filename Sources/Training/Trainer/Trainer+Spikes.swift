import Cluster
import Corpus
import Foundation
import Tensors

extension Trainer {
  /// Collective: judges a step before its update, and does what `train.spikes.action` says where it is refused.
  ///
  /// - Parameter batch: this rank's samples, shard by shard.
  /// - Returns: nil where the update may be made.
  /// - Throws: `AgreedError` (bad input) where the run is to end.
  func refusal(of batch: [[any TrainingSample]], losses: [String: Double], norm: Double) throws -> StepRecord.Refusal? {
    guard let reason = spikes.objection(losses: losses, norm: norm) else { return nil }
    let samples = try samples(of: batch)
    if spikes.refuse(loss: losses["loss"] ?? .nan, norm: norm) { throw AgreedError(end(of: reason, samples: samples)) }
    let backTo = spikes.settings.chosen == .rollback ? try rollBack() : nil
    if context.communicator.isController {
      let deed = backTo.map { "back to the weights of step \($0), and on with the next batch" } ?? "left out"
      context.observer.warn("\(plan.name) step \(step + 1): \(reason); \(deed) (\(Self.list(samples)))")
    }
    return StepRecord.Refusal(reason: reason, backTo: backTo, samples: samples)
  }

  private func end(of reason: String, samples: [String]) -> UserError {
    let times = spikes.state.refused
    return UserError(
      .badInput,
      "step \(step + 1): \(reason)" + (times > 1 ? ", the \(times)th step in a row that is refused" : "")
        + "; \(Self.list(samples)); what was saved stands",
      remedy: "lower train.learning_rate, look for damaged records in this batch, or see train.spikes")
  }

  /// Collective: the names of the batch's samples in the order of the shards; on rank 0 alone, empty elsewhere.
  private func samples(of batch: [[any TrainingSample]]) throws -> [String] {
    let own = try context.communicator.agree { try JSONEncoder().encode(batch.map { $0.map(\.name) }) }
    guard let all = try context.communicator.gather(Array(own)) else { return [] }
    // Of this program's own making a moment ago.
    let names = all.map { (try? JSONDecoder().decode([[String]].self, from: Data($0))) ?? [] }
    return (0..<assignment.rounds).flatMap { round in names.flatMap { $0.indices.contains(round) ? $0[round] : [] } }
  }

  private static func list(_ samples: [String]) -> String {
    let shown = samples.prefix(8).joined(separator: ", ")
    return "samples: \(shown)" + (samples.count > 8 ? " and \(samples.count - 8) more" : "")
  }

  /// Collective: weights, moments and what belongs to them as the last checkpoint has them; the step count goes on.
  ///
  /// That of the last step that is a multiple of `checkpoint.every`, so that saves at a signal or by the clock change no bits.
  /// - Returns: the checkpoint's step; nil where there is none.
  private func rollBack() throws -> Int? {
    try saves.settle()
    let every = context.configuration.checkpoint.every
    let found = try adopt {
      let usable = Checkpoint.all(in: plan.checkpoints).filter { $0.step <= step && $0.step % every == 0 }
      return usable.first { (try? $0.verify()) != nil }
    }
    guard let found else {
      if context.communicator.isController {
        context.observer.warn("\(plan.name): there is no checkpoint to go back to yet, so steps are left out")
      }
      return nil
    }
    if let weighting = found.weighting { gradNorm?.restore(weighting) }
    // The band stays that of the run.
    spikes.state.updates = found.spikes?.updates ?? found.step
    return found.step
  }
}
