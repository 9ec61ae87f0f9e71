import Cluster
import Distillation

/// What a step came to, the same on every rank.
struct StepOutcome {
  var losses: [String: Double]
  var rate: Double
  /// Of the whole gradient.
  var norm: Double
  /// Of the terms', where they were measured.
  var norms: [LossTerm: Double]?
  var factors: LossFactors
  /// Why there was no update; nil where there was.
  var refusal: StepRecord.Refusal?
}

extension Trainer {
  /// Collective: tells rank 0's observer what the step came to, with the ranks' mean times.
  ///
  /// - Parameter operations: of this rank's products.
  func report(_ outcome: StepOutcome, clock: StepClock, operations: Double) throws {
    let times = try context.communicator.allGather(clock.vector)
    let seconds = try context.communicator.maximum(clock.total)
    let operations = try context.communicator.sum(Int(operations))
    guard context.communicator.isController else { return }
    let perShard = shards.samplesPerShard
    try context.observer.finished(
      StepRecord(
        step: step, steps: plan.steps, losses: outcome.losses.filter(\.value.isFinite), learningRate: outcome.rate,
        gradientNorm: outcome.norm.isFinite ? outcome.norm : nil, seconds: seconds, parts: Self.means(times),
        slowest: Self.slowest(times),
        samplesPerSecond: Double(shards.globalBatch) / seconds, operations: Double(operations),
        ranks: (0..<context.communicator.size).map { rank in
          let shards = assignment.shards(ofRank: rank)
          return .init(rank: rank, shards: shards, samples: shards.count * perShard)
        },
        norms: outcome.norms.map { norms in
          Dictionary(uniqueKeysWithValues: norms.filter(\.value.isFinite).map { ($0.key.rawValue, $0.value) })
        },
        factors: outcome.norms == nil ? nil : outcome.factors.named.filter(\.value.isFinite), refusal: outcome.refusal),
      phase: plan.name)
  }

  /// The mean over the ranks of each part of a step.
  private static func means(_ times: [[Double]]) -> [String: Double] {
    Dictionary(
      uniqueKeysWithValues: StepClock.names.enumerated().map { index, name in
        (name, times.reduce(0) { $0 + $1[index] } / Double(times.count))
      })
  }

  /// The rank that was busy for longest, which the others waited for.
  private static func slowest(_ times: [[Double]]) -> Int {
    let busy = times.map { time in
      zip(StepClock.names, time).reduce(0) { $0 + (["wait", "network"].contains($1.0) ? 0 : $1.1) }
    }
    return busy.indices.max { busy[$0] < busy[$1] } ?? 0
  }
}
