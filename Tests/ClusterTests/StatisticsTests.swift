import Tensors
import Testing

@testable import Cluster

@Suite struct StatisticsTests {
  private static func values(_ count: Int) -> [Float] {
    var random = CounterRandom(seed: 2, purpose: "arena")
    return (0..<count).map { _ in Float(random.normal()) }
  }

  @Test func normHasTheSameBitsForAnyRanksAndIsRight() throws {
    for count in [0, 1, BlockSums.block, BlockSums.block + 1, 5 * BlockSums.block + 99] {
      let values = Self.values(count)
      let norms = try [1, 2, 3, 5, 9].map { ranks in
        try SimulatedRanks.run(ranks, delays: 7) { communicator in
          var plan = WindowPlan()
          let part = BlockSums.reserve(count: count, in: &plan)
          let sums = BlockSums(try NodeMemory(communicator, plan: plan, sharing: .auto), part: part)
          return try (0..<2).map { _ in
            try sums.norm(count: count) { values[$0].reduce(0) { $0 + Double($1) * Double($1) } }.bitPattern
          }
        }
      }
      #expect(Set(norms.joined().joined()).count == 1)
      let exact = values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      #expect(abs(Double(bitPattern: norms[0][0][0]) - exact) <= 1e-12 * exact)
    }
  }

  @Test func statisticsAreFoldedInShardOrderForAnyRanks() throws {
    @Sendable func statistics(_ shard: Int) -> [Double] {
      var random = CounterRandom(seed: 4, purpose: "statistics", sample: UInt64(shard))
      return (0..<5).map { _ in random.normal() * 1e8 + random.uniform() }
    }
    for shards in [1, 3, 8, 11] {
      let reference = (1..<max(1, shards)).reduce(statistics(0)) { zip($0, statistics($1)).map(+) }
      for ranks in 1...13 {
        let folded = try SimulatedRanks.run(ranks, delays: UInt64(ranks)) { communicator in
          let assignment = try ShardAssignment(shards: shards, ranks: ranks)
          let own = assignment.shards(ofRank: communicator.rank).map(statistics)
          return try communicator.foldStatistics(own, assignment: assignment)
        }
        #expect(folded.allSatisfy { $0.map(\.bitPattern) == reference.map(\.bitPattern) })
      }
    }
  }

  @Test func statisticsOfAnotherLengthEndEveryRankWithTheSameError() throws {
    let errors = try SimulatedRanks.run(3) { communicator -> String in
      let assignment = try ShardAssignment(shards: 3, ranks: 3)
      let own = [[Double](repeating: 0, count: communicator.rank == 1 ? 2 : 4)]
      do {
        _ = try communicator.foldStatistics(own, assignment: assignment)
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(Set(errors).count == 1)
    #expect(errors[0].hasPrefix("rank 1: "))
  }
}
