import Tensors

/// The way of a fold's running sum between groups, for one owner: which of its chunks come from where, and go where.
///
/// In a round the sum goes through the groups that have a shard, in group order; the last hands it to the first for the
/// next round, and after the last round to its neighbours, who hand it on. With `fast` every group folds its own shards
/// alone, and MPI sums over the groups at the end of the step.
final class FoldChain {
  /// Ranks of each group that fold: as many as the smallest group has, so that owner o of every group has the same slices.
  let owners: Int
  let isOwner: Bool
  private let communicator: any Communicator
  private let groups: MemoryGroups
  private let assignment: ShardAssignment
  private let reduction: GradientReduction
  private let sums: Tensor<Float>
  private let channel: Int
  /// By position of a bucket: this owner's slice of it in chunks, and the number of the first among all.
  private let chunkRanges: [[Range<Int>]]
  private let firstChunks: [Int]
  private let chunkCount: Int
  private let team: (any RankTeam)?
  /// The group that ends each round's fold.
  private let lastGroups: [Int]
  /// The last round in which this group has a shard.
  private lazy var lastOwnRound = (0..<assignment.rounds).last { activeMembers(inRound: $0) > 0 }

  /// By chunk: the last message that was sent from it and may still be on its way.
  private var sends: [Int: any Transfer] = [:]
  /// Chunks in the order in which they were sent, and to whom; the first ones are looked at.
  private var sendOrder: ArraySlice<(chunk: Int, rank: Int)> = []
  /// Receives of running sums that were asked for ahead of their turn.
  private var arrivals: [(place: FoldPlace, transfer: any Transfer)] = []
  private var nextArrival = FoldPlace()
  private var results: [(chunk: Int, transfer: any Transfer)] = []
  /// Chunks of the result that were asked for, and those that have come and were handed on.
  private var (nextResult, deliveredChunks) = (0, 0)
  private var isSummed = false
  /// Seconds in which `fast` waited for other groups: those of each step's first sum, which all of them begin together.
  private(set) var waited = 0.0

  /// Receives asked for at a time.
  private static let ahead = 8

  init(
    _ communicator: any Communicator, groups: MemoryGroups, layout: FoldLayout, assignment: ShardAssignment,
    reduction: GradientReduction, sums: Tensor<Float>, channel: Int
  ) throws {
    self.communicator = communicator
    self.groups = groups
    self.assignment = assignment
    self.reduction = reduction
    self.sums = sums
    self.channel = channel
    let owners = groups.sizes.min() ?? 1
    self.owners = owners
    isOwner = groups.member < owners
    let chunk =
      groups.count > 1
      ? max(1, min(FoldLayout.chunkBytes(groups: groups.count, owners: owners), communicator.largestTransfer) / 4)
      : Int.max / 2
    let member = groups.member
    chunkRanges = (0..<layout.buckets.count).map { position in
      guard member < owners else { return [] }
      let slice = layout.slice(ofBucket: layout.bucket(atPosition: position), owner: member, owners: owners)
      return stride(from: slice.lowerBound, to: slice.upperBound, by: chunk).map {
        $0..<min(slice.upperBound, $0 + min(chunk, slice.count))
      }
    }
    var (firsts, total) = ([Int](), 0)
    for chunks in chunkRanges {
      firsts.append(total)
      total += chunks.count
    }
    firstChunks = firsts
    chunkCount = total
    lastGroups = (0..<assignment.rounds).map { round in
      MemoryGroups(sizes: groups.sizes, rank: assignment.active(inRound: round) - 1).index
    }
    team =
      reduction == .fast && groups.count > 1
      ? try communicator.makeTeam(color: groups.member < owners ? groups.member : nil) : nil
  }

  var isBetweenGroups: Bool { groups.count > 1 }
  /// Whether the result, as a whole, comes from another group in chunks.
  private var passesResult: Bool { isBetweenGroups && reduction == .ordered }
  private var finalGroup: Int { lastGroups[lastGroups.count - 1] }

  func chunks(atPosition position: Int) -> [Range<Int>] { chunkRanges[position] }

