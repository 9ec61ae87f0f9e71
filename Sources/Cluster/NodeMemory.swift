import CMessagePassing
import Foundation
import Tensors

/// How one memory is cut into parts, each begun on a page.
public struct WindowPlan {
  public private(set) var bytes = 0

  public init() {}

  /// Appends a part. - Returns: its bytes in the memory.
  public mutating func add(bytes count: Int) -> Range<Int> {
    let start = bytes
    bytes += (count + 4095) / 4096 * 4096
    return start..<start + count
  }

  /// Appends a part of so many numbers of a type.
  public mutating func add<T>(_ count: Int, of type: T.Type) -> Range<Int> {
    add(bytes: count * MemoryLayout<T>.stride)
  }

  /// Appends numbers that ranks wait for.
  mutating func add(counters count: Int) -> Range<Int> { add(bytes: count * SharedCounter.stride) }
}

/// The memory of a run that the ranks of a node have once: weights, folded gradient, optimizer state, buckets.
///
/// Where they cannot share memory each rank has all of it for itself, which costs memory and nothing else: such ranks are
/// groups of one, between which the fold goes on as between nodes.
public final class NodeMemory {
  public let communicator: any Communicator
  public let groups: MemoryGroups
  /// Why memory is not shared where several ranks are on a node, or how it is shared where /dev/shm is too small, with what
  /// to do about it; nil where all is as it should be.
  public let remark: String?
  let memory: SharedMemory
  private let arrivals: [SharedCounter]
  private var meetings: UInt64 = 0
  /// Whether this node has more ranks than processors they may use, so that one that waits keeps another from working.
  private let isCrowded: Bool
  /// Seconds this rank has spent in `meet`.
  public private(set) var meetingTime = 0.0

  /// Collective: takes the memory and finds out who shares it.
  ///
  /// - Parameters:
  ///   - plan: the same on every rank of a node.
  ///   - sharing: how it is shared.
  /// - Throws: `UserError(.unavailable)` where the system has not so much memory.
  public init(_ communicator: any Communicator, plan: WindowPlan, sharing: MemorySharing) throws {
    self.communicator = communicator
    var plan = plan
    let counters = plan.add(counters: communicator.localSize)
    let bytes = plan.bytes
    try communicator.agree {
      guard communicator.localRank == 0 else { return }
      try HostMemory().check(bytes: sharing == .private ? bytes * communicator.localSize : bytes)
    }
    memory = try communicator.agree { try communicator.shareMemory(bytes: bytes, sharing: sharing) }
    groups = try MemoryGroups.gather(communicator, sharesMemory: memory.kind != .private)
    isCrowded = try Self.isCrowded(communicator)
    let (memory, size) = (memory, groups.size)
    arrivals = (0..<size).map { SharedCounter(memory, at: counters.lowerBound + $0 * SharedCounter.stride) }
    remark = Self.remark(
      memory.kind, sharing: sharing, bytes: bytes, ranks: communicator.localSize, room: SharedMemory.roomInDevShm)
  }

  /// Collective. Ranks bound to processors of their own are no crowd, however many each of them may use.
  private static func isCrowded(_ communicator: any Communicator) throws -> Bool {
    let places = try communicator.allGather([communicator.node] + RankPlace.affinity())
    let processors = Set(places.filter { $0[0] == communicator.node }.flatMap { $0.dropFirst() })
    let usable = UsableProcessors.count(
      processors: processors.isEmpty ? communicator.localSize : processors.count, quota: CPUQuota.current())
    return communicator.localSize > usable
  }

  public var kind: SharedMemory.Kind { memory.kind }

  /// Collective: the remarks of all nodes on every rank, each once, with the host where there are several.
  public func remarks() throws -> [String] {
    let own = communicator.localRank == 0 ? remark.map { Array("\(Peers.hostName()): \($0)".utf8) } ?? [] : []
    let all = try communicator.allGather(own).filter { !$0.isEmpty }.map { String(decoding: $0, as: UTF8.self) }
    return communicator.nodeCount > 1 ? all : remark.map { [$0] } ?? []
  }

