import Foundation
import Tensors
import Testing

@testable import Cluster

/// One random problem: what the shards' gradients are does not depend on the ranks that compute them.
private struct FoldCase: Sendable {
  var seed: UInt64
  var ranksPerNode: [Int]
  var shards: Int, count: Int, bucketBytes: Int, slots: Int
  var delays: UInt64?
  var sharing = MemorySharing.auto
  var reduction = GradientReduction.ordered

  func gradient(step: Int, shard: Int) -> [Float] {
    var random = CounterRandom(seed: seed, purpose: "gradient", step: UInt64(step), sample: UInt64(shard))
    return (0..<count).map { _ in Float(random.normal() * 10) }
  }

  /// The plain fold over the shards in this order: the reference.
  func sum(step: Int, _ order: [Int]) -> [Float] {
    var sum = gradient(step: step, shard: order[0])
    for shard in order.dropFirst() {
      for (i, value) in gradient(step: step, shard: shard).enumerated() { sum[i] += value }
    }
    return sum
  }

  func reference(step: Int) -> [Float] { sum(step: step, Array(0..<shards)) }

  /// The sums of every rank, for each step.
  func run(steps: Int = 1) throws -> [[[Float]]] {
    try SimulatedRanks.run(ranksPerNode: ranksPerNode, delays: delays) { communicator in
      let layout = FoldLayout(count: count, bucketBytes: bucketBytes, slots: slots)
      let assignment = try ShardAssignment(shards: shards, ranks: communicator.size)
      var plan = WindowPlan()
      let parts = FoldMemory(layout, ranks: communicator.localSize, in: &plan)
      let memory = try NodeMemory(communicator, plan: plan, sharing: sharing)
      let fold = try OrderedFold(memory, parts: parts, assignment: assignment, reduction: reduction)
      return try (0..<steps).map { step in
        fold.beginStep()
        for round in 0..<assignment.rounds {
          guard let shard = assignment.shard(round: round, rank: communicator.rank) else { continue }
          try write(gradient(step: step, shard: shard), round: round, to: fold, rank: communicator.rank)
        }
        try fold.endStep()
        let result = fold.sums.array
        try memory.meet()
        return result
      }
    }
  }

  func write(_ values: [Float], round: Int, to fold: OrderedFold, rank: Int) throws {
    var random = CounterRandom(seed: delays ?? 0, purpose: "pace", step: UInt64(round), sample: UInt64(rank))
    for bucket in fold.layout.buckets.indices.reversed() {
      if delays != nil, random.integer(below: 6) == 0 { usleep(UInt32(random.integer(below: 300))) }
      try fold.open(bucket, inRound: round).copy(from: Array(values[fold.layout.buckets[bucket]]))
      try fold.close(bucket, inRound: round)
    }
  }
}

private func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }

@Suite struct OrderedFoldTests {
  @Test func foldHasTheBitsOfThePlainLeftFoldForRandomRanksNodesShardsAndSchedules() throws {
    var random = CounterRandom(seed: 11, purpose: "fold cases")
    for seed in 0..<160 as Range<UInt64> {
      let nodes = 1 + random.integer(below: 5)
      let one = FoldCase(
        seed: seed, ranksPerNode: (0..<nodes).map { _ in 1 + random.integer(below: 4) },
        shards: 1 + random.integer(below: 24), count: random.integer(below: 1200),
        bucketBytes: 1 + random.integer(below: 1500), slots: 1 + random.integer(below: 4),
        delays: seed % 3 == 0 ? seed : nil, sharing: seed % 5 == 4 ? .private : .auto)
      let arenas = try one.run(steps: 3)
      for step in 0..<3 {
        let reference = bits(one.reference(step: step))
        #expect(arenas.allSatisfy { bits($0[step]) == reference }, "\(one), step \(step)")
      }
    }
  }

