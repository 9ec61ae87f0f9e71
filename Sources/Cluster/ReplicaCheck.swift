import CVectorKernels
import Tensors

/// Compares what every node has a copy of: a copy that has changed by itself would spoil the run unnoticed.
public struct ReplicaCheck {
  private let memory: NodeMemory
  private let checksums: UnsafeMutableBufferPointer<Int64>

  /// Reserves memory for the checksums of so many tensors. - Returns: the part to give to `init`.
  public static func reserve(tensors: Int, in plan: inout WindowPlan) -> Range<Int> {
    plan.add(tensors, of: Int64.self)
  }

  public init(_ memory: NodeMemory, part: Range<Int>) {
    self.memory = memory
    checksums = UnsafeMutableBufferPointer(
      start: (memory.memory.base + part.lowerBound).assumingMemoryBound(to: Int64.self),
      count: part.count / MemoryLayout<Int64>.stride)
  }

  /// Collective: compares the copies of all groups.
  ///
  /// - Parameters:
  ///   - names: of the tensors, as many as were reserved.
  ///   - checksum: of a tensor; the tensors are dealt to the ranks of the group.
  /// - Throws: `AgreedError` naming the first tensor that differs and the rank that has the odd copy.
  /// - Complexity: reads every copy once, shared by the ranks of its group; nothing with one group.
  public func compare(
    _ names: [String], checksum: (_ tensor: Int) -> UInt64
  ) throws {
    let groups = memory.groups
    guard groups.count > 1 else { return }
    precondition(names.count == checksums.count, "\(names.count) tensors, \(checksums.count) reserved")
    for tensor in stride(from: groups.member, to: names.count, by: groups.size) {
      checksums[tensor] = Int64(bitPattern: checksum(tensor))
    }
    try memory.meet()
    let own = Array(checksums)
    try memory.meet()
    let communicator = memory.communicator
    var (low, high) = (own, own)
    try communicator.reduce(&low, by: .minimum)
    try communicator.reduce(&high, by: .maximum)
    guard let first = names.indices.first(where: { low[$0] != high[$0] }) else { return }
    let all = try communicator.allGather([own[first]]).map { $0[0] }
    let odd = Self.oddOne(groups.sizes.indices.map { all[groups.leader(ofGroup: $0)] })
    let rank = groups.leader(ofGroup: odd.group)
    let whose =
      odd.isCertain
      ? "that of rank \(rank) is not the others'"
      : "that of rank \(rank) is not that of rank 0, and either may be wrong"
    throw AgreedError(
      UserError(
        .internalFault,
        "copies of \(names[first]) differ: \(whose); a host's memory, or a bug, has changed it",
        remedy: "resume from the last checkpoint, and have the memory of the hosts tested"))
  }

  /// The first group whose value is not the commonest one; of equally common ones, that of group 0 counts, and nothing is
  /// certain.
  static func oddOne(_ values: [Int64]) -> (group: Int, isCertain: Bool) {
    var counts: [Int64: Int] = [:]
    for value in values { counts[value, default: 0] += 1 }
    let most = counts.values.max() ?? 0
    let common = values.first { counts[$0] == most }
    return (values.firstIndex { $0 != common } ?? 0, counts.values.count { $0 == most } == 1)
  }
}

extension Tensor {
  /// A sum over the bits of all elements that any change of one of them changes.
  public var checksum: UInt64 {
    withUnsafeMutableBufferPointer { evl_checksum($0.count * MemoryLayout<Element>.stride, $0.baseAddress) }
  }
}
