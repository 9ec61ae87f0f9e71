import CMessagePassing
import Foundation

/// What a rank is doing, as the others of its node see it.
public enum Phase: Int32, Sendable {
  case starting, data, teacher, forward, backward, fold, optimizer, checkpoint, evaluation, finishing
}

/// What a rank may wait for others in.
public enum Operation: Int32, Sendable {
  case barrier = 1
  case broadcast, integers, extremes, gather, allGather, sending, receiving, fold, meeting, team, finish

  /// "a barrier", as it stands after "waiting in".
  public var words: String {
    switch self {
    case .barrier: "a barrier"
    case .broadcast: "a broadcast"
    case .integers: "a reduction of integers"
    case .extremes: "a reduction of extremes"
    case .gather: "a gather"
    case .allGather: "an all-gather"
    case .sending: "sending a message"
    case .receiving: "receiving a message"
    case .fold: "the fold of the gradient"
    case .meeting: "a meeting of the node's ranks"
    case .team: "an all-reduce between nodes"
    case .finish: "the end of the job"
    }
  }
}

/// Whom a rank waits for.
public enum Peer: Sendable, Equatable {
  case everyone
  case rank(Int)
}

/// Where this rank is, published on a page of its node's shared memory for the watchdogs of all its ranks.
///
/// One thread of the rank publishes: each call is a few atomic stores and a look at the clock (tens of nanoseconds), no
/// locks, no allocation. Single and simulated ranks have a page of their own.
public final class RankStatus: @unchecked Sendable {
  // Sendable because the page is read and written by atomic operations alone and lives as long as this object.
  let page: OpaquePointer
  let slot: Int32
  let peers: Peers

  /// Takes over the page. - Parameter slot: this rank's place on it, its local rank.
  init(page: OpaquePointer, slot: Int, rank: Int, peers: Peers) {
    self.page = page
    self.slot = Int32(slot)
    self.peers = peers
    mp_publish_arrival(page, self.slot, Int32(rank))
    mp_publish_turn(page, self.slot, 0, Phase.starting.rawValue)
  }

  /// A rank that no other sees.
  convenience init(alone rank: Int, of peers: Peers) {
    guard let page = mp_page_create(1) else { preconditionFailure("out of memory") }
    self.init(page: page, slot: 0, rank: rank, peers: peers)
  }

  deinit { mp_page_release(page) }

  /// How long a step may take on any rank of this node, in seconds; 0: for ever, and a rank that is stopped is waited for.
  public func limitSteps(toSeconds seconds: Double) { mp_set_step_limit(page, seconds) }

  /// How long the ranks of this node may go on once a signal has announced that they will be killed, in seconds.
  ///
  /// - Parameter seconds: nil where nobody said, or it does not matter any more.
  public func limitGrace(toSeconds seconds: Double?) { mp_set_grace(page, seconds ?? -1) }

  /// Seconds that the ranks of this node may go on once a kill is announced; nil where nobody said.
  var grace: Double? {
    let seconds = mp_grace(page)
    return seconds < 0 ? nil : seconds
  }

  /// Seconds in which a state can still be saved, negative when they are over; nil where no kill is announced, or nobody
  /// said when it comes. A second of the grace, or a fifth, is left for the job's own end.
  public var secondsLeft: Double? {
    let age = mp_notice_age()
    return age < 0 ? nil : grace.map { $0 - min(1, $0 / 5) - age }
  }

  /// A step begins, or another piece of work that is to end within the step limit; counted from 1. The clock starts anew.
  public func begin(step: Int, _ phase: Phase = .data) {
    mp_publish_turn(page, slot, Int64(step), phase.rawValue)
  }

  /// Work outside of the steps begins, such as a checkpoint: the clock starts anew.
  public func begin(_ phase: Phase) { mp_publish_turn(page, slot, Int64(MP_SAME_STEP), phase.rawValue) }

  /// The rank goes over to that phase of its step.
  public func enter(_ phase: Phase) { mp_publish_phase(page, slot, phase.rawValue, Int32(MP_NO_BUCKET)) }

  /// The rank works on that bucket of the gradient.
  public func enter(_ phase: Phase, bucket: Int) { mp_publish_phase(page, slot, phase.rawValue, Int32(bucket)) }

  /// Runs an operation that may wait for others; whoever looks sees which and for whom.
  public func waiting<T>(in operation: Operation, for peer: Peer, _ body: () throws -> T) rethrows -> T {
    waits(in: operation, for: peer)
    defer { waits(in: nil, for: peer) }
    return try body()
  }

  /// The rank waits in an operation, or, with nil, for nothing any more.
  func waits(in operation: Operation?, for peer: Peer) {
    mp_publish_wait(page, slot, operation?.rawValue ?? 0, operation == nil ? 0 : Self.number(of: peer))
  }

  private static func number(of peer: Peer) -> Int32 {
    switch peer {
    case .everyone: Int32(MP_EVERYONE)
    case .rank(let rank): Int32(rank)
    }
  }

  /// The rank ends in order: from now on nobody misses it.
  func leave() { mp_publish_departure(page, slot) }

  /// Notes that the job ends with that code; true for the first of the node, who prints the job's last message.
  func claimEnd(code: Int32) -> Bool { mp_claim_end(page, code) }
}

/// The ranks of the job and the hosts they are on.
struct Peers: Sendable, Equatable {
  /// By rank.
  var nodes: [Int]
  /// By rank.
  var hosts: [String]

  /// Ranks of one process.
  static func here(_ count: Int) -> Peers {
    Peers(nodes: [Int](repeating: 0, count: count), hosts: [String](repeating: hostName(), count: count))
  }

  /// This machine's name, without a question to a name server.
  static func hostName() -> String {
    var text = [CChar](repeating: 0, count: 256)
    guard gethostname(&text, text.count) == 0 else { return "unknown" }
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  var nodeCount: Int { Set(nodes).count }

  /// The hosts of the other nodes, in node order.
  func hosts(besidesNodeOf rank: Int) -> [String] {
    var seen: Set = [nodes[rank]]
    return nodes.indices.filter { seen.insert(nodes[$0]).inserted }.map { hosts[$0] }
  }
}
