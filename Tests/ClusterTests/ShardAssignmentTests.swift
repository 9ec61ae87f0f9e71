import Tensors
import Testing

@testable import Cluster

@Suite struct ShardAssignmentTests {
  @Test func roundsInRankOrderGoThroughTheShardsInOrderForAnyRanks() throws {
    for shards in 1...20 {
      for ranks in 1...24 {
        let assignment = try ShardAssignment(shards: shards, ranks: ranks)
        let dealt = (0..<assignment.rounds).flatMap { round in
          (0..<ranks).compactMap { assignment.shard(round: round, rank: $0) }
        }
        #expect(dealt == Array(0..<shards))
        for shard in 0..<shards {
          let (round, rank) = (assignment.round(ofShard: shard), assignment.rank(ofShard: shard))
          #expect(assignment.shard(round: round, rank: rank) == shard)
          #expect(assignment.shards(ofRank: rank)[round] == shard)
        }
        #expect((0..<ranks).flatMap(assignment.shards(ofRank:)).count == shards)
      }
    }
  }

  @Test func threeRanksShareEightShardsUnevenlyWithAWarning() throws {
    let assignment = try ShardAssignment(shards: 8, ranks: 3)
    #expect((0..<3).map(assignment.shards(ofRank:)) == [[0, 3, 6], [1, 4, 7], [2, 5]])
    #expect(assignment.warning?.contains("1 of them wait") == true)
  }

  @Test func surplusRanksAreIdleWithAWarning() throws {
    let assignment = try ShardAssignment(shards: 2, ranks: 5)
    #expect((0..<5).map { assignment.shard(round: 0, rank: $0) } == [0, 1, nil, nil, nil])
    #expect(assignment.warning?.contains("3 of 5 ranks") == true)
    #expect(try ShardAssignment(shards: 8, ranks: 4).warning == nil)
  }

  @Test func noShardsIsAUsageError() {
    #expect(throws: UserError.self) { try ShardAssignment(shards: 0, ranks: 2) }
    #expect(throws: UserError.self) { try ShardAssignment(shards: -3, ranks: 2) }
  }
}
