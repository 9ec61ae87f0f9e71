import CVectorKernels
import Tensors

/// The sum of the shards' gradients as the left fold ((g0 + g1) + g2) + ... in shard order: the same bits for any ranks.
///
/// The gradient arena is cut by a `SlicePlan`. In each round every rank that has a shard runs backward into its own arena
/// and reports finished ranges by `complete`; a bucket whose elements are all finished is exchanged, slice k going to rank
/// k straight from the arena, and its owner adds the ranks' parts in rank order to its running sum. `endRound` folds what
/// is left. Buckets are folded from the last to the first, the order in which backward finishes them, whatever the order
/// of the reports; so a rank without a shard needs no reports and only ends the round. After the last round each owner's
/// slices of its arena hold the folded gradient; the rest of the arena is of no meaning.
///
/// A step, on every rank:
/// ```
/// fold.beginStep()
/// for round in 0..<assignment.rounds {
///   if let shard = assignment.shard(round: round, rank: communicator.rank) {
///     try backward(shard) { finished in try fold.complete(finished) }
///   }
///   try fold.endRound()
/// }
/// ```
/// - Complexity: each rank sends and adds (arena / ranks) times the shards of the step; extra memory is one bucket and the
///   rank's own slices.
public final class OrderedFold {
  public let plan: SlicePlan
  public let assignment: ShardAssignment
  /// The round that is being folded; `assignment.rounds` when the step is complete.
  public private(set) var round: Int

  private let communicator: any Communicator
  private let gradient: any FlatMemory
  /// The running sums of this rank's slices, bucket after bucket; one chunk where a step has one round, whose sums need
  /// not be kept.
  private let sums: HeapMemory
  /// Where the running sum of each bucket's slice begins.
  private let sumOffsets: [Int]
  /// What the other ranks send of one slice, rank after rank.
  private let received: HeapMemory
  /// Elements of each bucket that this round's backward has not finished.
  private var unfinished: [Int]
  /// Buckets below this one are still to be folded in this round.
  private var nextBucket: Int

  /// Elements that stay in the first-level cache while all their terms are added.
  private static let chunk = 4096

  /// - Throws: `UserError(.internalFault)` where plan, assignment, communicator and arena do not belong together.
  public init(
    communicator: any Communicator, gradient: any FlatMemory, plan: SlicePlan, assignment: ShardAssignment
  ) throws {
    guard plan.ranks == communicator.size, assignment.ranks == communicator.size, plan.count == gradient.count else {
      throw UserError(
        .internalFault,
        "\(communicator.size) ranks with an arena of \(gradient.count) floats, but a plan for \(plan.ranks) ranks and "
          + "\(plan.count) floats and shards dealt to \(assignment.ranks)")
    }
    self.communicator = communicator
    self.gradient = gradient
    self.plan = plan
    self.assignment = assignment
    let slices = (0..<plan.bucketCount).map { plan.slice(ofBucket: $0, owner: communicator.rank).count }
    var offsets: [Int] = []
    var total = 0
    for slice in slices {
      offsets.append(total)
      total += slice
    }
    sumOffsets = offsets
    sums = HeapMemory(count: assignment.rounds > 1 ? total : min(total, Self.chunk))
    received = HeapMemory(count: communicator.size > 1 ? (slices.max() ?? 0) * communicator.size : 0)
    unfinished = []
    nextBucket = 0
    round = assignment.rounds
  }

  /// Starts the fold of a new step; whatever an earlier one left is dropped.
  public func beginStep() {
    round = 0
    beginRound()
  }

  /// Reports that backward has written these elements of the arena for good; folds the buckets whose turn has come.
  ///
  /// Collective as a whole: all ranks fold the same buckets in the same order, each when its own backward allows it. Each
  /// element is reported once a round; the arena of a reported range may be written again once the round has ended.
  /// Only ranks with a shard in this round report.
  public func complete(_ range: Range<Int>) throws {
    precondition(round < assignment.rounds, "beginStep comes first")
    precondition(range.lowerBound >= 0 && range.upperBound <= plan.count, "range outside of the arena")
    var rest = range
    while !rest.isEmpty {
      let bucket = plan.bucket(ofFloat: rest.lowerBound)
      let part = rest.clamped(to: plan.range(ofBucket: bucket))
      precondition(unfinished[bucket] >= part.count, "elements \(part) were reported before")
      unfinished[bucket] -= part.count
      rest = part.upperBound..<rest.upperBound
    }
    while nextBucket > 0, unfinished[nextBucket - 1] == 0 { try foldNextBucket() }
  }