  /// Ranks of this group that have a shard in the round: its first ones.
  func activeMembers(inRound round: Int) -> Int {
    max(0, min(groups.size, assignment.active(inRound: round) - groups.leader(ofGroup: groups.index)))
  }

  /// Whether the round's terms are the first of this group's sum.
  func startsSum(inRound round: Int) -> Bool { round == 0 && (reduction == .fast || groups.index == 0) }

  func beginStep() {
    (nextArrival, nextResult, deliveredChunks, isSummed) = (FoldPlace(), 0, 0, false)
    sendOrder = []
    precondition(arrivals.isEmpty && results.isEmpty && sends.isEmpty, "the step before is not over")
  }

  // MARK: The running sum

  /// The group the round's running sum comes from; nil where this group goes on with what it has.
  private func source(ofRound round: Int) -> Int? {
    guard passesResult, activeMembers(inRound: round) > 0 else { return nil }
    if groups.index > 0 { return groups.index - 1 }
    return round > 0 && lastGroups[round - 1] != 0 ? lastGroups[round - 1] : nil
  }

  /// The group the round's running sum goes to; nil where it stays.
  private func destination(ofRound round: Int) -> Int? {
    guard passesResult else { return nil }
    if groups.index < lastGroups[round] { return groups.index + 1 }
    return round + 1 < assignment.rounds && groups.index > 0 ? 0 : nil
  }

  /// Whether the running sum of a chunk is there to be added to.
  func hasArrived(_ place: FoldPlace) throws -> Bool {
    guard source(ofRound: place.round) != nil else { return true }
    try askForSums()
    guard let first = arrivals.first, first.place == place, try first.transfer.isComplete() else { return false }
    arrivals.removeFirst()
    return true
  }

  /// The rank whose message is due next, or which is to take one; nil where none is.
  func awaitedRank(_ place: FoldPlace) -> Int? {
    guard passesResult, isOwner else { return nil }
    if place.round < assignment.rounds, let group = source(ofRound: place.round) {
      return groups.rank(ofMember: groups.member, group: group)
    }
    guard place.round == assignment.rounds else { return nil }
    guard deliveredChunks < chunkCount, groups.index != finalGroup else { return sendOrder.first?.rank }
    return groups.rank(ofMember: groups.member, group: groups.index < finalGroup ? groups.index + 1 : groups.index - 1)
  }

  /// Sends the chunk on, if it does not stay.
  func pass(_ place: FoldPlace) throws {
    guard let group = destination(ofRound: place.round) else { return }
    try send(chunk: firstChunks[place.position] + place.chunk, to: group, kind: runningKind)
  }

  /// Asks for the next running sums, in their order.
  private func askForSums() throws {
    while arrivals.count < Self.ahead, nextArrival.round < assignment.rounds {
      guard let group = source(ofRound: nextArrival.round), nextArrival.position < chunkRanges.count else {
        nextArrival = FoldPlace(round: nextArrival.round + 1)
        continue
      }
      let chunks = chunkRanges[nextArrival.position]
      guard nextArrival.chunk < chunks.count else {
        nextArrival = FoldPlace(round: nextArrival.round, position: nextArrival.position + 1)
        continue
      }
      // Its place still holds what was sent on in the round before.
      guard try hasLeft(firstChunks[nextArrival.position] + nextArrival.chunk) else { return }
      let transfer = try receive(chunks[nextArrival.chunk], from: group, kind: runningKind)
      arrivals.append((nextArrival, transfer))
      nextArrival.chunk += 1
    }
  }

  // MARK: The result

  /// Moves results on, and messages.
  ///
  /// - Parameter place: the next chunk to be added; all before it are.
  /// - Returns: whether anything came.
  func progress(added place: FoldPlace) throws -> Bool {
    guard isBetweenGroups else { return false }
    if !passesResult { return try sumOverGroups(isFolded: place.round == assignment.rounds) }
    try askForSums()
    let before = deliveredChunks
    if groups.index == finalGroup {
      while deliveredChunks < chunkCount, isAdded(deliveredChunks, place) {
        try handOn(deliveredChunks)
        deliveredChunks += 1
      }
    } else {
      try askForResults(added: place)
      while let first = results.first, try first.transfer.isComplete() {
        results.removeFirst()
        try handOn(first.chunk)
        deliveredChunks += 1
      }
    }
    while let oldest = sendOrder.first, try hasLeft(oldest.chunk) { sendOrder.removeFirst() }
    return deliveredChunks > before
  }

