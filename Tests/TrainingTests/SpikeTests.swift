import Cluster
import Corpus
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Training

/// A source of which some steps' first sample holds a value that is no number.
private struct SpoiledSource<Source: SampleSource>: SampleSource {
  struct Sample: TrainingSample {
    var base: Source.Sample
    var isSpoiled: Bool
    var name: String { base.name }
    var position: Int { base.position }
    var epoch: Int { base.epoch }
    var isLabelled: Bool { base.isLabelled }
    var teacher: PreparedInput? { base.teacher }
    var student: PreparedInput {
      guard isSpoiled else { return base.student }
      return PreparedInput(
        pixels: [.nan] + base.student.pixels.dropFirst(), images: base.student.images,
        conversation: base.student.conversation)
    }
  }

  var source: Source
  /// Positions in the sample order.
  var spoiled: Set<Int>
  var telling: Int { source.telling }

  func prepare(position: Int) throws -> Sample {
    Sample(base: try source.prepare(position: position), isSpoiled: spoiled.contains(position))
  }

  func size(position: Int) throws -> SampleSize { try source.size(position: position) }
}

private func spoiled<Source: SampleSource>(_ source: Source, _ positions: Set<Int>) -> any SampleSource {
  SpoiledSource(source: source, spoiled: positions)
}

@Suite(.serialized) struct SpikeTests {
  private func job(_ folder: URL, _ action: RunConfiguration.Spikes.Action) -> TrainingJob {
    var job = TrainingJob(folder, method: "ce")
    job.configuration.train.spikes.action = action.rawValue
    job.configuration.checkpoint.every = 2
    return job
  }

  /// Trains with these steps, counted from 1, spoiled. - Returns: the weights and rank 0's records and warnings.
  private func train(
    _ job: TrainingJob, ranks: Int, steps: Int, spoiling: Set<Int>
  ) throws -> (weights: [Float], records: [StepRecord], warnings: [String]) {
    let batch = job.configuration.train.globalBatch
    let positions = Set(spoiling.map { ($0 - 1) * batch })
    let results = try SimulatedRanks.run(ranks) { communicator in
      ProductLibrary.setThreads(1)
      let collector = TrainingJob.Collector()
      let trainer = try job.trainer(communicator, steps: steps, observer: collector, source: { spoiled($0, positions) })
      _ = try trainer.run(resume: .auto)
      return (trainer.trainee.arena.weights.array, collector.records, collector.warnings)
    }
    #expect(results.allSatisfy { $0.0 == results[0].0 })
    return results[0]
  }

  @Test func theBandIsThatOfTheLastSteps() {
    var guardian = SpikeGuard(.init())
    for _ in 0..<49 { guardian.accept(loss: 1, norm: 2) }
    // Too few to tell.
    #expect(guardian.objection(losses: ["loss": 1000], norm: 2) == nil)
    guardian.accept(loss: 1, norm: 2)
    #expect(guardian.objection(losses: ["loss": 2], norm: 4) == nil)
    #expect(guardian.objection(losses: ["loss": 0], norm: 0) == nil)
    #expect(guardian.objection(losses: ["loss": 2.1], norm: 2)?.contains("the loss is 2.1, far above") ?? false)
    #expect(guardian.objection(losses: ["loss": 1], norm: 4.1)?.contains("the gradient's norm is 4.1") ?? false)
    #expect(guardian.objection(losses: ["loss": 1, "ot": .nan], norm: 2)?.contains("(ot) is not a finite") ?? false)
    #expect(guardian.objection(losses: ["loss": 1], norm: .infinity) == "the gradient is not a finite number")
    // A wide spread makes a wide band: mean 2, standard deviation 1.
    for value in 0..<200 { guardian.accept(loss: value % 2 == 0 ? 1 : 3, norm: 2) }
    #expect(guardian.state.losses.count == 200 && guardian.state.updates == 250)
    #expect(guardian.objection(losses: ["loss": 12], norm: 2) == nil)
    #expect(guardian.objection(losses: ["loss": 12.1], norm: 2) != nil)
  }

