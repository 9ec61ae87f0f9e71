/// Collectives over the slices of an arena: all ranks call them, in the same order, with the same plan.
extension Communicator {
  /// Every owner's slices on every rank, in place: after it the arenas are equal. Used for the updated weights.
  public func allGatherSlices(of memory: some FlatMemory, plan: SlicePlan) throws {
    guard size > 1 else { return }
    try memory.withUnsafeMutableBufferPointer { memory in
      for bucket in 0..<plan.bucketCount {
        let bytes = plan.slices(ofBucket: bucket).map(Self.bytes)
        try allGatherBytes(UnsafeMutableRawBufferPointer(memory), ranges: bytes)
      }
    }
  }

  /// Every owner's slices on the root alone, in place: the root's arena is whole after it. Used to save optimizer state.
  public func gatherSlices(of memory: some FlatMemory, plan: SlicePlan, to root: Int = 0) throws {
    guard size > 1 else { return }
    try memory.withUnsafeMutableBufferPointer { memory in
      let all = UnsafeMutableRawBufferPointer(memory)
      for bucket in 0..<plan.bucketCount {
        let bytes = plan.slices(ofBucket: bucket).map(Self.bytes)
        try gatherBytes(
          UnsafeRawBufferPointer(rebasing: all[bytes[rank]]), into: all, incoming: rank == root ? bytes : [], to: root)
      }
    }
  }

  private static func bytes(_ floats: Range<Int>) -> Range<Int> {
    floats.lowerBound * MemoryLayout<Float>.stride..<floats.upperBound * MemoryLayout<Float>.stride
  }
}
