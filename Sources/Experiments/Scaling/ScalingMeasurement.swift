import Cluster
import Foundation
import Models
import Tensors
import Training

/// What the scaling model takes from this machine.
public struct ScalingMeasurement {
  private let configuration: RunConfiguration

  public init(_ configuration: RunConfiguration) { self.configuration = configuration }

  /// Tokens of text behind the image, and of them of the answer, in a sample that is timed.
  private static let (textTokens, answerTokens) = (128, 64)

  /// Seconds of forward and backward of a shard of the student, the second time; random weights and input, one image a
  /// sample. The teacher's forward and the losses are not in it.
  ///
  /// - Throws: `UserError` for a student that cannot be used.
  /// - Complexity: about five times the result.
  public func shardSeconds() throws -> Double {
    let train = configuration.train
    guard
      let shape = try DistillationRun.studentBlueprint(configuration).configuration as? Idefics3Configuration
    else { throw UserError(.usage, "the student's family cannot be timed", remedy: "give --compute SECONDS") }
    try ThreadCounts.state(train.threads)
    let measured = try ModelBenchmark(
      shape, samples: train.globalBatch / train.shards, textTokens: Self.textTokens, answerTokens: Self.answerTokens,
      precision: train.arithmetic, recomputesBlocks: train.recompute
    ).run(repetitions: 1)
    return measured.forwardAndBackward.min() ?? 0
  }

  /// Bytes a second in which the ranks of a node pass over its memory, as far as this machine has processors for them.
  public func memoryBandwidth(ranks: Int) -> Double {
    MemoryBandwidth.measure(threads: min(ranks, UsableProcessors.count))
  }
}
