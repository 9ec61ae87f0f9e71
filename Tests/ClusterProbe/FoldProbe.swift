import Cluster
import Foundation
import Tensors

/// Folds made-up gradients for two steps and prints a digest of the whole arena, the norm's bits and the statistics' bits.
func foldGradients(_ communicator: any Communicator, _ options: ProbeOptions) throws {
  let count = options("count", 300_000)
  let assignment = try ShardAssignment(shards: options("shards", 8), ranks: communicator.size)
  let plan = try SlicePlan(
    count: count, ranks: communicator.size, bucketBytes: options("bucket", 1 << 18), block: options("block", 4096))
  let gradient = HeapMemory(count: count)
  let fold = try OrderedFold(communicator: communicator, gradient: gradient, plan: plan, assignment: assignment)
  for step in 0..<UInt64(2) {
    var statistics: [[Double]] = []
    fold.beginStep()
    for round in 0..<assignment.rounds {
      if let shard = assignment.shard(round: round, rank: communicator.rank) {
        var random = CounterRandom(seed: 1, purpose: "gradient", step: step, sample: UInt64(shard))
        gradient.values = (0..<count).map { _ in Float(random.uniform(-1, 1)) }
        statistics.append([random.uniform(), random.uniform(-1, 1)])
        for end in stride(from: count, to: 0, by: -10_007) { try fold.complete(max(0, end - 10_007)..<end) }
      }
      try fold.endRound()
    }
    let norm = try BlockSums.norm(of: gradient, plan: plan, communicator: communicator)
    let folded = try communicator.foldStatistics(statistics, assignment: assignment)
    try communicator.allGatherSlices(of: gradient, plan: plan)
    let arena = gradient.values.withUnsafeBytes { digest($0) }
    let equal = try communicator.allGather(Array(arena.utf8)).allSatisfy { $0 == Array(arena.utf8) }
    if communicator.isController {
      let numbers = ([norm] + folded).map { String($0.bitPattern, radix: 16) }.joined(separator: " ")
      print("step \(step): \(arena) \(numbers) \(equal ? "equal on all ranks" : "RANKS DIFFER")")
    }
  }
}