  /// One batch in forty with ten times the others' loss, as with rare long answers, is not refused for good.
  @Test func whatIsRareAndSoundWidensTheBand() {
    var guardian = SpikeGuard(.init())
    var refused: [Int] = []
    for step in 0..<4000 {
      let loss = step % 40 == 39 ? 3.5 : 0.3 + 0.002 * Double(step % 7)
      if guardian.objection(losses: ["loss": loss], norm: 1) == nil {
        guardian.accept(loss: loss, norm: 1)
      } else {
        let isTheEnd = guardian.refuse(loss: loss, norm: 1)
        #expect(!isTheEnd)
        refused.append(step)
      }
    }
    #expect(refused.count <= 4 && refused.last ?? 0 < 300, "\(refused)")
  }

  @Test func onlyWhatIsNoNumberIsRefusedWithoutADeviation() {
    var settings = RunConfiguration.Spikes()
    settings.deviation = 0
    var deaf = SpikeGuard(settings)
    for _ in 0..<60 { deaf.accept(loss: 1, norm: 1) }
    #expect(deaf.objection(losses: ["loss": 1e9], norm: 1e9) == nil)
    #expect(deaf.objection(losses: ["loss": .nan], norm: 1) != nil)
    let ends = (1...6).map { _ in deaf.refuse(loss: .nan, norm: 1) }
    #expect(ends == [false, false, false, false, false, true])
    #expect(deaf.state.losses.count == 60)
  }

  /// The update is left out, on any ranks alike, and the samples are named in the order of the shards.
  @Test func aSpoiledStepIsLeftOut() throws {
    try withTemporaryFolder { folder in
      func train(_ name: String, ranks: Int, steps: Int) throws -> (
        weights: [Float], records: [StepRecord], warnings: [String]
      ) {
        try self.train(job(folder.appendingPathComponent(name), .skip), ranks: ranks, steps: steps, spoiling: [3])
      }
      let one = try train("1", ranks: 1, steps: 5)
      let refusal = try #require(one.records[2].refusal)
      #expect(refusal.samples.count == 8 && refusal.backTo == nil && refusal.reason.contains("not a finite number"))
      #expect(one.records[2].losses["loss"] == nil && one.records.filter { $0.refusal != nil }.count == 1)
      #expect(one.warnings.count == 1 && one.warnings[0].contains("step 3: ") && one.warnings[0].contains("left out"))
      #expect(!one.weights.contains { !$0.isFinite })
      let three = try train("3", ranks: 3, steps: 5)
      #expect(three.weights == one.weights && three.records[2].refusal == refusal)
      // The weights of two steps stood still in the third.
      #expect(try train("2 steps", ranks: 1, steps: 2).weights == train("3 steps", ranks: 1, steps: 3).weights)
      let saved = try #require(Checkpoint.newestSound(in: folder.appendingPathComponent("1")).checkpoint).state()
      #expect(saved.step == 5 && saved.spikes?.updates == 4 && saved.spikes?.losses.count == 4)
    }
  }

  /// The whole objective, and the norms of its terms measured at that step: what is told of it holds numbers alone.
  @Test func aSpoiledStepOfTheWholeObjectiveIsLeftOut() throws {
    try withTemporaryFolder { folder in
      var job = TrainingJob(folder)
      job.configuration.objective.norms.every = 1
      let result = try train(job, ranks: 2, steps: 3, spoiling: [2])
      #expect(result.records.map { $0.refusal == nil } == [true, false, true])
      for record in result.records { #expect(try !JSONEncoder().encode(record).isEmpty) }
      #expect(!result.weights.contains { !$0.isFinite })
    }
  }

  /// The weights of the last checkpoint, the batch after the spike; the same bits when the run was interrupted, and when it
  /// saved at other steps besides.
  @Test func goingBackTakesTheLastCheckpoint() throws {
    try withTemporaryFolder { folder in
      func train(_ name: String, ranks: Int, steps: Int, minutes: Double = 0, spoiling: Set<Int> = [6]) throws -> (
        weights: [Float], records: [StepRecord], warnings: [String]
      ) {
        var job = job(folder.appendingPathComponent(name), .rollback)
        job.configuration.checkpoint.every = 4
        job.configuration.checkpoint.keep = 1
        job.configuration.checkpoint.minutes = minutes
        return try self.train(job, ranks: ranks, steps: steps, spoiling: spoiling)
      }
      let straight = try train("straight", ranks: 1, steps: 8)
      #expect(
        straight.records[5].refusal?.backTo == 4 && straight.warnings[0].contains("back to the weights of step 4"))
      #expect(try train("to 6", ranks: 2, steps: 6).weights == train("to 4", ranks: 1, steps: 4).weights)
      #expect(try train("saved often", ranks: 3, steps: 8, minutes: 1e-9).weights == straight.weights)
      _ = try train("interrupted", ranks: 2, steps: 5)
      _ = try train("interrupted", ranks: 1, steps: 7)
      #expect(try train("interrupted", ranks: 2, steps: 8).weights == straight.weights)
      #expect(try train("unspoiled", ranks: 1, steps: 8, spoiling: []).weights != straight.weights)
      // Nowhere to go back to: left out.
      let early = try train("early", ranks: 1, steps: 2, spoiling: [2])
      #expect(early.records[1].refusal != nil && early.records[1].refusal?.backTo == nil)
      #expect(early.warnings.contains { $0.contains("no checkpoint to go back to") })
    }
  }

