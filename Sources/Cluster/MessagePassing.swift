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
  private let handle: OpaquePointer
  private var isFinished = false

  /// Whether a launcher that speaks MPI started this process.
  public static var startedByLauncher: Bool { mp_started_by_launcher() }

  /// Starts MPI. Collective.
  ///
  /// - Parameter pieceBytes: the most bytes in one call of the library, at most 2^30; less is of use to tests alone.
  /// - Throws: `UserError(.unavailable)` where the library does not start.
  public init(pieceBytes: Int = 1 << 30) throws {
    var created: OpaquePointer?
    let code = mp_start(pieceBytes, &created)
    guard code == 0, let created else {
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
  }

  public var library: String {
    var text = [CChar](repeating: 0, count: 1024)
    mp_library_version(&text, text.count)
    let full = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    return full.split(whereSeparator: \.isNewline).first.map(String.init) ?? full
  }

  public func barrier() throws { try check(mp_barrier(handle), "a barrier") }

  public func broadcastBytes(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws {
    try check(mp_broadcast(handle, bytes.baseAddress, bytes.count, Int32(root)), "a broadcast from rank \(root)")
  }

  public func reduce(_ values: inout [Int64], by reduction: Reduction) throws {
    try check(mp_reduce_int64(handle, &values, values.count, reduction.code), "a reduction of integers")
  }

  public func reduce(_ values: inout [Double], by reduction: Reduction) throws {
    precondition(reduction != .sum, "sums of doubles depend on the number of ranks")
    try check(mp_reduce_double(handle, &values, values.count, reduction.code), "a reduction of extremes")
  }

  public func gatherBytes(
    _ bytes: UnsafeRawBufferPointer, into destination: UnsafeMutableRawBufferPointer, incoming: [Range<Int>],
    to root: Int
  ) throws {
    precondition(rank != root || incoming.count == size, "one range a rank")
    try check(
      mp_gather(
        handle, bytes.baseAddress, bytes.count, destination.baseAddress, Self.ranges(incoming, in: destination.count),
        Int32(root)), "a gather to rank \(root)")
  }

  public func allGatherBytes(_ memory: UnsafeMutableRawBufferPointer, ranges: [Range<Int>]) throws {
    precondition(ranges.count == size, "one range a rank")
    try check(mp_all_gather(handle, memory.baseAddress, Self.ranges(ranges, in: memory.count)), "an all-gather")
  }

  public func sendBytes(_ bytes: UnsafeRawBufferPointer, to destination: Int) throws {
    try check(mp_send(handle, bytes.baseAddress, bytes.count, Int32(destination)), "sending to rank \(destination)")
  }

  public func receiveBytes(_ bytes: UnsafeMutableRawBufferPointer, from source: Int) throws {
    try check(mp_receive(handle, bytes.baseAddress, bytes.count, Int32(source)), "receiving from rank \(source)")
  }

  public func startSend(_ bytes: UnsafeRawBufferPointer, to destination: Int, kind: Int) throws -> any Transfer {
    var transfer: OpaquePointer?
    try check(
      mp_start_send(handle, bytes.baseAddress, bytes.count, Int32(destination), Int32(kind), &transfer),
      "sending to rank \(destination)")
    return MessageTransfer(transfer, "sending to rank \(destination)")
  }

  public func startReceive(_ bytes: UnsafeMutableRawBufferPointer, from source: Int, kind: Int) throws -> any Transfer {
    var transfer: OpaquePointer?
    try check(
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
    try check(mp_make_team(handle, Int32(color ?? -1), &team), "the making of a team of ranks")
    return team.map { MessageTeam($0, of: self) }
  }

  fileprivate func sum(_ values: UnsafeMutableBufferPointer<Float>, over team: OpaquePointer) throws {
    try check(mp_team_sum_f32(handle, team, values.baseAddress, values.count), "an all-reduce between nodes")
  }

  /// The first rank of a node to come here prints; the others wait to be ended. Nodes after the first give those before
  /// them a moment, since their end is on its way.
  public func abort(_ error: UserError) {
    if node > 0 { usleep(1_500_000) }
    if mp_claim_last_word(handle) {
      Job.report(error.prefixed(prefix))
    } else {
      sleep(2)
    }
    mp_abort(handle, error.exitCode)
  }

  public func finish() throws {
    guard !isFinished else { return }
    isFinished = true
    try check(mp_finish(handle), "the end of the job")
  }

  private func check(_ code: Int32, _ operation: String) throws { try Self.check(code, operation) }

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
