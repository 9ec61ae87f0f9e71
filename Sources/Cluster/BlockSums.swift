import CVectorKernels
import Tensors

/// Sums over an arena whose bits do not depend on the ranks: each block is summed by its owner, in double, and every rank
/// adds the blocks' sums in arena order.
public enum BlockSums {
  /// Collective: s_b = sum of x_i^2 over block b, for every block, on every rank.
  ///
  /// Reads the slices this rank owns alone.
  /// - Complexity: O(count / ranks) products and one all-gather of 8 bytes a block.
  public static func squares(
    of memory: some FlatMemory, plan: SlicePlan, communicator: any Communicator
  ) throws -> [Double] {
    let own = memory.withUnsafeMutableBufferPointer { memory in
      plan.blocks(ownedBy: communicator.rank).map { block in
        let values = UnsafeMutableBufferPointer(rebasing: memory[plan.range(ofBlock: block)])
        return values.baseAddress.map { evl_sum_of_squares_f32(values.count, $0) } ?? 0
      }
    }
    let byOwner = try communicator.allGather(own)
    var sums = [Double](repeating: 0, count: plan.blockCount)
    for (owner, values) in byOwner.enumerated() {
      for (block, value) in zip(plan.blocks(ownedBy: owner), values) { sums[block] = value }
    }
    return sums
  }

  /// Collective: the Euclidean norm, sqrt(((s_0 + s_1) + s_2) + ...), on every rank.
  public static func norm(
    of memory: some FlatMemory, plan: SlicePlan, communicator: any Communicator
  ) throws -> Double {
    try squares(of: memory, plan: plan, communicator: communicator).reduce(0, +).squareRoot()
  }
}