  static func remark(
    _ kind: SharedMemory.Kind, sharing: MemorySharing, bytes: Int, ranks: Int, room: Int
  ) -> String? {
    guard ranks > 1, sharing != .private else { return nil }
    let need = (bytes + (64 << 20)) >> 20
    let enlarge =
      "enlarge it with mount -o remount,size=\(need)m /dev/shm, docker run --shm-size=\(need)m, or a memory-backed "
      + "emptyDir at /dev/shm in Kubernetes"
    let short = "/dev/shm has room for \(room >> 20) MB where the ranks of this node share \(bytes >> 20) MB"
    switch kind {
    case .private:
      return "the ranks of this node cannot share memory, so each keeps a copy of its own (\(bytes >> 20) MB): "
        + (room < bytes ? "\(short); \(enlarge)" : "neither anonymous memory nor a file in /dev/shm could be shared")
    case .anonymous where room < bytes: return "\(short); anonymous memory is shared instead, or \(enlarge)"
    case .anonymous, .named: return nil
    }
  }

  /// Numbers in the memory; the tensor keeps it alive.
  public func tensor<T: TensorElement>(_ part: Range<Int>, of type: T.Type = T.self) -> Tensor<T> {
    precondition(part.lowerBound >= 0 && part.upperBound <= memory.bytes, "bytes \(part) of \(memory.bytes)")
    return Tensor(
      borrowing: (memory.base + part.lowerBound).assumingMemoryBound(to: T.self),
      shape: [part.count / MemoryLayout<T>.stride], owner: memory)
  }

  func counters(_ part: Range<Int>) -> [SharedCounter] {
    stride(from: part.lowerBound, to: part.upperBound, by: SharedCounter.stride).map { SharedCounter(memory, at: $0) }
  }

  /// Collective: bytes of this memory that are resident on the largest node, what its ranks share counted once.
  public func proportionalBytes() throws -> Int {
    try communicator.barrier()
    var nodes = [Int64](repeating: 0, count: communicator.nodeCount)
    nodes[communicator.node] = Int64(ProcessMemory.proportional(at: memory.base))
    return Int(try communicator.sum(nodes).max() ?? 0)
  }

  /// This rank's portion of n units of work that the group's ranks share.
  public func portion(of count: Int) -> Range<Int> {
    count * groups.member / groups.size..<count * (groups.member + 1) / groups.size
  }

  /// Collective over the group: returns once every rank of it has called, and has seen what the others wrote before.
  public func meet() throws {
    let start = Stopwatch.now
    defer { meetingTime += Stopwatch.now - start }
    meetings += 1
    arrivals[groups.member].value = meetings
    let meetings = meetings
    func late() -> Peer {
      arrivals.firstIndex { $0.value < meetings }.map { .rank(groups.rank(ofMember: $0, group: groups.index)) }
        ?? .everyone
    }
    try wait(in: .meeting, for: late) { arrivals.allSatisfy { $0.value >= meetings } }
  }

  /// Waits until something is so that other ranks bring about.
  ///
  /// - Parameters:
  ///   - operation: as the status page names it.
  ///   - peer: whom this rank waits for, looked at now and then.
  ///   - work: what this rank does meanwhile; says whether there was anything to do.
  func wait(
    in operation: Operation, for peer: () -> Peer, doing work: () throws -> Bool = { false }, until isSo: () -> Bool
  ) throws {
    var idle = 0
    while !isSo() {
      if try work() {
        idle = 0
        continue
      }
      idle += 1
      if idle.isMultiple(of: Self.patience) { communicator.status.waits(in: operation, for: peer()) }
      try communicator.checkPeers()
      rest(idle)
    }
    communicator.status.waits(in: nil, for: .everyone)
  }

  /// Looks in vain after which the status page is told.
  private static let patience = 4000

  /// Longer the longer the wait; with more ranks than processors, another rank gets the processor at once.
  private func rest(_ idle: Int) {
    if idle < 200, !isCrowded {
      mp_relax()
    } else if idle < 2000 {
      sched_yield()
    } else {
      usleep(50)
    }
  }
}

extension NodeMemory {
  /// Collective: numbers of the first group's memory in the memory of all groups, from leader to leader.
  ///
  /// - Precondition: `meet` comes before and after.
  public func copyToAllGroups(_ numbers: Tensor<Float>) throws {
    guard groups.isLeader else { return }
    let step = communicator.largestTransfer / MemoryLayout<Float>.stride
    for start in stride(from: 0, to: numbers.count, by: max(1, min(step, 1 << 20))) {
      try numbers.range(start..<min(numbers.count, start + max(1, min(step, 1 << 20)))).withUnsafeMutableBufferPointer {
        let bytes = UnsafeMutableRawBufferPointer($0)
        if groups.index > 0 { try communicator.receiveBytes(bytes, from: groups.leader(ofGroup: groups.index - 1)) }
        if groups.index + 1 < groups.count {
          try communicator.sendBytes(UnsafeRawBufferPointer(bytes), to: groups.leader(ofGroup: groups.index + 1))
        }
      }
    }
  }
}