  @Test func tooManyInARowEndTheRun() throws {
    try withTemporaryFolder { folder in
      for (action, last) in [(RunConfiguration.Spikes.Action.skip, 9), (.stop, 4)] {
        let job = job(folder.appendingPathComponent(action.rawValue), action)
        #expect {
          _ = try train(job, ranks: 2, steps: 20, spoiling: Set(4...20))
        } throws: { error in
          let error = UserError.from(error)
          return error.kind == .badInput && error.message.hasPrefix("step \(last): the loss")
            && error.message.contains("samples: ")
        }
        let saved = try #require(Checkpoint.newestSound(in: job.folder).checkpoint)
        #expect(try saved.state().spikes?.updates == (action == .stop ? 2 : 3))
      }
    }
  }

  /// Best of the scores, and the checkpoint that holds it, which is never removed.
  @Test func theBestStateIsKept() throws {
    try withTemporaryFolder { folder in
      var job = TrainingJob(folder, method: "ce")
      job.configuration.checkpoint.every = 3
      job.configuration.checkpoint.keep = 1
      let ready = job
      func train(steps: Int, ranks: Int) throws -> [Float] {
        try SimulatedRanks.run(ranks) { communicator in
          ProductLibrary.setThreads(1)
          let trainer = try ready.trainer(communicator, steps: steps)
          trainer.evaluation = PeriodicEvaluation(metric: "luck", every: 2) { [2: 0.5, 4: 0.75, 6: 0.7, 8: 0.75][$0] }
          _ = try trainer.run(resume: .auto)
          return trainer.trainee.arena.weights.array
        }[0]
      }
      _ = try train(steps: 5, ranks: 2)
      #expect(Checkpoint.all(in: folder).map(\.step) == [5, 4])
      _ = try train(steps: 10, ranks: 3)
      #expect(Checkpoint.all(in: folder).map(\.step) == [10, 4])
      let scores = try #require(try Checkpoint.newestSound(in: folder).checkpoint?.state().scores)
      #expect(scores.best == .init(step: 4, value: 0.75) && scores.all.map(\.step) == [2, 4, 6, 8])
      #expect(scores.metric == "luck")
    }
  }

  /// A better state whose save fails leaves the best one that is there.
  @Test func theBestStateThatCouldBeSavedIsKept() throws {
    guard let disk = SmallDisk(bytes: 64 << 20) else { return }
    var job = TrainingJob(disk.folder.appendingPathComponent("checkpoints"), method: "ce")
    job.configuration.checkpoint.every = 3
    job.configuration.checkpoint.keep = 1
    let collector = TrainingJob.Collector()
    collector.finishing = { record in
      if record.step == 6 { disk.makeReadOnly(true) }
      if record.step == 8 { disk.makeReadOnly(false) }
    }
    let trainer = try job.trainer(SingleRank(), steps: 10, observer: collector)
    trainer.evaluation = PeriodicEvaluation(metric: "luck", every: 2) { [4: 0.75, 6: 0.8][$0] ?? 0.5 }
    _ = try trainer.run(resume: .auto)
    #expect(collector.warnings.contains { $0.contains("step-00000006") }, "\(collector.warnings)")
    #expect(Checkpoint.all(in: job.folder).map(\.step) == [10, 4])
  }
}
