import Cluster
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Training

/// Saves that go on while training does.
@Suite(.serialized) struct BackgroundSaveTests {
  private func files(_ folder: URL) throws -> [String: String] {
    var result: [String: String] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where !name.hasPrefix("state") {
      result[name] = try Digest.sha256(fileAt: folder.appendingPathComponent(name))
    }
    result["manifest.json"] = nil
    return result
  }

  /// Whatever memory there is for copies, and on any ranks, a save in passing holds what a save at the end would.
  @Test(arguments: [1024, 0]) func aSaveInPassingHoldsTheStateOfItsStep(memory: Int) throws {
    try withTemporaryFolder { folder in
      func run(_ name: String, ranksPerNode: [Int], steps: Int, every: Int) throws -> URL {
        var job = TrainingJob(folder.appendingPathComponent(name), method: "ce")
        job.configuration.checkpoint.every = every
        job.configuration.checkpoint.keep = 10
        job.configuration.checkpoint.memory = memory
        let ready = job
        _ = try SimulatedRanks.run(ranksPerNode: ranksPerNode) { communicator in
          ProductLibrary.setThreads(1)
          _ = try ready.trainer(communicator, steps: steps).run(resume: .auto)
        }
        return job.folder
      }
      let passing = try run("passing", ranksPerNode: [3, 1], steps: 4, every: 1)
      #expect(Checkpoint.all(in: passing).map(\.step) == [4, 3, 2, 1])
      for step in 1...4 {
        let name = Checkpoint.name(step: step)
        let alone = try run("alone-\(step)", ranksPerNode: [1], steps: step, every: 0)
        try #require(Checkpoint(folder: passing.appendingPathComponent(name))).verify()
        #expect(try files(passing.appendingPathComponent(name)) == files(alone.appendingPathComponent(name)))
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: passing.path).allSatisfy { $0.hasPrefix("step-") })
    }
  }

  /// A save that fails is told of, and the next one is tried; the last one ends the run with an error.
  @Test func aSaveThatFailsDoesNotEndTheTraining() throws {
    try withTemporaryFolder { folder in
      let job = TrainingJob(folder.appendingPathComponent("checkpoints"), method: "ce")
      var every = job
      every.configuration.checkpoint.every = 1
      try Data().write(to: job.folder)
      let collector = TrainingJob.Collector()
      collector.finishing = { record in
        if record.step == 3 { try? FileManager.default.removeItem(at: job.folder) }
      }
      _ = try every.trainer(SingleRank(), steps: 5, observer: collector).run(resume: .auto)
      #expect(collector.warnings.count == 2 && collector.warnings.allSatisfy { $0.contains("training goes on") })
      #expect(collector.saves == [3, 4, 5])

      try FileManager.default.removeItem(at: job.folder)
      try Data().write(to: job.folder)
      #expect { _ = try every.trainer(SingleRank(), steps: 2).run(resume: .auto) } throws: {
        UserError.from($0).kind == .inputOutput
      }
    }
  }

  /// The run ends by itself before its job does, saved; the same command goes on.
  @Test func theEndOfTheJobsTimeSavesAndStops() throws {
    try withTemporaryFolder { folder in
      let job = TrainingJob(folder, method: "ce")
      let codes = try SimulatedRanks.run(2) { communicator -> Int? in
        ProductLibrary.setThreads(1)
        return try job.trainer(communicator, steps: 10_000, stop: StopFlag(jobEndsIn: 2.5, margin: 2)).run(
          resume: .auto)
      }
      #expect(codes == [StopFlag.endOfTime, StopFlag.endOfTime])
      let saved = try #require(Checkpoint.newestSound(in: folder).checkpoint)
      #expect((1..<10_000).contains(saved.step) && StopFlag.name(of: StopFlag.endOfTime).contains("time"))
    }
  }

  /// What a killed run had not finished is removed by the next start, and nothing else.
  @Test func unfinishedFoldersAreRemovedAtTheStart() throws {
    try withTemporaryFolder { folder in
      let job = TrainingJob(folder, method: "ce")
      for name in [".writing-step-00000007", "notes"] {
        try FileManager.default.createDirectory(
          at: folder.appendingPathComponent(name), withIntermediateDirectories: true)
      }
      _ = try job.trainer(SingleRank(), steps: 1).run(resume: .auto)
      #expect(try Set(FileManager.default.contentsOfDirectory(atPath: folder.path)) == ["notes", "step-00000001"])
    }
  }
}
