import Autograd
import Cluster
import Distillation
import Tensors

/// Measures, now and then, how strongly each loss term pulls: the norm of its share of the gradient by the student's
/// connector weight, which all terms reach, over the global batch.
///
/// Each term costs one more forward and backward of the student a shard. The shares are folded over the shards in their
/// order before the norm is taken, so its bits do not depend on the ranks. What lies in the student's gradient is
/// overwritten, so a shard is measured before its own backward.
final class PartNorms {
  let terms: [LossTerm]
  private let every: Int
  private let computation: ShardComputation
  private let weight: Parameter<Float>
  private let communicator: any Communicator
  private let fold: OrderedFold
  /// The terms' gradients one after another, each begun on a block of its own.
  private let memory: Tensor<Float>
  private let blocksPerTerm: Int

  private static let block = 4096

  /// - Parameters:
  ///   - every: measures steps that are multiples of it.
  ///   - weight: the connector's.
  init(
    every: Int, computation: ShardComputation, weight: Parameter<Float>, communicator: any Communicator,
    assignment: ShardAssignment
  ) throws {
    self.every = every
    self.computation = computation
    self.weight = weight
    self.communicator = communicator
    terms = computation.factors.terms
    blocksPerTerm = (weight.value.count + Self.block - 1) / Self.block
    memory = Tensor(zeros: [terms.count * blocksPerTerm * Self.block])
    fold = try OrderedFold(
      communicator: communicator, gradient: memory,
      plan: try SlicePlan(count: memory.count, ranks: communicator.size, block: Self.block), assignment: assignment)
  }

  /// Whether a step, counted from 1, is measured.
  func isDue(step: Int) -> Bool { step % every == 0 }

  func beginStep() { fold.beginStep() }

  /// Collective, in every round before the shards' own backward, whose buckets are folded as they come.
  ///
  /// - Parameter shard: this rank's of the round; nil where it has none.
  func measureRound(_ shard: PreparedShard?, counts: GlobalCounts, factors: LossFactors) throws {
    for (index, term) in terms.enumerated() {
      guard let shard, let gradient = weight.gradient else { break }
      _ = try computation.run(shard, counts: counts, factors: factors.only(term)) { _ in }
      let start = index * blocksPerTerm * Self.block
      memory.range(start..<start + gradient.count).copy(from: gradient)
    }
    try fold.endRound()
  }

  /// Collective: the norms, each with its term's factor, on every rank.
  func norms() throws -> [LossTerm: Double] {
    let squares = try BlockSums.squares(of: memory, plan: fold.plan, communicator: communicator)
    return Dictionary(
      uniqueKeysWithValues: terms.enumerated().map { index, term in
        (term, squares[index * blocksPerTerm..<(index + 1) * blocksPerTerm].reduce(0, +).squareRoot())
      })
  }
}
