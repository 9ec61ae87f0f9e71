import Autograd
import Cluster
import Corpus
import Distillation
import Foundation
import Models
import Tensors
import TestSupport
import Testing

@testable import Training

/// A source whose samples take long.
private struct SlowSource<Source: SampleSource>: SampleSource {
  var source: Source
  var telling: Int { source.telling }

  func prepare(position: Int) throws -> Source.Sample {
    usleep(200_000)
    return try source.prepare(position: position)
  }

  func size(position: Int) throws -> SampleSize { try source.size(position: position) }
}

private func slowed<Source: SampleSource>(_ source: Source) -> any SampleSource { SlowSource(source: source) }

/// Simulated ranks in one process train the built-in student for a few steps.
@Suite(.serialized) struct TrainerTests {
  private func bits(_ weights: [Float]) -> [UInt32] { weights.map(\.bitPattern) }

  @Test func theWeightsAreTheSameBitsForAnyNumberOfRanksAndOthersForOtherShards() throws {
    try withTemporaryFolder { folder in
      func train(_ ranks: Int, shards: Int = 4) throws -> [UInt32] {
        let all = try TrainingJob(folder.appendingPathComponent("\(ranks)-\(shards)"), shards: shards).weights(
          ranks: ranks, steps: 2)
        #expect(all.allSatisfy { bits($0) == bits(all[0]) })
        return bits(all[0])
      }
      let one = try train(1)
      for ranks in [2, 3, 6] { #expect(try train(ranks) == one) }
      #expect(try train(1, shards: 8) != one)
    }
  }

  /// Blocks computed again in backward give the same bits, in either precision and on other ranks.
  @Test(arguments: Precision.allCases) func recomputationChangesNoBit(precision: Precision) throws {
    try withTemporaryFolder { folder in
      func train(_ name: String, ranks: Int, recompute: Bool) throws -> [UInt32] {
        var job = TrainingJob(folder.appendingPathComponent(name))
        job.configuration.train.precision = precision.rawValue
        job.configuration.train.recompute = recompute
        return bits(try job.weights(ranks: ranks, steps: 2)[0])
      }
      let kept = try train("kept", ranks: 1, recompute: false)
      #expect(try train("recomputed", ranks: 3, recompute: true) == kept)
    }
  }

  /// Products of operands with 8 bits of significand: over twelve steps the loss stays within 2% of the exact one's.
  @Test func bfloat16FollowsTheExactLossCurve() throws {
    try withTemporaryFolder { folder in
      func losses(_ precision: Precision) throws -> [Double] {
        var job = TrainingJob(folder.appendingPathComponent(precision.rawValue))
        job.configuration.train.precision = precision.rawValue
        let collector = TrainingJob.Collector()
        _ = try job.trainer(SingleRank(), steps: 12, observer: collector).run(resume: .never)
        return collector.records.map { $0.losses["loss"] ?? .nan }
      }
      let (exact, rounded) = (try losses(.f32), try losses(.bf16))
      #expect(exact.count == 12 && exact != rounded && (exact.last ?? 0) < exact[0])
      for (left, right) in zip(exact, rounded) { #expect(abs(left - right) < 0.02 * left, "\(left) \(right)") }
    }
  }

  @Test func everyTrainedTensorMoves() throws {
    try withTemporaryFolder { folder in
      let trainer = try TrainingJob(folder).trainer(SingleRank(), steps: 2)
      let before = trainer.trainee.arena.parameters.map { $0.value.array }
      _ = try trainer.run(resume: .auto)
      for (parameter, initial) in zip(trainer.trainee.arena.parameters, before) {
        #expect(parameter.value.array != initial, "\(parameter.name)")
      }
    }
  }

  @Test func stoppingAndGoingOnAtAnotherNumberOfRanksGivesTheSameBits() throws {
    try withTemporaryFolder { folder in
      let straight = try TrainingJob(folder.appendingPathComponent("a")).weights(ranks: 2, steps: 4)[0]
      let job = TrainingJob(folder.appendingPathComponent("b"))
      _ = try job.weights(ranks: 3, steps: 2)
      #expect(bits(try job.weights(ranks: 1, steps: 4)[0]) == bits(straight))
    }
  }

  /// Every method, with norms measured at each step: measuring does not touch the weights, and ranks do not matter.
  @Test(arguments: ["kl", "tinybert", "uld", "rkd"])
  func anyMethodGivesTheSameBitsOnAnyNumberOfRanks(method: String) throws {
    try withTemporaryFolder { folder in
      func job(_ name: String, every: Int) -> TrainingJob {
        var job = TrainingJob(folder.appendingPathComponent(name), method: method)
        job.configuration.objective.norms.every = every
        return job
      }
      let one = try job("1", every: 0).weights(ranks: 1, steps: 2)[0]
      for ranks in [2, 3] {
        for weights in try job("\(ranks)", every: 1).weights(ranks: ranks, steps: 2) {
          #expect(bits(weights) == bits(one), "\(ranks)")
        }
      }
      #expect(
        bits(try TrainingJob(folder.appendingPathComponent("ce"), method: "ce").weights(ranks: 1, steps: 2)[0])
          != bits(one))
    }
  }

  @Test func gradNormGoesOnFromACheckpointWithTheSameBits() throws {
    try withTemporaryFolder { folder in
      func job(_ name: String, weighting: String = "gradnorm") -> TrainingJob {
        var job = TrainingJob(folder.appendingPathComponent(name))
        job.configuration.objective.weighting = weighting
        job.configuration.objective.norms.every = 2
        return job
      }
      let straight = try job("straight").weights(ranks: 2, steps: 5)[0]
      let resumed = job("resumed")
      _ = try resumed.weights(ranks: 3, steps: 3)
      #expect(bits(try resumed.weights(ranks: 1, steps: 5)[0]) == bits(straight))
      #expect(bits(try job("fixed", weighting: "fixed").weights(ranks: 1, steps: 5)[0]) != bits(straight))
      func state(_ name: String) throws -> GradNorm.State {
        let newest = try #require(Checkpoint.newestSound(in: folder.appendingPathComponent(name)).checkpoint)
        return try #require(try newest.state().weighting)
      }
      let saved = try state("resumed")
      #expect(try state("straight") == saved)
      #expect(Set(saved.weights.keys) == ["mhca", "rel", "ot"] && Set(saved.weights.values).count == 3)
      #expect(abs(saved.weights.values.reduce(0, +) - 3) < 1e-12)
      #expect(saved.initialLosses.values.allSatisfy { $0 > 0 })
    }
  }

  /// The terms' gradients by the connector's weight add up to the whole step's, so their norms bound it.
  @Test func theNormsOfThePartsAreThoseOfTheGradient() throws {
    try withTemporaryFolder { folder in
      var job = TrainingJob(folder)
      job.configuration.objective.norms.every = 2
      let collector = TrainingJob.Collector()
      let trainer = try job.trainer(SingleRank(), steps: 3, observer: collector)
      _ = try trainer.run(resume: .auto)
      #expect(collector.records.map { $0.norms == nil } == [true, false, true])
      let norms = try #require(collector.records[1].norms)
      let factors = try #require(collector.records[1].factors)
      #expect(Set(norms.keys) == ["ce", "mhca", "rel", "ot"] && factors["ce"] == 0.5)
      #expect(Set(factors.keys) == Set(norms.keys) && norms.values.allSatisfy { $0 > 0 })

      // The same step once more by hand, term by term, at the weights before it.
      let before = try TrainingJob(folder.appendingPathComponent("again")).trainer(SingleRank(), steps: 1)
      _ = try before.run(resume: .auto)
      let computation = before.computation
      let layout = before.trainee.arena.gradientLayout
      let sink = WholeGradient<Float>(layout)
      let share = layout.shares[layout.sharesOfEntry[before.trainee.model.connectorWeight.index][0]].range
      let gradient = sink.memory.range(share)
      let batches = try (0..<4).map { try before.source.prepare(step: 1, shard: $0, plan: before.shards) }
      let tokens = batches.joined().reduce(0) { $0 + $1.student.conversation.answerTokens }
      let counts = GlobalCounts(sequences: 8, answerTokens: tokens)
      for term in computation.factors.terms {
        let sum = Tensor<Float>(zeros: gradient.shape)
        for batch in batches {
          _ = try computation.run(
            try computation.prepare(batch), counts: counts, factors: computation.factors.only(term), into: sink)
          sum.add(gradient)
        }
        let expected = sum.sumOfSquares.squareRoot()
        #expect(abs((norms[term.rawValue] ?? 0) - expected) < 1e-5 * expected, "\(term)")
      }
    }
  }

  /// A term's norm is that of the whole gradient of a run that has this term alone, read off AdamW's first moment.
  @Test(arguments: ["ce", "mhca", "rel", "ot"]) func aMeasuredNormIsThatOfARunWithTheTermAlone(term: String) throws {
    try withTemporaryFolder { folder in
      func job(_ name: String) -> TrainingJob {
        var job = TrainingJob(folder.appendingPathComponent(name))
        job.configuration.train.clip = 0
        job.configuration.objective.norms.every = 1
        job.configuration.objective.mhca.weight = 0.25
        job.configuration.objective.transport.weight = 0.125
        return job
      }
      let collector = TrainingJob.Collector()
      _ = try job("all").trainer(SingleRank(), steps: 1, observer: collector).run(resume: .never)
      let measured = try #require(collector.records.first?.norms?[term])

      var alone = job("alone")
      alone.configuration.objective.norms.every = 0
      alone.configuration.objective.alpha = term == "ce" ? 0 : 1
      if term != "mhca" { alone.configuration.objective.mhca.weight = 0 }
      if term != "rel" { alone.configuration.objective.relation.weight = 0 }
      if term != "ot" { alone.configuration.objective.transport.weight = 0 }
      let trainer = try alone.trainer(SingleRank(), steps: 1)
      _ = try trainer.run(resume: .never)
      let moment = trainer.trainee.memory.moment1.range(trainer.trainee.model.connectorWeight.entry.range)
      // The first moment is 1 - 0.9 of the gradient; every term has a factor of 0.5 beside all others.
      let expected = 0.5 * moment.sumOfSquares.squareRoot() / (1 - 0.9)
      #expect(measured > 0 && abs(measured - expected) < 1e-5 * expected)
    }
  }

  /// Three nodes of one and two ranks; a bit of the first node's copy changes by itself after the third step.
  @Test func aFlippedBitInANodesCopyEndsTheRunWithTensorAndRank() throws {
    try withTemporaryFolder { folder in
      var job = TrainingJob(folder, method: "ce")
      job.configuration.train.checkEvery = 2
      let flipping = job
      let outcomes = try SimulatedRanks.run(ranksPerNode: [1, 2, 1]) { communicator -> String in
        ProductLibrary.setThreads(1)
        let collector = TrainingJob.Collector()
        let trainer = try flipping.trainer(communicator, steps: 8, observer: collector)
        let memory = trainer.trainee.memory
        let entry = trainer.trainee.arena.layout.entries[5]
        collector.finishing = { record in
          let first = entry.range.lowerBound
          if record.step == 3 { memory.moment2[first] = Float(bitPattern: memory.moment2[first].bitPattern ^ 1 << 20) }
        }
        do {
          _ = try trainer.run(resume: .never)
          return "not found"
        } catch let error as AgreedError {
          let expected =
            "copies of the weights of \(entry.name) differ: that of rank 0 is not the others'"
          return error.error.message.hasPrefix(expected) ? "found in step \(trainer.step)" : error.error.message
        }
      }
      #expect(outcomes == [String](repeating: "found in step 4", count: 4))
    }
  }

  /// The second rank's samples take long to prepare, and the step's record says so.
  @Test func theSlowestRankIsNamed() throws {
    try withTemporaryFolder { folder in
      var job = TrainingJob(folder, method: "ce")
      job.configuration.data.ahead = 1
      let slow = job
      let records = try SimulatedRanks.run(3) { communicator -> [StepRecord] in
        let collector = TrainingJob.Collector()
        let trainer = try slow.trainer(communicator, steps: 3, observer: collector) {
          communicator.rank == 1 ? slowed($0) : $0
        }
        _ = try trainer.run(resume: .never)
        return collector.records
      }
      #expect(records[0].count == 3 && records[0].dropFirst().allSatisfy { $0.slowest == 1 })
      #expect(records[0].dropFirst().allSatisfy { ($0.parts["wait"] ?? 0) > 0.1 && ($0.parts["data"] ?? 0) > 0.1 })
    }
  }

  /// The weights beside which adapters are trained lie in the node's memory once, rounded or not.
  @Test(arguments: Precision.allCases) func frozenWeightsThatAreNotMappedAreKeptOnceANode(precision: Precision) throws {
    let student = try ModelBlueprint(builtIn: .student, view: "signal")
    let places = try SimulatedRanks.run(ranksPerNode: [2, 1]) { communicator -> [(UInt, String)] in
      let trainee = try Trainee(
        student, objective: ObjectiveConfiguration(), teacher: nil,
        adaptation: LowRankAdaptation(rank: 2, alpha: 4, targets: ["text_model"], full: []), seed: 1,
        precision: precision,
        communicator: communicator)
      let base = try #require(trainee.arena.base)
      return base.parameters.map { parameter in
        let place: UnsafeRawPointer? =
          switch parameter.kept {
          case .exact(let tensor): tensor.withUnsafeMutableBufferPointer { UnsafeRawPointer($0.baseAddress) }
          case .rounded(let tensor): tensor.withUnsafeMutableBufferPointer { UnsafeRawPointer($0.baseAddress) }
          case .half: nil
          }
        return (UInt(bitPattern: place), base.digest())
      }
    }
    #expect(places[0].map(\.0) == places[1].map(\.0) && !places[0].contains { $0.0 == 0 })
    #expect(zip(places[0], places[2]).allSatisfy { $0.0 != $1.0 && $0.1 == $1.1 })
  }

  @Test func aCheckpointOfOtherShardsIsRefusedAndLeftAlone() throws {
    try withTemporaryFolder { folder in
      _ = try TrainingJob(folder, method: "ce").weights(ranks: 1, steps: 1)
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect { _ = try TrainingJob(folder, shards: 2, method: "ce").weights(ranks: 2, steps: 2) } throws: {
        UserError.from($0).kind == .usage && "\($0)".contains("train.shards")
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == names)
    }
  }

  @Test(arguments: ["evl", "kl", "tinybert", "uld", "rkd"]) func aSteadyStepTakesNoNewBuffers(method: String) throws {
    try withTemporaryFolder { folder in
      let trainer = try TrainingJob(folder, method: method).trainer(SingleRank(), steps: 1)
      let samples = try trainer.source.prepare(step: 0, shard: 0, plan: trainer.shards)
      let counts = GlobalCounts(sequences: 8, answerTokens: 16, sharedAnswerTokens: 16, shards: 4)
      let computation = trainer.computation
      let sink = WholeGradient<Float>(trainer.trainee.arena.gradientLayout)
      var held: [Int] = []
      for _ in 0..<3 {
        let shard = try computation.prepare(samples)
        _ = try computation.run(shard, counts: counts, factors: computation.factors, into: sink)
        held.append(trainer.computation.bytesHeld + trainer.trainee.arena.waitingBytes)
      }
      #expect(held[0] > 0 && held[1] == held[0] && held[2] == held[0])
    }
  }
}
