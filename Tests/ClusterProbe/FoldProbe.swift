import Cluster
import Foundation
import Tensors

/// Folds made-up gradients for two steps and prints a digest of the sums, the norm's bits and the statistics' bits.
func foldGradients(_ communicator: any Communicator, _ options: ProbeOptions) throws {
  let count = options("count", 300_000)
  let assignment = try ShardAssignment(shards: options("shards", 8), ranks: communicator.size)
  let layout = FoldLayout(count: count, bucketBytes: options("bucket", 1 << 18), slots: options("slots", 2))
  var plan = WindowPlan()
  let parts = FoldMemory(layout, ranks: communicator.localSize, in: &plan)
  let squares = BlockSums.reserve(count: count, in: &plan)
  let sharing = MemorySharing.allCases[options("sharing", 0)]
  let memory = try NodeMemory(communicator, plan: plan, sharing: sharing)
  let fold = try OrderedFold(memory, parts: parts, assignment: assignment)
  let norms = BlockSums(memory, part: squares)
  for step in 0..<UInt64(2) {
    var statistics: [[Double]] = []
    fold.beginStep()
    for round in 0..<assignment.rounds {
      guard let shard = assignment.shard(round: round, rank: communicator.rank) else { continue }
      var random = CounterRandom(seed: 1, purpose: "gradient", step: step, sample: UInt64(shard))
      let values = (0..<count).map { _ in Float(random.uniform(-1, 1)) }
      statistics.append([random.uniform(), random.uniform(-1, 1)])
      for bucket in layout.buckets.indices.reversed() {
        try fold.open(bucket, inRound: round).copy(from: Array(values[layout.buckets[bucket]]))
        try fold.close(bucket, inRound: round)
      }
    }
    try fold.endStep()
    let norm = try norms.norm(count: count) { range in
      fold.sums.range(range).array.reduce(0) { $0 + Double($1) * Double($1) }
    }
    let folded = try communicator.foldStatistics(statistics, assignment: assignment)
    let arena = fold.sums.array.withUnsafeBytes { digest($0) }
    let equal = try communicator.allGather(Array(arena.utf8)).allSatisfy { $0 == Array(arena.utf8) }
    if communicator.isController {
      let numbers = ([norm] + folded).map { String($0.bitPattern, radix: 16) }.joined(separator: " ")
      print("step \(step): \(arena) \(numbers) \(equal ? "equal on all ranks" : "RANKS DIFFER")")
      if options("kind", 0) == 1 { print("memory: \(memory.kind), groups \(memory.groups.sizes)") }
    }
  }
}
