import Tensors
import Testing

@testable import Cluster

/// One random problem: what the shards' gradients are does not depend on the ranks that compute them.
private struct FoldCase: Sendable {
  var seed: UInt64
  var ranks: Int, shards: Int, count: Int, block: Int, bucketBytes: Int
  var delays: UInt64?

  func gradient(step: Int, shard: Int) -> [Float] {
    var random = CounterRandom(seed: seed, purpose: "gradient", step: UInt64(step), sample: UInt64(shard))
    return (0..<count).map { _ in Float(random.normal() * 10) }
  }

  /// The plain left fold over all shards: the reference.
  func reference(step: Int) -> [Float] {
    var sum = gradient(step: step, shard: 0)
    for shard in 1..<max(1, shards) {
      for (i, value) in gradient(step: step, shard: shard).enumerated() { sum[i] += value }
    }
    return sum
  }

  /// The fold from the last shard to the first: a negative control.
  func reversed(step: Int) -> [Float] {
    var sum = gradient(step: step, shard: shards - 1)
    for shard in (0..<shards - 1).reversed() {
      for (i, value) in gradient(step: step, shard: shard).enumerated() { sum[i] += value }
    }
    return sum
  }

  /// The arena of every rank after the fold and the all-gather of slices, for each step.
  func run(steps: Int = 1) throws -> [[[Float]]] {
    try SimulatedRanks.run(ranks, delays: delays) { communicator in
      let plan = try SlicePlan(count: count, ranks: communicator.size, bucketBytes: bucketBytes, block: block)
      let assignment = try ShardAssignment(shards: shards, ranks: communicator.size)
      let arena = HeapMemory(count: count)
      let fold = try OrderedFold(communicator: communicator, gradient: arena, plan: plan, assignment: assignment)
      return try (0..<steps).map { step in
        fold.beginStep()
        for round in 0..<assignment.rounds {
          if let shard = assignment.shard(round: round, rank: communicator.rank) {
            arena.values = gradient(step: step, shard: shard)
            for range in ranges(step: step, shard: shard) { try fold.complete(range) }
          } else {
            // What a rank without a shard holds must not matter.
            arena.values = [Float](repeating: .nan, count: count)
          }
          try fold.endRound()
        }
        try communicator.allGatherSlices(of: arena, plan: plan)
        return arena.values
      }
    }
  }

  /// The arena in random pieces in random order, some of them left out for the end of the round.
  private func ranges(step: Int, shard: Int) -> [Range<Int>] {
    var random = CounterRandom(seed: seed, purpose: "ranges", step: UInt64(step), sample: UInt64(shard))
    var pieces: [Range<Int>] = []
    var end = count
    while end > 0 {
      let start = max(0, end - 1 - random.integer(below: 2 * max(block, 4)))
      if random.integer(below: 10) > 0 { pieces.append(start..<end) }
      end = start
    }
    return random.integer(below: 2) == 0 ? pieces : pieces.shuffled(using: &random)
  }
}

private func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }

@Suite struct OrderedFoldTests {
  @Test func foldHasTheBitsOfThePlainLeftFoldForRandomRanksShardsBucketsAndSchedules() throws {
    var random = CounterRandom(seed: 11, purpose: "fold cases")
    for seed in 0..<120 as Range<UInt64> {
      let one = FoldCase(
        seed: seed, ranks: 1 + random.integer(below: 16), shards: 1 + random.integer(below: 12),
        count: random.integer(below: 1200), block: 1 + random.integer(below: 64),
        bucketBytes: 1 + random.integer(below: 2000), delays: seed % 3 == 0 ? seed : nil)
      let arenas = try one.run(steps: 2)
      for step in 0..<2 {
        let reference = bits(one.reference(step: step))
        #expect(arenas.allSatisfy { bits($0[step]) == reference }, "\(one), step \(step)")
      }
    }
  }

  @Test func foldInReverseOrderGivesOtherBits() throws {
    let one = FoldCase(seed: 3, ranks: 3, shards: 8, count: 500, block: 16, bucketBytes: 256)
    let folded = try one.run()[0][0]
    #expect(bits(folded) == bits(one.reference(step: 0)))
    #expect(bits(folded) != bits(one.reversed(step: 0)))
    let difference = zip(folded, one.reversed(step: 0)).map { abs($0 - $1) }.max() ?? 0
    #expect(difference < 1e-3, "the same sum but for rounding")
  }

  @Test func standardBlocksAndBucketsGiveTheSameBitsOnOneAndThreeRanks() throws {
    let digests = try [1, 3].map { ranks in
      let one = FoldCase(
        seed: 5, ranks: ranks, shards: 4, count: 1_150_001, block: SlicePlan.standardBlock,
        bucketBytes: SlicePlan.standardBucketBytes)
      return try one.run().map { bits($0[0]) }
    }
    #expect(digests[0][0] == digests[1][0])
    #expect(digests[1].allSatisfy { $0 == digests[0][0] })
  }

  @Test func arenaSmallerThanABlockHasOneOwner() throws {
    let one = FoldCase(seed: 7, ranks: 5, shards: 5, count: 9, block: 64, bucketBytes: 4096)
    #expect(try one.run().allSatisfy { bits($0[0]) == bits(one.reference(step: 0)) })
    let nothing = FoldCase(seed: 7, ranks: 2, shards: 3, count: 0, block: 64, bucketBytes: 4096)
    #expect(try nothing.run().allSatisfy { $0[0].isEmpty })
  }

  @Test func negativeZeroSurvivesTheFold() throws {
    for ranks in 1...3 {
      let signs = try SimulatedRanks.run(ranks) { communicator in
        let plan = try SlicePlan(count: 4, ranks: ranks, block: 1)
        let assignment = try ShardAssignment(shards: 3, ranks: ranks)
        let arena = HeapMemory(count: 4)
        let fold = try OrderedFold(communicator: communicator, gradient: arena, plan: plan, assignment: assignment)
        fold.beginStep()
        for _ in 0..<assignment.rounds {
          arena.values = [Float](repeating: -0.0, count: 4)
          try fold.endRound()
        }
        try communicator.allGatherSlices(of: arena, plan: plan)
        return arena.values.map(\.sign)
      }
      #expect(signs.allSatisfy { $0 == [.minus, .minus, .minus, .minus] })
    }
  }

  @Test func tensorServesAsArenaAndBucketsCanBeReportedWhole() throws {
    let sums = try SimulatedRanks.run(2) { communicator in
      let plan = try SlicePlan(count: 10, ranks: 2, bucketBytes: 8, block: 1)
      let arena = Tensor<Float>([Float](repeating: Float(communicator.rank + 1), count: 10), [2, 5])
      let fold = try OrderedFold(
        communicator: communicator, gradient: arena, plan: plan,
        assignment: ShardAssignment(shards: 2, ranks: 2))
      fold.beginStep()
      for bucket in (0..<plan.bucketCount).reversed() { try fold.complete(bucket: bucket) }
      try fold.endRound()
      try communicator.allGatherSlices(of: arena, plan: plan)
      return arena.array
    }
    #expect(sums == [[Float]](repeating: [Float](repeating: 3, count: 10), count: 2))
  }

  @Test func partsThatDoNotBelongTogetherAreRefused() throws {
    let plan = try SlicePlan(count: 10, ranks: 2)
    let assignment = try ShardAssignment(shards: 2, ranks: 1)
    #expect(throws: UserError.self) {
      try OrderedFold(
        communicator: SingleRank(), gradient: HeapMemory(count: 10), plan: plan, assignment: assignment)
    }
  }
}
