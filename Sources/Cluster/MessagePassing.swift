import CMessagePassing
import Foundation
import Tensors

/// The ranks that mpirun (or another launcher) started, joined by the MPI library.
///
/// It works on a duplicate of MPI's world with the ranks renumbered node by node, so `rank` can differ from the launcher's
/// own numbering where that deals ranks to nodes in turn. Created once a process, on the thread that makes all the calls.
public final class MessagePassing: Communicator {
  public let rank: Int
  public let size: Int
  public let node: Int
  public let nodeCount: Int
  public let localRank: Int
  public let localSize: Int
  public let status: RankStatus
  private let handle: OpaquePointer
  private var isFinished = false

  /// Starts MPI. Collective.
  ///
  /// - Parameter pieceBytes: the most bytes in one call of the library, at most 2^30; less is of use to tests alone.
  /// - Throws: `UserError(.unavailable)` where the library does not start.
  public init(pieceBytes: Int = 1 << 30) throws {
    var created: OpaquePointer?
    let code = mp_start(pieceBytes, &created)
    guard code == 0, let created, let page = mp_page_of(created) else {
      throw UserError(
        .unavailable, "MPI does not start: \(Self.describe(code))",
        remedy: "start under the mpirun of the library this program was built with; see evl-dist doctor")
    }
    handle = created
    rank = Int(mp_rank(created))
    size = Int(mp_size(created))
    node = Int(mp_node(created))
    nodeCount = Int(mp_node_count(created))
    localRank = Int(mp_local_rank(created))
    localSize = Int(mp_local_size(created))
    status = RankStatus(page: page, slot: localRank, rank: rank, peers: try Self.peers(created))
  }

  /// Collective: who the ranks are, with the names of their hosts.
  private static func peers(_ handle: OpaquePointer) throws -> Peers {
    let width = 256
    let (rank, size) = (Int(mp_rank(handle)), Int(mp_size(handle)))
    var own = Array("\(mp_node(handle)) \(Peers.hostName())".utf8.prefix(width))
    own += [UInt8](repeating: 0, count: width - own.count)
    var all = [UInt8](repeating: 0, count: width * size)
    all.replaceSubrange(rank * width..<(rank + 1) * width, with: own)
    let code = mp_all_gather(handle, &all, (0..<size).map { mp_range(lower: $0 * width, upper: ($0 + 1) * width) })
    try check(code, "the start of the job")
    let fields = (0..<size).map { peer in
      String(decoding: all[(peer * width)..<(peer + 1) * width].prefix { $0 != 0 }, as: UTF8.self).split(separator: " ")
    }
    return Peers(nodes: fields.map { Int($0[0]) ?? 0 }, hosts: fields.map { String($0.last ?? "") })
  }

  public var library: String { Self.linkedLibrary }