  /// Whether the result of the step is in this owner's slices.
  func isDelivered(at place: FoldPlace) throws -> Bool {
    if !isBetweenGroups { return true }
    // What is still being sent must not be changed by the ranks that go on.
    return passesResult ? deliveredChunks == chunkCount && sends.isEmpty : isSummed
  }

  /// Whether this group has added to the chunk for the last time.
  private func isAdded(_ chunk: Int, _ place: FoldPlace) -> Bool {
    guard let last = lastOwnRound, place.round <= last else { return true }
    return place.round == last && chunk < firstChunks[place.position] + place.chunk
  }

  private func askForResults(added place: FoldPlace) throws {
    let source = groups.index < finalGroup ? groups.index + 1 : groups.index - 1
    while results.count < Self.ahead, nextResult < chunkCount, isAdded(nextResult, place), try hasLeft(nextResult) {
      results.append((nextResult, try receive(range(ofChunk: nextResult), from: source, kind: resultKind)))
      nextResult += 1
    }
  }

  private func handOn(_ chunk: Int) throws {
    let neighbours = [groups.index - 1, groups.index + 1].filter { group in
      0..<groups.count ~= group
        && (groups.index == finalGroup || (group < groups.index) == (groups.index < finalGroup))
    }
    for (order, group) in neighbours.enumerated() {
      try send(chunk: order * chunkCount + chunk, to: group, kind: resultKind)
    }
  }

  private func sumOverGroups(isFolded: Bool) throws -> Bool {
    guard isFolded, !isSummed, let team else { return false }
    let takesPart = activeMembers(inRound: 0) > 0
    var isFirst = true
    for chunks in chunkRanges {
      for chunk in chunks {
        if !takesPart { sums.range(chunk).fill(0) }
        let start = Stopwatch.now
        try team.sum(sums.range(chunk))
        if isFirst { waited += Stopwatch.now - start }
        isFirst = false
      }
    }
    isSummed = true
    return true
  }

  // MARK: Messages

  private var runningKind: Int { 2 * channel }
  private var resultKind: Int { 2 * channel + 1 }

  private func range(ofChunk chunk: Int) -> Range<Int> {
    var position = firstChunks.count - 1
    while firstChunks[position] > chunk || chunkRanges[position].isEmpty { position -= 1 }
    return chunkRanges[position][chunk - firstChunks[position]]
  }

  /// Whether nothing is being sent from a chunk's memory any more.
  private func hasLeft(_ chunk: Int) throws -> Bool {
    guard let transfer = sends[chunk] else { return true }
    guard try transfer.isComplete() else { return false }
    sends[chunk] = nil
    return true
  }

  /// - Parameter chunk: beyond the number of chunks: the second message from the same memory.
  private func send(chunk: Int, to group: Int, kind: Int) throws {
    let owner = groups.rank(ofMember: groups.member, group: group)
    let isFree = try hasLeft(chunk)
    precondition(isFree, "a chunk is sent again before it has left")
    sendOrder.append((chunk, owner))
    sends[chunk] = try sums.range(range(ofChunk: chunk % max(1, chunkCount))).withUnsafeMutableBufferPointer {
      try communicator.startSend(UnsafeRawBufferPointer($0), to: owner, kind: kind)
    }
  }

  private func receive(_ range: Range<Int>, from group: Int, kind: Int) throws -> any Transfer {
    try sums.range(range).withUnsafeMutableBufferPointer {
      try communicator.startReceive(
        UnsafeMutableRawBufferPointer($0), from: groups.rank(ofMember: groups.member, group: group), kind: kind)
    }
  }
}