  /// As the optimizer does with tensors of several shares: no message may still be leaving from what is changed.
  /// The last bucket is summed while the ranks still form the first ones.
  @Test func aBucketIsFoldedBeforeTheGradientIsComplete() throws {
    let sums = try SimulatedRanks.run(2) { communicator -> [Float] in
      let layout = FoldLayout(count: 3072, bucketBytes: 4096, slots: 3)
      var plan = WindowPlan()
      let parts = FoldMemory(layout, ranks: 2, in: &plan)
      let memory = try NodeMemory(communicator, plan: plan, sharing: .auto)
      let fold = try OrderedFold(memory, parts: parts, assignment: try ShardAssignment(shards: 2, ranks: 2))
      fold.beginStep()
      var early: [Float] = []
      for bucket in layout.buckets.indices.reversed() {
        try fold.open(bucket, inRound: 0).fill(Float(communicator.rank + 1))
        try fold.close(bucket, inRound: 0)
        guard bucket == layout.buckets.count - 1 else { continue }
        try communicator.barrier()
        while try fold.progress() {}
        try communicator.barrier()
        early = fold.sums.array
      }
      try fold.endStep()
      #expect(fold.sums.array.allSatisfy { $0 == 3 })
      return early
    }
    for early in sums { #expect(early[2048...].allSatisfy { $0 == 3 } && early[..<2048].allSatisfy { $0 == 0 }) }
  }

  @Test func aRankMayChangeItsPortionAsSoonAsItsStepHasEnded() throws {
    for seed in 0..<24 as Range<UInt64> {
      let ranksPerNode = [[2, 2], [3, 2], [1, 3], [2, 1, 2]][Int(seed % 4)]
      let one = FoldCase(
        seed: seed, ranksPerNode: ranksPerNode, shards: 7, count: 900, bucketBytes: 400, slots: 2, delays: seed)
      let reference = bits(one.reference(step: 0))
      let portions = try SimulatedRanks.run(ranksPerNode: ranksPerNode, delays: seed) { communicator in
        var plan = WindowPlan()
        let layout = FoldLayout(count: one.count, bucketBytes: one.bucketBytes, slots: one.slots)
        let parts = FoldMemory(layout, ranks: communicator.localSize, in: &plan)
        let memory = try NodeMemory(communicator, plan: plan, sharing: .auto)
        let assignment = try ShardAssignment(shards: one.shards, ranks: communicator.size)
        let fold = try OrderedFold(memory, parts: parts, assignment: assignment)
        fold.beginStep()
        for round in 0..<assignment.rounds {
          guard let shard = assignment.shard(round: round, rank: communicator.rank) else { continue }
          try one.write(one.gradient(step: 0, shard: shard), round: round, to: fold, rank: communicator.rank)
        }
        try fold.endStep()
        let portion = memory.portion(of: one.count)
        let result = fold.sums.range(portion).array
        fold.sums.range(portion).fill(.nan)
        try memory.meet()
        return (portion, bits(result))
      }
      #expect(portions.allSatisfy { $0.1 == Array(reference[$0.0]) }, "\(ranksPerNode), seed \(seed)")
    }
  }

  @Test func manyRanksFewShardsAndManyShardsFewRanks() throws {
    for (ranksPerNode, shards) in [
      ([64], 8), ([64], 64), ([16, 16, 16, 16], 12), ([1, 31, 32], 40), ([Int](repeating: 1, count: 32), 33), ([2], 64),
      ([3, 3, 3], 2), ([8, 8], 100),
    ] {
      let one = FoldCase(
        seed: 5, ranksPerNode: ranksPerNode, shards: shards, count: 700, bucketBytes: 500, slots: 2, delays: 1)
      let reference = bits(one.reference(step: 0))
      #expect(try one.run().allSatisfy { bits($0[0]) == reference }, "\(ranksPerNode) \(shards)")
    }
  }

  @Test func foldInReverseOrderGivesOtherBits() throws {
    let one = FoldCase(seed: 3, ranksPerNode: [2, 1], shards: 8, count: 500, bucketBytes: 256, slots: 2)
    let folded = try one.run()[0][0]
    let reversed = one.sum(step: 0, (0..<8).reversed())
    #expect(bits(folded) == bits(one.reference(step: 0)) && bits(folded) != bits(reversed))
    #expect((zip(folded, reversed).map { abs($0 - $1) }.max() ?? 0) < 1e-3, "the same sum but for rounding")
  }

  @Test func fastReductionIsTheSameSumButForRounding() throws {
    for ranksPerNode in [[2, 2], [1, 3], [4, 1, 2], [3]] {
      var one = FoldCase(
        seed: 9, ranksPerNode: ranksPerNode, shards: 10, count: 900, bucketBytes: 600, slots: 2, delays: 4)
      one.reduction = .fast
      let results = try one.run(steps: 2)
      for step in 0..<2 {
        let reference = one.reference(step: step)
        #expect(results.allSatisfy { $0[step] == results[0][step] }, "all ranks have the same sum")
        #expect((zip(results[0][step], reference).map { abs($0 - $1) }.max() ?? 0) < 1e-3)
      }
    }
    // A node without a shard still takes part in the sum over nodes.
    var idle = FoldCase(seed: 9, ranksPerNode: [2, 2, 2], shards: 2, count: 300, bucketBytes: 600, slots: 2)
    idle.reduction = .fast
    #expect(try idle.run().allSatisfy { bits($0[0]) == bits(idle.reference(step: 0)) })
  }

  @Test func aLongGradientIsStreamedPastTheCacheWithTheSameBits() throws {
    let count = (8 << 20) + 40
    let sums = try SimulatedRanks.run(2) { communicator in
      var plan = WindowPlan()
      let parts = FoldMemory(FoldLayout(count: count), ranks: 2, in: &plan)
      let memory = try NodeMemory(communicator, plan: plan, sharing: .auto)
      let fold = try OrderedFold(
        memory, parts: parts, assignment: ShardAssignment(shards: 4, ranks: 2))
      fold.beginStep()
      for round in 0..<2 {
        for bucket in fold.layout.buckets.indices.reversed() {
          try fold.open(bucket, inRound: round).fill(Float(1 + 2 * round + communicator.rank))
          try fold.close(bucket, inRound: round)
        }
      }
      try fold.endStep()
      let isRight = (0..<count).allSatisfy { fold.sums[$0] == 10 }
      try memory.meet()
      return isRight
    }
    #expect(sums == [true, true])
  }

  @Test func negativeZeroSurvivesTheFold() throws {
    for ranksPerNode in [[1], [2], [3], [1, 1], [2, 1]] {
      let signs = try SimulatedRanks.run(ranksPerNode: ranksPerNode) { communicator in
        var plan = WindowPlan()
        let parts = FoldMemory(FoldLayout(count: 40, bucketBytes: 64), ranks: communicator.localSize, in: &plan)
        let memory = try NodeMemory(communicator, plan: plan, sharing: .auto)
        let assignment = try ShardAssignment(shards: 3, ranks: communicator.size)
        let fold = try OrderedFold(memory, parts: parts, assignment: assignment)
        fold.beginStep()
        for round in 0..<assignment.rounds where assignment.shard(round: round, rank: communicator.rank) != nil {
          for bucket in fold.layout.buckets.indices.reversed() {
            try fold.open(bucket, inRound: round).fill(-0.0)
            try fold.close(bucket, inRound: round)
          }
        }
        try fold.endStep()
        return fold.sums.array.map(\.sign)
      }
      #expect(signs.allSatisfy { $0.allSatisfy { $0 == .minus } && $0.count == 40 })
    }
  }

  /// Two folds whose rounds take turns, as the terms' norms and the gradient do: none waits for the other's ring.
  @Test func companionsDoNotHoldUpEachOther() throws {
    let sums = try SimulatedRanks.run(ranksPerNode: [2, 1], delays: 3) { communicator in
      let layout = FoldLayout(count: 400, bucketBytes: 128, slots: 1)
      var plan = WindowPlan()
      let parts = (0..<2).map { _ in FoldMemory(layout, ranks: communicator.localSize, in: &plan) }
      let memory = try NodeMemory(communicator, plan: plan, sharing: .auto)
      let assignment = try ShardAssignment(shards: 9, ranks: 3)
      let folds = try parts.enumerated().map {
        try OrderedFold(memory, parts: $1, assignment: assignment, channel: $0)
      }
      folds[0].companion = folds[1]
      folds[1].companion = folds[0]
      folds.forEach { $0.beginStep() }
      for round in 0..<3 {
        for fold in folds {
          if communicator.rank == round { usleep(2000) }
          for bucket in layout.buckets.indices.reversed() {
            try fold.open(bucket, inRound: round).fill(1)
            try fold.close(bucket, inRound: round)
          }
        }
      }
      for fold in folds { try fold.endStep() }
      let result = folds.flatMap { $0.sums.array }
      try memory.meet()
      return result
    }
    #expect(sums.allSatisfy { $0 == [Float](repeating: 9, count: 800) })
  }

  @Test func aRankThatFailsEndsThoseThatWaitForItsBuckets() {
    let error = UserError(.badInput, "a damaged record")
    #expect(throws: error) {
      try SimulatedRanks.run(ranksPerNode: [2, 2]) { communicator in
        var plan = WindowPlan()
        let parts = FoldMemory(FoldLayout(count: 400), ranks: 2, in: &plan)
        let memory = try NodeMemory(communicator, plan: plan, sharing: .auto)
        let fold = try OrderedFold(memory, parts: parts, assignment: ShardAssignment(shards: 4, ranks: 4))
        fold.beginStep()
        if communicator.rank == 2 { throw error }
        try fold.open(0, inRound: 0).fill(1)
        try fold.close(0, inRound: 0)
        try fold.endStep()
      }
    }
  }
}

