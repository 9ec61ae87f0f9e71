import Autograd
import Cluster
import Tensors

/// AdamW on the one copy of the weights that a node has: each rank updates its portion in place.
///
/// Norm and clipping use sums over fixed blocks, so nothing depends on the number of ranks.
public final class DistributedOptimizer {
  /// Elements that lie in one tensor and one block.
  private struct Stretch {
    /// Of the weights.
    var range: Range<Int>
    /// Of the folded gradient: the first share, and the others, which are added to it.
    var gradient: Range<Int>
    var laterShares: [Range<Int>]
    /// Whether weight decay applies.
    var decays: Bool
  }

  private let memory: TrainingMemory
  private let gradients: Tensor<Float>
  private let count: Int
  /// Of this rank's portion, by the block they lie in.
  private let stretches: [Int: [Stretch]]

  /// - Parameter gradients: the folded gradient, of the group's ranks together.
  public init(layout: ParameterLayout, memory: TrainingMemory, gradients: Tensor<Float>) {
    self.memory = memory
    self.gradients = gradients
    count = layout.count
    var stretches: [Int: [Stretch]] = [:]
    let block = BlockSums.block
    let own = memory.node.portion(of: (layout.count + block - 1) / block)
    let shares = memory.gradientLayout
    for (index, entry) in layout.entries.enumerated() where !entry.range.isEmpty {
      let places = shares.sharesOfEntry[index].map { shares.shares[$0].range.lowerBound - entry.range.lowerBound }
      let blocks = entry.range.lowerBound / block...(entry.range.upperBound - 1) / block
      for number in blocks where own.contains(number) {
        let range = entry.range.clamped(to: number * block..<(number + 1) * block)
        let moved = places.map { range.lowerBound + $0..<range.upperBound + $0 }
        stretches[number, default: []].append(
          Stretch(
            range: range, gradient: moved[0], laterShares: Array(moved.dropFirst()), decays: entry.decays))
      }
    }
    self.stretches = stretches
  }

  /// Collective over the group, once a step: adds up the shares of tensors that have several, and gives the norm of the
  /// folded gradient.
  public func gradientNorm() throws -> Double {
    try memory.norms.norm(count: count) { range in
      stretches[range.lowerBound / BlockSums.block, default: []].reduce(0) { sum, stretch in
        let gradient = gradients.range(stretch.gradient)
        for later in stretch.laterShares { gradient.add(gradients.range(later)) }
        return sum + gradient.sumOfSquares
      }
    }
  }

  /// Collective over the group: one AdamW update of every weight, seen by all ranks afterwards.
  ///
  /// - Parameter step: the step's settings; its weight decay applies to matrices alone.
  public func update(_ step: AdamWStep) throws {
    var withoutDecay = step
    withoutDecay.weightDecay = 0
    for block in stretches.keys.sorted() {
      for stretch in stretches[block, default: []] { update(stretch, stretch.decays ? step : withoutDecay) }
    }
    try memory.node.meet()
  }

  private func update(_ stretch: Stretch, _ step: AdamWStep) {
    step.update(
      weight: memory.weights.range(stretch.range), gradient: gradients.range(stretch.gradient),
      moment1: memory.moment1.range(stretch.range), moment2: memory.moment2.range(stretch.range),
      rounded: memory.rounded?.range(stretch.range))
  }
}
