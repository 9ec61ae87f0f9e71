import Tensors

/// Where a fold's buckets, sums and counters lie in the memory of a node.
public struct FoldMemory {
  let layout: FoldLayout
  /// The folded gradient, once a node.
  let sums: Range<Int>
  /// The buckets of each rank of the node, one behind the other.
  let rings: [Range<Int>]
  /// By rank of the node: buckets it has published, buckets it has folded, steps whose result it has.
  let published: Range<Int>
  let folded: Range<Int>
  let delivered: Range<Int>

  /// Reserves the parts.
  ///
  /// - Parameter ranks: of the node.
  public init(_ layout: FoldLayout, ranks: Int, in plan: inout WindowPlan) {
    self.layout = layout
    sums = plan.add(layout.count, of: Float.self)
    rings = (0..<ranks).map { _ in plan.add(layout.slots * Self.paddedCapacity(layout), of: Float.self) }
    published = plan.add(counters: ranks)
    folded = plan.add(counters: ranks)
    delivered = plan.add(counters: ranks)
  }

  /// Floats from one bucket of a ring to the next: whole pages.
  static func paddedCapacity(_ layout: FoldLayout) -> Int { (layout.capacity + 1023) / 1024 * 1024 }

  /// Bytes of the buckets of one rank.
  public static func ringBytes(_ layout: FoldLayout) -> Int {
    layout.slots * paddedCapacity(layout) * MemoryLayout<Float>.stride
  }
}