@Suite struct FoldLayoutTests {
  @Test func bucketsHoldWholePiecesAndCoverTheGradient() {
    var random = CounterRandom(seed: 1, purpose: "layouts")
    for _ in 0..<200 {
      var pieces: [Range<Int>] = []
      var end = 0
      for _ in 0..<random.integer(below: 30) {
        let start = end + random.integer(below: 3)
        end = start + 1 + random.integer(below: 200)
        pieces.append(start..<end)
      }
      let count = end + random.integer(below: 5)
      let bytes = 1 + random.integer(below: 1000)
      let layout = FoldLayout(count: count, pieces: pieces, bucketBytes: bytes, slots: 3)
      #expect(layout.buckets.flatMap { $0 } == Array(0..<count))
      for piece in pieces {
        #expect(layout.bucket(ofFloat: piece.lowerBound) == layout.bucket(ofFloat: piece.upperBound - 1))
      }
      for (index, bucket) in layout.buckets.enumerated() {
        let owners = 1 + random.integer(below: 9)
        #expect(
          (0..<owners).flatMap { layout.slice(ofBucket: index, owner: $0, owners: owners) } == Array(bucket))
        let inside = pieces.filter { bucket.contains($0.lowerBound) }
        #expect(inside.count <= 1 || 4 * (inside[inside.count - 1].upperBound - bucket.lowerBound) <= bytes)
      }
    }
  }
}

