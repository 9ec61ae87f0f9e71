import CVectorKernels
import Tensors

/// How gradients are summed over the nodes.
public enum GradientReduction: String, Sendable, CaseIterable {
  /// In shard order: the same bits for any ranks and nodes.
  case ordered
  /// In shard order within a node, then by MPI's own all-reduce: bits that depend on ranks and nodes.
  case fast
}

/// The sum of the shards' gradients as the left fold ((g0 + g1) + g2) + ... in shard order: the same bits for any ranks.
///
/// Each rank forms its gradient bucket by bucket, from the last to the first, in a ring of a few buckets that the other
/// ranks of its group read. Every owner (the first ranks of each group, as many as the smallest group has) folds its slice
/// of each bucket straight from the rings, in rank order, into the group's one copy of the sum, as soon as all of the
/// round's ranks have published the bucket. Between groups the running sum goes on in group order, chunk by chunk, and
/// from the last group back to the first for the next round; after the last round the result goes to all groups. There is
/// no barrier: a rank goes on with its backward until its ring is full.
///
/// A step, on every rank:
/// ```
/// fold.beginStep()
/// for round in 0..<assignment.rounds where assignment.shard(round: round, rank: rank) != nil {
///   for bucket in (0..<layout.buckets.count).reversed() {
///     write(fold.open(bucket, inRound: round))
///     try fold.close(bucket, inRound: round)
///   }
/// }
/// try fold.endStep()  // fold.sums holds the result on every rank
/// ```
/// Before the next step all ranks of the group must have read the result (`NodeMemory.meet`).
/// - Complexity: each owner adds (gradient / owners) times the group's shards of the step and sends as much a round; extra
///   memory is the ring.
public final class OrderedFold {
  public let layout: FoldLayout
  public let assignment: ShardAssignment
  /// The folded gradient after `endStep`, once a group.
  public let sums: Tensor<Float>
  /// What this rank's fold has cost since `beginStep`.
  public internal(set) var times = FoldTimes()
  /// Done, too, while this fold waits: another fold's work, so that neither holds up the other.
  public var companion: OrderedFold?

  let memory: NodeMemory
  let chain: FoldChain
  private let rings: [Tensor<Float>]
  private let published: [SharedCounter]
  private let folded: [SharedCounter]
  private let delivered: [SharedCounter]
  /// The first sum of a long gradient is not read again soon.
  private let streams: Bool
  private var step: UInt64 = 0
  private var isRunning = false
  /// The next chunk that this owner adds.
  private var next = FoldPlace()

  /// - Parameters:
  ///   - memory: of the node.
  ///   - parts: where the fold's parts lie in it.
  ///   - channel: another one for each fold of a job.
  public init(
    _ memory: NodeMemory, parts: FoldMemory, assignment: ShardAssignment, reduction: GradientReduction = .ordered,
    channel: Int = 0
  ) throws {
    let groups = memory.groups
    self.memory = memory
    self.assignment = assignment
    layout = parts.layout
    sums = memory.tensor(parts.sums)
    // A rank that shares with nobody uses the place of its own number all the same.
    let first = memory.communicator.localRank - groups.member
    rings = (0..<groups.size).map { memory.tensor(parts.rings[first + $0]) }
    func counters(_ part: Range<Int>) -> [SharedCounter] {
      Array(memory.counters(part)[first..<first + groups.size])
    }
    published = counters(parts.published)
    folded = counters(parts.folded)
    delivered = counters(parts.delivered)
    streams = layout.count >= 8 << 20
    chain = try FoldChain(
      memory.communicator, groups: groups, layout: parts.layout, assignment: assignment, reduction: reduction,
      sums: sums, channel: channel)
  }

  private var bucketCount: Int { layout.buckets.count }

  /// Buckets that were due before this one since the run began.
  private func sequence(_ round: Int, _ position: Int) -> UInt64 {
    step * UInt64(assignment.rounds * bucketCount) + UInt64(round * bucketCount + position)
  }

  /// Starts the fold of a step.
  public func beginStep() {
    precondition(!isRunning, "endStep comes first")
    isRunning = true
    times = FoldTimes()
    next = FoldPlace()
    chain.beginStep()
  }

  /// This rank's memory for a bucket, with undefined contents, once its place in the ring is free.
  public func open(_ bucket: Int, inRound round: Int) throws -> Tensor<Float> {
    let sequence = sequence(round, bucketCount - 1 - bucket)
    let slots = UInt64(layout.slots)
    if sequence >= slots {
      let owners = folded.prefix(chain.owners)
      func lateOwner() -> Peer {
        let owner = owners.firstIndex { $0.value + slots <= sequence }
        return owner == memory.groups.member ? late() : peer(owner)
      }
      try wait(for: lateOwner) { owners.allSatisfy { $0.value + slots > sequence } }
    }
    memory.communicator.status.enter(.backward, bucket: bucket)
    return slot(memory.groups.member, sequence).range(0..<layout.buckets[bucket].count)
  }

  /// Publishes a bucket that this rank has written; folds what has become due.
  public func close(_ bucket: Int, inRound round: Int) throws {
    published[memory.groups.member].value = sequence(round, bucketCount - 1 - bucket) + 1
    while try progress() {}
  }

  /// Collective: returns when the sum of the step lies in every group.
  public func endStep() throws {
    let owners = delivered.prefix(chain.owners)
    let step = step
    memory.communicator.status.enter(.fold)
    try wait(for: late) { owners.allSatisfy { $0.value > step } }
    self.step += 1
    isRunning = false
  }

