import Tensors
import Testing

@testable import Cluster

@Suite struct SlicePlanTests {
  @Test func slicesTileTheArenaOnBlockBoundariesForAnySizes() throws {
    var random = CounterRandom(seed: 1, purpose: "slice plans")
    for _ in 0..<400 {
      let block = 1 + random.integer(below: 40)
      let plan = try SlicePlan(
        count: random.integer(below: 3000), ranks: 1 + random.integer(below: 20),
        bucketBytes: 1 + random.integer(below: 4000), block: block)
      var end = 0
      for bucket in 0..<plan.bucketCount {
        let range = plan.range(ofBucket: bucket)
        #expect(range.lowerBound == end && !range.isEmpty)
        #expect(range.allSatisfy { plan.bucket(ofFloat: $0) == bucket })
        end = range.upperBound
        let slices = plan.slices(ofBucket: bucket).filter { !$0.isEmpty }.sorted { $0.lowerBound < $1.lowerBound }
        #expect(slices.first?.lowerBound == range.lowerBound && slices.last?.upperBound == range.upperBound)
        #expect(zip(slices, slices.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
        #expect(slices.allSatisfy { $0.upperBound % block == 0 || $0.upperBound == plan.count })
      }
      #expect(end == plan.count)
      let blocks = (0..<plan.ranks).flatMap(plan.blocks(ownedBy:))
      #expect(blocks.sorted() == Array(0..<plan.blockCount))
    }
  }

  @Test func bucketsDoNotDependOnTheRanks() throws {
    let plans = try [1, 2, 7].map { try SlicePlan(count: 10_000_000, ranks: $0) }
    for plan in plans {
      #expect(plan.bucketCount == 10)
      #expect(plan.range(ofBucket: 3) == 3 << 20..<4 << 20)
    }
  }

  @Test func ranksOwnEquallyManyBlocksOverManyBucketsEvenWhereABucketHasFewerBlocksThanRanks() throws {
    let plan = try SlicePlan(count: 16 * 30 * 65_536, ranks: 24)
    let owned = (0..<24).map { plan.blocks(ownedBy: $0).count }
    #expect(owned.allSatisfy { $0 == 20 })
  }

  @Test func sizesThatCannotBeCutAreUsageErrors() {
    #expect(throws: UserError.self) { try SlicePlan(count: 10, ranks: 1, bucketBytes: 0) }
    #expect(throws: UserError.self) { try SlicePlan(count: 10, ranks: 0) }
  }
}