@Suite struct NodeMemoryTests {
  @Test func ranksOfANodeSeeEachOthersWritesAndThoseOfOthersDoNot() throws {
    for sharing in [MemorySharing.auto, .private] {
      let seen = try SimulatedRanks.run(ranksPerNode: [3, 2], delays: 2) { communicator in
        var plan = WindowPlan()
        let part = plan.add(4, of: Float.self)
        let memory = try NodeMemory(communicator, plan: plan, sharing: sharing)
        let numbers: Tensor<Float> = memory.tensor(part)
        numbers[communicator.localRank] = Float(communicator.rank + 1)
        try memory.meet()
        return numbers.array + memory.groups.sizes.map { -Float($0) }
      }
      #expect(
        seen
          == (sharing == .auto
            ? [
              [1, 2, 3, 0, -3, -2], [1, 2, 3, 0, -3, -2], [1, 2, 3, 0, -3, -2], [4, 5, 0, 0, -3, -2],
              [4, 5, 0, 0, -3, -2],
            ]
            : [
              [1, 0, 0, 0, -1, -1, -1, -1, -1], [0, 2, 0, 0, -1, -1, -1, -1, -1], [0, 0, 3, 0, -1, -1, -1, -1, -1],
              [4, 0, 0, 0, -1, -1, -1, -1, -1], [0, 5, 0, 0, -1, -1, -1, -1, -1],
            ]))
    }
  }

  @Test func itsResidentBytesAreCounted() throws {
    let bytes = try SimulatedRanks.run(1) { communicator in
      var plan = WindowPlan()
      let part = plan.add(4 << 20, of: Float.self)
      let memory = try NodeMemory(communicator, plan: plan, sharing: .auto)
      let numbers: Tensor<Float> = memory.tensor(part)
      numbers.range(0..<2 << 20).fill(1)
      return try memory.proportionalBytes()
    }
    #expect((8 << 20...12 << 20).contains(bytes[0]), "\(bytes)")
  }

  @Test func aSmallDevShmIsRemarkedOnWithWhatToDo() {
    let bytes = 4 << 30
    func remark(_ kind: SharedMemory.Kind, room: Int, ranks: Int = 8) -> String? {
      NodeMemory.remark(kind, sharing: .auto, bytes: bytes, ranks: ranks, room: room)
    }
    #expect(remark(.anonymous, room: 8 << 30) == nil && remark(.named, room: 8 << 30) == nil)
    #expect(remark(.private, room: 64 << 20, ranks: 1) == nil)
    for kind in [SharedMemory.Kind.anonymous, .private] {
      let text = remark(kind, room: 64 << 20) ?? ""
      #expect(text.contains("/dev/shm has room for 64 MB") && text.contains("docker run --shm-size=4160m"), "\(text)")
    }
    #expect(remark(.private, room: 64 << 20)?.contains("a copy of its own (4096 MB)") == true)
  }
}