  private func slot(_ member: Int, _ sequence: UInt64) -> Tensor<Float> {
    let capacity = FoldMemory.paddedCapacity(layout)
    let start = Int(sequence % UInt64(layout.slots)) * capacity
    return rings[member].range(start..<start + capacity)
  }

  /// Whom the end of this step waits for, as far as this rank knows.
  private func late() -> Peer {
    if let source = chain.awaitedRank(next) { return .rank(source) }
    guard next.round < assignment.rounds, next.position < bucketCount else {
      return peer(delivered.prefix(chain.owners).firstIndex { $0.value <= step })
    }
    let sequence = sequence(next.round, next.position)
    let active = chain.activeMembers(inRound: next.round)
    return peer(
      published.prefix(active).firstIndex { $0.value <= sequence }
        ?? delivered.prefix(chain.owners).firstIndex { $0.value <= step })
  }

  private func peer(_ member: Int?) -> Peer {
    member.map { .rank(memory.groups.rank(ofMember: $0, group: memory.groups.index)) } ?? .everyone
  }

  private func wait(for peer: () -> Peer, until isSo: () -> Bool) throws {
    let start = Stopwatch.now
    let waited = times.wait
    let done = work(of: self) + work(of: companion)
    let work = { [self] in
      let own = try progress()
      return try companion?.progress() == true || own
    }
    try memory.wait(in: .fold, for: peer, doing: work, until: isSo)
    times.wait = waited + Stopwatch.now - start - (self.work(of: self) + self.work(of: companion) - done)
  }

  private func work(of fold: OrderedFold?) -> Double { fold.map { $0.times.fold + $0.times.network } ?? 0 }

  /// Does what can be done without waiting. - Returns: whether that was anything.
  public func progress() throws -> Bool {
    guard isRunning, chain.isOwner else { return false }
    var didWork = false
    while try addNext() { didWork = true }
    let start = Stopwatch.now
    let before = chain.waited
    if try chain.progress(added: next) { didWork = true }
    let waited = chain.waited - before
    times.wait += waited
    if chain.isBetweenGroups { times.network += Stopwatch.now - start - waited }
    let own = delivered[memory.groups.member]
    if own.value == step, next.round == assignment.rounds, try chain.isDelivered(at: next) { own.value = step + 1 }
    return didWork
  }

  /// Adds the group's terms of one chunk, if they and the sum before them are there.
  private func addNext() throws -> Bool {
    guard next.round < assignment.rounds else { return false }
    let own = folded[memory.groups.member]
    let active = chain.activeMembers(inRound: next.round)
    guard active > 0, bucketCount > 0 else {
      next = FoldPlace(round: next.round + 1)
      own.value = sequence(next.round, 0)
      return true
    }
    let sequence = sequence(next.round, next.position)
    guard published.prefix(active).allSatisfy({ $0.value > sequence }) else { return false }
    let chunks = chain.chunks(atPosition: next.position)
    if next.chunk < chunks.count {
      let start = Stopwatch.now
      guard try chain.hasArrived(next) else {
        times.network += chain.isBetweenGroups ? Stopwatch.now - start : 0
        return false
      }
      add(chunks[next.chunk], sequence: sequence, active: active)
      times.fold += Stopwatch.now - start
      try chain.pass(next)
      next.chunk += 1
    }
    if next.chunk == chunks.count {
      own.value = sequence + 1
      next = FoldPlace(round: next.round, position: next.position + 1)
      if next.position == bucketCount { next = FoldPlace(round: next.round + 1) }
    }
    return true
  }

  /// sum = ((sum + term of the first rank) + term of the second) + ...; the very first term starts the sum, because 0 + -0
  /// would be another bit pattern.
  private func add(_ chunk: Range<Int>, sequence: UInt64, active: Int) {
    let offset = chunk.lowerBound - layout.buckets[layout.bucket(atPosition: next.position)].lowerBound
    let starts = chain.startsSum(inRound: next.round)
    sums.range(chunk).setFold(
      of: (0..<active).map { slot($0, sequence).range(offset..<offset + chunk.count) }, starts: starts,
      streams: streams && starts)
  }
}

/// A chunk of a step, in the order in which an owner adds them.
struct FoldPlace: Comparable {
  var round = 0
  /// Of the bucket.
  var position = 0
  /// Of this owner's slice.
  var chunk = 0

  static func < (a: FoldPlace, b: FoldPlace) -> Bool {
    (a.round, a.position, a.chunk) < (b.round, b.position, b.chunk)
  }
}

extension Tensor where Element == Float {
  /// Overwrites with the sum of two others, past the cache.
  public func setStreamedSum(_ a: Tensor<Float>, _ b: Tensor<Float>) {
    precondition(a.count == count && b.count == count, "\(a.shape) + \(b.shape) in \(shape)")
    setFold(of: [a, b], starts: true, streams: true)
  }

  /// Overwrites with ((self + terms[0]) + terms[1]) + ..., or with `starts` with (terms[0] + terms[1]) + ...
  ///
  /// - Parameter streams: whether to write past the cache.
  fileprivate func setFold(of terms: [Tensor<Float>], starts: Bool, streams: Bool) {
    withUnsafeMutableBufferPointer { target in
      let pointers: [UnsafePointer<Float>?] = terms.map { term in
        term.withUnsafeMutableBufferPointer { UnsafePointer($0.baseAddress) }
      }
      evl_fold_f32(target.count, target.baseAddress, starts ? 1 : 0, streams ? 1 : 0, pointers, pointers.count)
    }
  }
}
