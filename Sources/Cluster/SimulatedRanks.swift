import Foundation
import Tensors

/// Several ranks as threads of one process, for tests of what ranks do together.
public enum SimulatedRanks {
  /// Runs the body once a rank, each on a thread of its own, and returns the results in rank order.
  ///
  /// - Parameters:
  ///   - ranksPerNode: how many ranks each simulated node has; ranks are counted node by node.
  ///   - delays: a seed for random waits before every operation, so that runs differ in their schedules; nil for none.
  /// - Throws: the first error a body threw or aborted with; the others' collectives then fail instead of waiting. A rank
  ///   that ends, or calls another operation, while others wait for it is a `UserError(.internalFault)`.
  public static func run<T: Sendable>(
    ranksPerNode: [Int], delays: UInt64? = nil, _ body: @escaping @Sendable (any Communicator) throws -> T
  ) throws -> [T] {
    let hub = SimulatedHub(size: ranksPerNode.reduce(0, +))
    let results = SimulatedResults<T>(count: hub.size)
    var first = 0
    for (node, count) in ranksPerNode.enumerated() {
      for localRank in 0..<count {
        let place = SimulatedRank.Place(
          rank: first + localRank, node: node, nodeCount: ranksPerNode.count, localRank: localRank, localSize: count)
        let thread = Thread {
          do {
            let value = try body(SimulatedRank(place, hub: hub, delays: delays))
            results.set(value, rank: place.rank)
          } catch {
            hub.fail(error)
          }
          hub.leave(place.rank)
        }
        thread.stackSize = 4 << 20
        thread.start()
      }
      first += count
    }
    try hub.waitForAll()
    return results.values
  }

  /// All ranks on one node.
  public static func run<T: Sendable>(
    _ count: Int, delays: UInt64? = nil, _ body: @escaping @Sendable (any Communicator) throws -> T
  ) throws -> [T] {
    try run(ranksPerNode: [count], delays: delays, body)
  }
}

/// What the bodies returned; each thread writes its own element under the lock.
private final class SimulatedResults<T: Sendable>: @unchecked Sendable {
  private let lock = NSLock()
  private var stored: [T?]

  init(count: Int) { stored = [T?](repeating: nil, count: count) }

  func set(_ value: T, rank: Int) { lock.withLock { stored[rank] = value } }

  var values: [T] { lock.withLock { stored.compactMap { $0 } } }
}

/// One simulated rank: publishes where its memory lies, waits for the others, copies from theirs, waits again.
final class SimulatedRank: Communicator {
  struct Place: Sendable {
    var rank: Int, node: Int, nodeCount: Int, localRank: Int, localSize: Int
  }

  let status: RankStatus
  private let place: Place
  private let hub: SimulatedHub
  private let delays: UInt64?
  private var operations: UInt64 = 0

  init(_ place: Place, hub: SimulatedHub, delays: UInt64?) {
    self.place = place
    self.hub = hub
    self.delays = delays
    status = RankStatus(alone: place.rank, of: .here(hub.size))
  }

  var rank: Int { place.rank }
  var size: Int { hub.size }
  var node: Int { place.node }
  var nodeCount: Int { place.nodeCount }
  var localRank: Int { place.localRank }
  var localSize: Int { place.localSize }
  var library: String { "simulated ranks" }

  func barrier() throws { try collective("barrier", .init()) { _ in } }