  /// Name and version of the MPI library that this program is linked with, whether MPI has been started or not.
  public static var linkedLibrary: String {
    var text = [CChar](repeating: 0, count: 1024)
    mp_library_version(&text, text.count)
    return name(of: String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
  }

  /// The library's name and version of all that it tells: of "MPICH Version:\t4.0.2" and lines on its build, "MPICH 4.0.2".
  static func name(of text: String) -> String {
    let line = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? text
    return line.split(whereSeparator: \.isWhitespace).filter { $0 != "Version:" }.joined(separator: " ")
  }

  public func barrier() throws { try call(.barrier) { mp_barrier(handle) } }

  public func broadcastBytes(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws {
    let peer: Peer = rank == root ? .everyone : .rank(root)
    try call(.broadcast, peer) { mp_broadcast(handle, bytes.baseAddress, bytes.count, Int32(root)) }
  }

  public func reduce(_ values: inout [Int64], by reduction: Reduction) throws {
    try call(.integers) { mp_reduce_int64(handle, &values, values.count, reduction.code) }
  }

  public func reduce(_ values: inout [Double], by reduction: Reduction) throws {
    precondition(reduction != .sum, "sums of doubles depend on the number of ranks")
    try call(.extremes) { mp_reduce_double(handle, &values, values.count, reduction.code) }
  }

  public func gatherBytes(
    _ bytes: UnsafeRawBufferPointer, into destination: UnsafeMutableRawBufferPointer, incoming: [Range<Int>],
    to root: Int
  ) throws {
    precondition(rank != root || incoming.count == size, "one range a rank")
    try call(.gather, rank == root ? .everyone : .rank(root)) {
      mp_gather(
        handle, bytes.baseAddress, bytes.count, destination.baseAddress, Self.ranges(incoming, in: destination.count),
        Int32(root))
    }
  }

  public func allGatherBytes(_ memory: UnsafeMutableRawBufferPointer, ranges: [Range<Int>]) throws {
    precondition(ranges.count == size, "one range a rank")
    try call(.allGather) { mp_all_gather(handle, memory.baseAddress, Self.ranges(ranges, in: memory.count)) }
  }

  public func sendBytes(_ bytes: UnsafeRawBufferPointer, to destination: Int) throws {
    try call(.sending, .rank(destination)) { mp_send(handle, bytes.baseAddress, bytes.count, Int32(destination)) }
  }

  public func receiveBytes(_ bytes: UnsafeMutableRawBufferPointer, from source: Int) throws {
    try call(.receiving, .rank(source)) { mp_receive(handle, bytes.baseAddress, bytes.count, Int32(source)) }
  }

  public func startSend(_ bytes: UnsafeRawBufferPointer, to destination: Int, kind: Int) throws -> any Transfer {
    var transfer: OpaquePointer?
    try Self.check(
      mp_start_send(handle, bytes.baseAddress, bytes.count, Int32(destination), Int32(kind), &transfer),
      "sending to rank \(destination)")
    return MessageTransfer(transfer, "sending to rank \(destination)")
  }

  public func startReceive(_ bytes: UnsafeMutableRawBufferPointer, from source: Int, kind: Int) throws -> any Transfer {
    var transfer: OpaquePointer?
    try Self.check(
      mp_start_receive(handle, bytes.baseAddress, bytes.count, Int32(source), Int32(kind), &transfer),
      "receiving from rank \(source)")
    return MessageTransfer(transfer, "receiving from rank \(source)")
  }

  public var largestTransfer: Int { mp_largest_transfer(handle) }

  public func shareMemory(bytes: Int, sharing: MemorySharing) throws -> SharedMemory {
    try SharedMemory(handle, bytes: bytes, sharing: sharing)
  }

  public func makeTeam(color: Int?) throws -> (any RankTeam)? {
    var team: OpaquePointer?
    try call(.team) { mp_make_team(handle, Int32(color ?? -1), &team) }
    return team.map { MessageTeam($0, of: self) }
  }

  fileprivate func sum(_ values: UnsafeMutableBufferPointer<Float>, over team: OpaquePointer) throws {
    try call(.team) { mp_team_sum_f32(handle, team, values.baseAddress, values.count) }
  }

  /// The first rank of a node to come here prints; the others wait to be ended. Nodes after the first give those before
  /// them a moment, since their end is on its way.
  public func abort(_ error: UserError) {
    if node > 0 { usleep(1_500_000) }
    if status.claimEnd(code: error.exitCode) {
      Job.report(error.prefixed(prefix))
    } else {
      sleep(2)
    }
    mp_abort(handle, error.exitCode)
  }

  public func finish() throws {
    guard !isFinished else { return }
    isFinished = true
    status.begin(.finishing)
    try call(.finish) { mp_finish(handle) }
    status.leave()
  }

  /// Runs an operation of the library while the status page tells what this rank waits for.
  private func call(_ operation: Operation, _ peer: Peer = .everyone, _ body: () -> Int32) throws {
    let code = status.waiting(in: operation, for: peer, body)
    guard code != 0 else { return }
    if case .rank(let rank) = peer { try Self.check(code, "\(operation.words) with rank \(rank)") }
    try Self.check(code, operation.words)
  }

  fileprivate static func check(_ code: Int32, _ operation: String) throws {
    guard code == 0 else {
      throw UserError(.rankLost, "\(operation) failed in the MPI library: \(describe(code))")
    }
  }

  private static func describe(_ code: Int32) -> String {
    var text = [CChar](repeating: 0, count: 512)
    mp_describe_error(code, &text, text.count)
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  private static func ranges(_ ranges: [Range<Int>], in count: Int) -> [mp_range] {
    ranges.map { range in
      precondition(range.lowerBound >= 0 && range.upperBound <= count, "range \(range) of \(count) bytes")
      return mp_range(lower: range.lowerBound, upper: range.upperBound)
    }
  }
}

/// A message of the MPI library on its way.
private final class MessageTransfer: Transfer {
  private let handle: OpaquePointer?
  private let operation: String
  private var isDone = false

  init(_ handle: OpaquePointer?, _ operation: String) {
    self.handle = handle
    self.operation = operation
  }

  deinit { mp_free_transfer(handle) }

  func isComplete() throws -> Bool {
    if !isDone { try MessagePassing.check(mp_test_transfer(handle, &isDone), operation) }
    return isDone
  }
}

/// A team of the MPI library.
private final class MessageTeam: RankTeam {
  private let handle: OpaquePointer
  private let communicator: MessagePassing

  init(_ handle: OpaquePointer, of communicator: MessagePassing) {
    self.handle = handle
    self.communicator = communicator
  }

  func sum(_ values: UnsafeMutableBufferPointer<Float>) throws { try communicator.sum(values, over: handle) }
}

extension Reduction {
  fileprivate var code: mp_reduction {
    switch self {
    case .sum: MP_SUM
    case .maximum: MP_MAXIMUM
    case .minimum: MP_MINIMUM
    }
  }
}
