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

/// Simulated ranks in one process train the built-in student for a few steps.
@Suite(.serialized) struct TrainerTests {
  private final class Silent: TrainingObserver {
    func began(phase: String, step: Int, steps: Int, parameters: Int) {}
    func finished(_ record: StepRecord, phase: String) throws {}
    func saved(_ checkpoint: Checkpoint) {}
    func note(_ message: String) {}
    func warn(_ message: String) {}
  }

  private struct Job: Sendable {
    var configuration = RunConfiguration()
    var folder: URL

    init(_ folder: URL, shards: Int = 4, method: String = "evl") {
      self.folder = folder
      configuration.data.records = 60
      configuration.train.globalBatch = 2 * shards
      configuration.train.shards = shards
      configuration.train.steps = 3
      configuration.train.warmup = 0
      configuration.objective.method = method
    }

    /// Trains on that many ranks; the weights of every rank, which must be equal.
    func weights(ranks: Int, steps: Int, resume: Resume = .auto) throws -> [[Float]] {
      try SimulatedRanks.run(ranks) { communicator in
        ProductLibrary.setThreads(1)
        let trainer = try trainer(communicator, steps: steps)
        _ = try trainer.run(resume: resume)
        return trainer.trainee.arena.weights.array
      }
    }

    func trainer(_ communicator: any Communicator, steps: Int) throws -> Trainer {
      let student = try ModelBlueprint(builtIn: .student, view: "signal")
      let teacher = try ModelBlueprint(builtIn: .teacher, view: "signal")
      let distils = configuration.objective.needsTeacher
      let trainee = try Trainee(
        student, objective: configuration.objective, teacher: distils ? teacher.configuration : nil, seed: 1)
      let dataset = SyntheticDataset(count: configuration.data.records, seed: 1)
      let preparer = try SamplePreparer(
        records: RecordCache(dataset), samples: dataset.samples, seed: 1, labelled: try LabelledFraction(1, seed: 1),
        student: student.side, teacher: distils ? teacher.side : nil)
      let context = RunContext(
        communicator: communicator, configuration: configuration, stop: StopFlag(), observer: Silent())
      var settings = configuration
      settings.train.steps = steps
      settings.train.learningRate = 1e-3
      let plan = PhasePlan(name: "student", configuration: settings, checkpoints: folder)
      return try Trainer(
        context: context, plan: plan, trainee: trainee, teacher: distils ? try teacher.frozen(seed: 4) : nil,
        preparer: preparer, data: [:])
    }
  }

  private func bits(_ weights: [Float]) -> [UInt32] { weights.map(\.bitPattern) }

  @Test func theWeightsAreTheSameBitsForAnyNumberOfRanksAndOthersForOtherShards() throws {
    try withTemporaryFolder { folder in
      func train(_ ranks: Int, shards: Int = 4) throws -> [UInt32] {
        let all = try Job(folder.appendingPathComponent("\(ranks)-\(shards)"), shards: shards).weights(
          ranks: ranks, steps: 2)
        #expect(all.allSatisfy { bits($0) == bits(all[0]) })
        return bits(all[0])
      }
      let one = try train(1)
      for ranks in [2, 3, 6] { #expect(try train(ranks) == one) }
      #expect(try train(1, shards: 8) != one)
    }
  }

  @Test func everyTrainedTensorMoves() throws {
    try withTemporaryFolder { folder in
      let trainer = try Job(folder).trainer(SingleRank(), steps: 2)
      let before = trainer.trainee.arena.parameters.map { $0.value.array }
      _ = try trainer.run(resume: .auto)
      for (parameter, initial) in zip(trainer.trainee.arena.parameters, before) {
        #expect(parameter.value.array != initial, "\(parameter.name)")
      }
    }
  }

  @Test func stoppingAndGoingOnAtAnotherNumberOfRanksGivesTheSameBits() throws {
    try withTemporaryFolder { folder in
      let straight = try Job(folder.appendingPathComponent("a")).weights(ranks: 2, steps: 4)[0]
      let job = Job(folder.appendingPathComponent("b"))
      _ = try job.weights(ranks: 3, steps: 2)
      #expect(bits(try job.weights(ranks: 1, steps: 4)[0]) == bits(straight))
    }
  }

  @Test func aCheckpointOfOtherShardsIsRefusedAndLeftAlone() throws {
    try withTemporaryFolder { folder in
      _ = try Job(folder, method: "ce").weights(ranks: 1, steps: 1)
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect { _ = try Job(folder, shards: 2, method: "ce").weights(ranks: 2, steps: 2) } throws: {
        UserError.from($0).kind == .usage && "\($0)".contains("train.shards")
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == names)
    }
  }

  @Test func aSteadyStepTakesNoNewBuffers() throws {
    try withTemporaryFolder { folder in
      let trainer = try Job(folder).trainer(SingleRank(), steps: 1)
      let samples = try trainer.preparer.prepare(step: 0, shard: 0, plan: trainer.shards)
      let counts = GlobalCounts(sequences: 8, answerTokens: 16)
      var held: [Int] = []
      for _ in 0..<3 {
        _ = try trainer.computation.run(samples, counts: counts) { _ in }
        held.append(trainer.computation.bytesHeld)
      }
      #expect(held[0] > 0 && held[1] == held[0] && held[2] == held[0])
    }
  }
}
