import Tensors

/// The Euclidean norm of something the ranks of a node have in common, with bits that do not depend on the ranks: it is cut
/// into fixed blocks, each is summed by one rank in double, and every rank adds the blocks' sums in their order.
public struct BlockSums {
  /// Elements of a block.
  public static let block = 65_536

  private let memory: NodeMemory
  private let sums: Tensor<Double>

  /// Reserves memory for the sums of a length. - Returns: the part to give to `init`.
  public static func reserve(count: Int, in plan: inout WindowPlan) -> Range<Int> {
    plan.add((count + block - 1) / block, of: Double.self)
  }

  public init(_ memory: NodeMemory, part: Range<Int>) {
    self.memory = memory
    sums = memory.tensor(part)
  }

  /// Collective over the group: sqrt(((s_0 + s_1) + s_2) + ...).
  ///
  /// - Parameters:
  ///   - count: elements of the whole.
  ///   - squares: the sum of squares of a range of elements, which lies in one block.
  /// - Complexity: O(count / ranks of the group).
  public func norm(count: Int, squares: (Range<Int>) -> Double) throws -> Double {
    for block in memory.portion(of: sums.count) {
      sums[block] = squares(block * Self.block..<min(count, (block + 1) * Self.block))
    }
    try memory.meet()
    let total = (0..<sums.count).reduce(0) { $0 + sums[$1] }
    // Nobody overwrites the sums before all have read them.
    try memory.meet()
    return total.squareRoot()
  }
}
