import Foundation
import Tensors

/// Where simulated ranks meet. One lock guards all of its state; the memory that contributions point to is read only
/// between two meetings of all ranks, while its owner waits.
final class SimulatedHub: @unchecked Sendable {
  /// What a rank publishes for one operation.
  struct Contribution {
    var bytes = UnsafeRawBufferPointer(start: nil, count: 0)
    var ranges: [Range<Int>] = []

    init() {}
    init(_ bytes: UnsafeRawBufferPointer, _ ranges: [Range<Int>] = []) {
      self.bytes = bytes
      self.ranges = ranges
    }
    init(_ bytes: UnsafeMutableRawBufferPointer) { self.bytes = UnsafeRawBufferPointer(bytes) }
  }

  /// The way of a message: those of one kind between two ranks keep their order.
  struct Address: Hashable {
    var source: Int, destination: Int, kind: Int
  }

  /// A message on its way: a copy, or the sender's own memory, which must stay as it is until it is taken.
  final class Message: @unchecked Sendable {
    // Sendable because it is read and written under the hub's lock alone.
    fileprivate let copy: [UInt8]
    fileprivate let memory: UnsafeRawBufferPointer?
    fileprivate var isTaken = false

    init(copy: [UInt8]) { (self.copy, memory) = (copy, nil) }
    init(lying memory: UnsafeRawBufferPointer) { (copy, self.memory) = ([], memory) }

    /// The bytes as they are now.
    fileprivate func take() -> [UInt8] {
      isTaken = true
      return memory.map { [UInt8]($0) } ?? copy
    }
  }

  let size: Int
  private let condition = NSCondition()
  private var arrived: [Contribution?]
  private var operation = ""
  private var meeting = 0
  private var published: [Contribution] = []
  private var hasLeft: [Bool]
  private var failure: (any Error)?
  private var messages: [Address: [Message]] = [:]
  /// Receives started at each address, and those served.
  private var tickets: [Address: (given: Int, served: Int)] = [:]
  private var memories: [Int: SharedMemory] = [:]

  init(size: Int) {
    self.size = size
    arrived = [Contribution?](repeating: nil, count: size)
    hasLeft = [Bool](repeating: false, count: size)
  }

  /// Returns every rank's contribution once all have come to the operation of that name.
  func meet(_ name: String, rank: Int, _ contribution: Contribution) throws -> [Contribution] {
    condition.lock()
    defer { condition.unlock() }
    try throwFailure()
    if arrived.allSatisfy({ $0 == nil }) { operation = name }
    if operation != name {
      // Whoever differs never meets the others, or it would read memory of another shape.
      note(fault("rank \(rank) calls \(name) where others call \(operation)"))
      try throwFailure()
    }
    arrived[rank] = contribution
    let mine = meeting
    if arrived.allSatisfy({ $0 != nil }) {
      published = arrived.compactMap { $0 }
      arrived = [Contribution?](repeating: nil, count: size)
      meeting += 1
      condition.broadcast()
    } else if let gone = hasLeft.firstIndex(of: true) {
      note(fault("rank \(gone) has ended while rank \(rank) waits in \(name)"))
    }
    while meeting == mine, failure == nil { condition.wait() }
    // A meeting that took place counts, even where a rank has failed since: its memory is still there.
    if meeting == mine { try throwFailure() }
    return published
  }

  func post(_ message: Message, as address: Address) {
    condition.lock()
    defer { condition.unlock() }
    messages[address, default: []].append(message)
    condition.broadcast()
  }

  func take(_ address: Address) throws -> [UInt8] {
    condition.lock()
    defer { condition.unlock() }
    while messages[address, default: []].isEmpty, failure == nil {
      if hasLeft[address.source] {
        note(fault("rank \(address.source) has ended while rank \(address.destination) waits for its message"))
      }
      if failure == nil { condition.wait() }
    }
    try throwFailure()
    return messages[address, default: []].removeFirst().take()
  }

  /// Whether a message has been taken.
  func isTaken(_ message: Message) throws -> Bool {
    condition.lock()
    defer { condition.unlock() }
    try throwFailure()
    return message.isTaken
  }

  /// The turn of a receive among those started at an address.
  func ticket(_ address: Address) -> Int {
    condition.lock()
    defer { condition.unlock() }
    tickets[address, default: (0, 0)].given += 1
    return tickets[address, default: (1, 0)].given - 1
  }

  /// The message of a receive, if it is there and those started before have theirs.
  func takeIfThere(_ address: Address, ticket: Int) throws -> [UInt8]? {
    condition.lock()
    defer { condition.unlock() }
    try throwFailure()
    guard tickets[address]?.served == ticket, !messages[address, default: []].isEmpty else { return nil }
    tickets[address]?.served += 1
    return messages[address, default: []].removeFirst().take()
  }

  /// Brings the first rank's memory to all of its node.
  func share(_ own: SharedMemory?, rank: Int, first: Int, sharing: MemorySharing) throws -> SharedMemory {
    if let own, sharing != .private {
      condition.lock()
      memories[rank] = own
      condition.unlock()
    }
    _ = try meet("sharing of memory", rank: rank, .init())
    condition.lock()
    let shared = memories[first]
    condition.unlock()
    _ = try meet("end of sharing of memory", rank: rank, .init())
    guard let result = sharing == .private ? own : shared else { throw fault("rank \(first) has no memory to share") }
    return result
  }

  /// Throws the failure of any rank.
  func check() throws {
    condition.lock()
    defer { condition.unlock() }
    try throwFailure()
  }

  /// The first failure is kept; everyone who waits, or comes to wait, throws it.
  func fail(_ error: any Error) {
    condition.lock()
    defer { condition.unlock() }
    note(error)
  }

  func leave(_ rank: Int) {
    condition.lock()
    defer { condition.unlock() }
    hasLeft[rank] = true
    if let waiting = arrived.firstIndex(where: { $0 != nil }) {
      note(fault("rank \(rank) has ended while rank \(waiting) waits in \(operation)"))
    }
    condition.broadcast()
  }

  /// Returns when every rank has ended. - Throws: the first failure.
  func waitForAll() throws {
    condition.lock()
    defer { condition.unlock() }
    while hasLeft.contains(false) { condition.wait() }
    try throwFailure()
  }

  private func note(_ error: any Error) {
    if failure == nil { failure = error }
    condition.broadcast()
  }

  private func throwFailure() throws {
    if let failure { throw failure }
  }

  private func fault(_ message: String) -> UserError { UserError(.internalFault, "simulated ranks: " + message) }
}