  func broadcastBytes(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws {
    try collective("broadcast of \(bytes.count) bytes from \(root)", .init(bytes)) { all in
      if rank != root { bytes.write(all[root].bytes, at: 0) }
    }
  }

  func reduce(_ values: inout [Int64], by reduction: Reduction) throws {
    values = try reduced(values) { a, b in
      switch reduction {
      case .sum: a &+ b
      case .maximum: max(a, b)
      case .minimum: min(a, b)
      }
    }
  }

  func reduce(_ values: inout [Double], by reduction: Reduction) throws {
    precondition(reduction != .sum, "sums of doubles depend on the number of ranks")
    values = try reduced(values) { reduction == .maximum ? max($0, $1) : min($0, $1) }
  }

  func gatherBytes(
    _ bytes: UnsafeRawBufferPointer, into destination: UnsafeMutableRawBufferPointer, incoming: [Range<Int>],
    to root: Int
  ) throws {
    try collective("gather to \(root)", .init(bytes)) { all in
      guard rank == root else { return }
      for peer in 0..<size {
        precondition(all[peer].bytes.count == incoming[peer].count, "rank \(peer) sends another count")
        destination.write(all[peer].bytes, at: incoming[peer].lowerBound)
      }
    }
  }

  func allGatherBytes(_ memory: UnsafeMutableRawBufferPointer, ranges: [Range<Int>]) throws {
    try collective("all-gather of \(ranges)", .init(memory)) { all in
      for peer in 0..<size where peer != rank {
        memory.write(UnsafeRawBufferPointer(rebasing: all[peer].bytes[ranges[peer]]), at: ranges[peer].lowerBound)
      }
    }
  }

  func sendBytes(_ bytes: UnsafeRawBufferPointer, to destination: Int) throws {
    pause()
    hub.post(.init(copy: [UInt8](bytes)), as: .init(source: rank, destination: destination, kind: -1))
  }

  func receiveBytes(_ bytes: UnsafeMutableRawBufferPointer, from source: Int) throws {
    pause()
    let message = try hub.take(.init(source: source, destination: rank, kind: -1))
    precondition(message.count == bytes.count, "rank \(source) sends another count")
    message.withUnsafeBytes { bytes.write($0, at: 0) }
  }

  func startSend(_ bytes: UnsafeRawBufferPointer, to destination: Int, kind: Int) -> any Transfer {
    // Read only when it is taken: a sender that changes its memory before is found out.
    let message = SimulatedHub.Message(lying: bytes)
    hub.post(message, as: .init(source: rank, destination: destination, kind: kind))
    return SimulatedTransfer { [hub] in try hub.isTaken(message) }
  }

  func startReceive(_ bytes: UnsafeMutableRawBufferPointer, from source: Int, kind: Int) -> any Transfer {
    let address = SimulatedHub.Address(source: source, destination: rank, kind: kind)
    let ticket = hub.ticket(address)
    return SimulatedTransfer { [hub] in
      guard let message = try hub.takeIfThere(address, ticket: ticket) else { return false }
      precondition(message.count == bytes.count, "rank \(source) sends another count")
      message.withUnsafeBytes { bytes.write($0, at: 0) }
      return true
    }
  }

  /// The node's first rank takes it for all, who are threads of one process.
  func shareMemory(bytes: Int, sharing: MemorySharing) throws -> SharedMemory {
    let kind: SharedMemory.Kind = sharing == .private ? .private : .anonymous
    let own = localRank == 0 || sharing == .private ? try SharedMemory(alone: bytes, kind: kind) : nil
    return try hub.share(own, rank: rank, first: rank - localRank, sharing: sharing)
  }

  func makeTeam(color: Int?) throws -> (any RankTeam)? {
    let colors = try allGather([Int64(color ?? -1)]).map { $0[0] }
    guard let color else { return nil }
    return SimulatedTeam(self, ranks: colors.indices.filter { colors[$0] == color })
  }

  func checkPeers() throws {
    try hub.check()
    pause()
  }

  func abort(_ error: UserError) { hub.fail(error.prefixed(prefix)) }

  func finish() throws { try barrier() }

  private func reduced<T: BitwiseCopyable>(_ values: [T], _ combine: (T, T) -> T) throws -> [T] {
    var result = values
    try values.withUnsafeBytes { own in
      try collective("reduction of \(values.count) values", .init(own)) { all in
        let columns = all.map { Array($0.bytes.bindMemory(to: T.self)) }
        for i in result.indices { result[i] = columns.dropFirst().reduce(columns[0][i]) { combine($0, $1[i]) } }
      }
    }
    return result
  }

  /// No memory is read before all have published it, and none is given back before all have read.
  private func collective(
    _ name: String, _ contribution: SimulatedHub.Contribution, _ body: ([SimulatedHub.Contribution]) -> Void
  ) throws {
    pause()
    body(try hub.meet(name, rank: rank, contribution))
    _ = try hub.meet("end of " + name, rank: rank, .init())
  }

  private func pause() {
    operations += 1
    guard let delays else { return }
    var random = CounterRandom(seed: delays, purpose: "delay", step: operations, sample: UInt64(rank))
    if random.integer(below: 4) == 0 { usleep(UInt32(random.integer(below: 300))) }
  }
}

/// A message between simulated ranks.
private final class SimulatedTransfer: Transfer {
  private let attempt: () throws -> Bool
  private var isDone = false

  init(_ attempt: @escaping () throws -> Bool) { self.attempt = attempt }

  func isComplete() throws -> Bool {
    if !isDone { isDone = try attempt() }
    return isDone
  }
}

/// Sums in rank order, by messages to everyone.
private final class SimulatedTeam: RankTeam {
  private let own: SimulatedRank
  private let ranks: [Int]

  init(_ own: SimulatedRank, ranks: [Int]) {
    self.own = own
    self.ranks = ranks
  }

  func sum(_ values: UnsafeMutableBufferPointer<Float>) throws {
    let copy = Array(values)
    for peer in ranks where peer != own.rank { try own.send(copy, to: peer) }
    var sum = [Float](repeating: 0, count: values.count)
    for peer in ranks {
      let term = peer == own.rank ? copy : try own.receive(Float.self, count: values.count, from: peer)
      for index in sum.indices { sum[index] += term[index] }
    }
    _ = values.update(fromContentsOf: sum)
  }
}