@Suite struct ReplicaCheckTests {
  private func outcomes(
    ranksPerNode: [Int], flipping rank: Int?, tensor: Int, sharing: MemorySharing = .auto
  ) throws -> [String] {
    try SimulatedRanks.run(ranksPerNode: ranksPerNode, delays: 1) { communicator in
      var plan = WindowPlan()
      let parts = (0..<5).map { plan.add(100 + $0, of: Float.self) }
      let sums = ReplicaCheck.reserve(tensors: 5, in: &plan)
      let memory = try NodeMemory(communicator, plan: plan, sharing: sharing)
      let tensors: [Tensor<Float>] = parts.map { memory.tensor($0) }
      let check = ReplicaCheck(memory, part: sums)
      if memory.groups.isLeader { tensors.forEach { $0.fill(1.5) } }
      try memory.meet()
      let names = (0..<5).map { "tensor \($0)" }
      func compare() throws {
        try check.compare(names) { tensors[$0].checksum }
      }
      try compare()
      if communicator.rank == rank {
        let flipped = Float(bitPattern: tensors[tensor][17].bitPattern ^ 1)
        tensors[tensor][17] = flipped
      }
      try memory.meet()
      do {
        try compare()
        return "equal"
      } catch let error as AgreedError { return error.error.message }
    }
  }

  @Test func aFlippedBitIsFoundWithItsTensorAndRank() throws {
    #expect(try outcomes(ranksPerNode: [2, 1, 2], flipping: nil, tensor: 0).allSatisfy { $0 == "equal" })
    for (rank, named) in [(0, 0), (2, 2), (4, 3)] {
      let found = try outcomes(ranksPerNode: [2, 1, 2], flipping: rank, tensor: 3)
      #expect(
        found.allSatisfy { $0.hasPrefix("copies of tensor 3 differ: that of rank \(named) is not the others'") },
        "\(found)")
    }
    let two = try outcomes(ranksPerNode: [1, 1], flipping: 0, tensor: 2)
    #expect(two.allSatisfy { $0.contains("that of rank 1 is not that of rank 0, and either may be wrong") }, "\(two)")
    let alone = try outcomes(ranksPerNode: [3], flipping: 1, tensor: 0, sharing: .private)
    #expect(alone.allSatisfy { $0.hasPrefix("copies of tensor 0 differ: that of rank 1 ") })
  }
}
