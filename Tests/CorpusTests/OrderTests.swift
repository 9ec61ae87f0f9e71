import Tensors
import Testing

@testable import Corpus

@Suite struct KeyedOrderTests {
  @Test(arguments: [1, 2, 3, 5, 16, 17, 100, 1000, 2331])
  func everyEpochVisitsEverySampleOnce(count: Int) {
    let order = KeyedOrder(seed: 3, count: count)
    for epoch in 0..<3 {
      let visited = (epoch * count..<(epoch + 1) * count).map { order.sample(position: $0) }
      #expect(visited.sorted() == Array(0..<count))
      #expect(order.epoch(position: epoch * count) == epoch)
    }
  }

  @Test func epochsAndSeedsDiffer() {
    func epoch(_ seed: UInt64, _ epoch: Int) -> [Int] {
      (epoch * 500..<(epoch + 1) * 500).map { KeyedOrder(seed: seed, count: 500).sample(position: $0) }
    }
    #expect(epoch(1, 0) == epoch(1, 0))
    #expect(epoch(1, 0) != epoch(1, 1))
    #expect(epoch(1, 0) != epoch(2, 0))
    #expect(epoch(1, 0) != Array(0..<500))
  }

  @Test func placesAreSpreadEvenly() {
    // Mean place of each of 10 samples over 4,000 epochs: 4.5 with standard error 2.87 / sqrt(4000) = 0.045.
    let order = KeyedOrder(seed: 5, count: 10)
    var sums = [Double](repeating: 0, count: 10)
    for position in 0..<40_000 { sums[order.sample(position: position)] += Double(position % 10) }
    #expect(sums.allSatisfy { abs($0 / 4_000 - 4.5) < 0.25 })
  }

  @Test func neighboursInTheDataSetAreSeparated() {
    let order = KeyedOrder(seed: 5, count: 2_331)
    let visited = (0..<2_331).map { order.sample(position: $0) }
    let adjacent = zip(visited, visited.dropFirst()).filter { abs($0 - $1) == 1 }.count
    #expect(adjacent < 15)
  }
}

@Suite struct ShardPlanTests {
  @Test(arguments: [1, 2, 4, 8, 32])
  func shardsPartitionTheBatch(shards: Int) throws {
    let plan = try ShardPlan(globalBatch: 32, shards: shards)
    let positions = (0..<shards).map { plan.positions(step: 5, shard: $0) }
    #expect(positions.flatMap { Array($0) } == Array(160..<192))
    #expect(positions.allSatisfy { $0.count == plan.samplesPerShard })
  }

  @Test func unequalShardsAreRefusedWithTheNearestBatch() {
    let error = #expect(throws: UserError.self) { try ShardPlan(globalBatch: 30, shards: 8) }
    #expect(error?.kind == .usage)
    #expect(error?.remedy.contains("32") == true)
    #expect(throws: UserError.self) { try ShardPlan(globalBatch: 0, shards: 8) }
    #expect(throws: UserError.self) { try ShardPlan(globalBatch: 8, shards: 0) }
  }
}