  /// Reports a whole bucket.
  public func complete(bucket: Int) throws { try complete(plan.range(ofBucket: bucket)) }

  /// Collective: folds the buckets of this round that are left. What was not reported counts as finished, as it stands.
  public func endRound() throws {
    precondition(round < assignment.rounds, "beginStep comes first")
    while nextBucket > 0 { try foldNextBucket() }
    round += 1
    beginRound()
  }

  private func beginRound() {
    unfinished = (0..<plan.bucketCount).map { plan.range(ofBucket: $0).count }
    nextBucket = plan.bucketCount
  }

  /// Collective: exchanges a bucket's slices and folds the own one.
  private func foldNextBucket() throws {
    nextBucket -= 1
    let bucket = nextBucket
    let own = plan.slice(ofBucket: bucket, owner: communicator.rank)
    if communicator.size > 1 { try exchange(bucket, own) }
    if !own.isEmpty { addTerms(bucket, own) }
  }

  private func exchange(_ bucket: Int, _ own: Range<Int>) throws {
    let width = MemoryLayout<Float>.stride
    let active = assignment.active(inRound: round)
    let rank = communicator.rank
    let outgoing = (0..<communicator.size).map { peer -> Range<Int> in
      guard rank < active, peer != rank else { return 0..<0 }
      let slice = plan.slice(ofBucket: bucket, owner: peer)
      return slice.lowerBound * width..<slice.upperBound * width
    }
    let incoming = (0..<communicator.size).map { peer in
      peer < active && peer != rank ? peer * own.count * width..<(peer + 1) * own.count * width : 0..<0
    }
    try gradient.withUnsafeMutableBufferPointer { source in
      try received.withUnsafeMutableBufferPointer { destination in
        try communicator.exchangeBytes(
          from: UnsafeRawBufferPointer(source), outgoing: outgoing,
          into: UnsafeMutableRawBufferPointer(destination), incoming: incoming)
      }
    }
  }

  /// sum = ((sum + term of rank 0) + term of rank 1) + ...; the very first term starts the sum. In the last round the sum
  /// goes back into the arena.
  private func addTerms(_ bucket: Int, _ own: Range<Int>) {
    let active = assignment.active(inRound: round)
    let isLast = round == assignment.rounds - 1
    let chunk = Self.chunk
    gradient.withUnsafeMutableBufferPointer { gradient in
      received.withUnsafeMutableBufferPointer { received in
        sums.withUnsafeMutableBufferPointer { sums in
          for start in stride(from: 0, to: own.count, by: chunk) {
            let count = min(chunk, own.count - start)
            let place = assignment.rounds > 1 ? sumOffsets[bucket] + start : 0
            let sum = UnsafeMutableBufferPointer(rebasing: sums[place...].prefix(count))
            for peer in 0..<active {
              let term =
                peer == communicator.rank
                ? gradient[(own.lowerBound + start)...].prefix(count)
                : received[(peer * own.count + start)...].prefix(count)
              add(UnsafeMutableBufferPointer(rebasing: term), to: sum, starts: round == 0 && peer == 0)
            }
            if isLast {
              _ = UnsafeMutableBufferPointer(rebasing: gradient[(own.lowerBound + start)...].prefix(count))
                .update(fromContentsOf: sum)
            }
          }
        }
      }
    }
  }

  /// The fold starts with the first term itself: 0 + -0 would be another bit pattern.
  private func add(
    _ term: UnsafeMutableBufferPointer<Float>, to sum: UnsafeMutableBufferPointer<Float>, starts: Bool
  ) {
    if starts {
      _ = sum.update(fromContentsOf: term)
    } else if let from = term.baseAddress, let into = sum.baseAddress {
      // 1 x + y rounds once, with or without a fused multiply-add.
      evl_axpy_f32(sum.count, 1, from, into)
    }
  }
}
