import Cluster
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Training

extension CheckpointWriter {
  /// Writes contents and state in one go, by the steps of a save.
  fileprivate func write(_ state: RunState, contents: (URL) throws -> Void) throws -> Checkpoint {
    try prepare(step: state.step)
    do { try contents(temporary(step: state.step)) } catch {
      discard(step: state.step)
      throw failure(step: state.step, error)
    }
    return try commit(state)
  }
}

@Suite struct CheckpointTests {
  private func state(_ step: Int) -> RunState {
    RunState(
      step: step, seed: 1, globalBatch: 8, shards: 4, precision: "f32", model: "m", data: ["the view": "v"],
      optimisation: [:],
      threads: 1, coreType: "c", productLibrary: "p", ranks: 2, metrics: ["loss": 0.5])
  }

  private func write(_ step: Int, in folder: URL, keep: Int = 2) throws -> Checkpoint {
    try CheckpointWriter(checkpoints: folder, keep: keep).write(state(step)) { folder in
      try Data("weights of step \(step)".utf8).write(to: folder.appendingPathComponent("model.safetensors"))
      try Data(repeating: UInt8(step), count: 1000).write(
        to: folder.appendingPathComponent("optimizer-00000.safetensors"))
    }
  }

  @Test func aWrittenCheckpointVerifiesAndGivesItsStateBack() throws {
    try withTemporaryFolder { folder in
      let checkpoint = try write(12, in: folder)
      try checkpoint.verify()
      #expect(checkpoint.folder.lastPathComponent == "step-00000012")
      #expect(try checkpoint.state() == state(12))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["step-00000012"])
    }
  }

  /// Every byte region of every file: a flip, a truncation or a missing file is found, and an older checkpoint is taken.
  @Test func anyDamageIsFoundAndTheOlderCheckpointTaken() throws {
    try withTemporaryFolder { folder in
      let older = try write(10, in: folder, keep: 9)
      let newer = try write(20, in: folder, keep: 9)
      for name in try FileManager.default.contentsOfDirectory(atPath: newer.folder.path) {
        let file = newer.folder.appendingPathComponent(name)
        let bytes = try Data(contentsOf: file)
        var damages: [Data?] = [nil, bytes.dropLast(), Data(), bytes + [0]]
        damages += stride(from: 0, to: bytes.count, by: max(1, bytes.count / 20)).map { place in
          var flipped = bytes
          flipped[place] ^= 0x10
          return flipped
        }
        for damage in damages {
          if let damage { try damage.write(to: file) } else { try FileManager.default.removeItem(at: file) }
          let found = Checkpoint.newestSound(in: folder)
          // A flipped digit of the manifest's own format number leaves every checksum right.
          if let checkpoint = found.checkpoint, checkpoint.step == 20 {
            #expect(name == Checkpoint.manifestName && (try? checkpoint.verify()) != nil)
          } else {
            #expect(found.checkpoint?.step == older.step && found.skipped.count == 1)
          }
        }
        try bytes.write(to: file)
      }
      #expect(Checkpoint.newestSound(in: folder).checkpoint?.step == newer.step)
    }
  }

  /// What a removal that was killed has left is not under a checkpoint's name, and goes with the next start.
  @Test func aReaderNeverMeetsAHalfRemovedCheckpoint() throws {
    try withTemporaryFolder { folder in
      _ = try write(1, in: folder, keep: 1)
      let reader = BackgroundWork("reader") {
        var unsound: [String] = []
        while Checkpoint.all(in: folder).first?.step != 60 { unsound += Checkpoint.newestSound(in: folder).skipped }
        return unsound
      }
      for step in 2...60 { _ = try write(step, in: folder, keep: 1) }
      #expect(try reader.wait().get() == [])
      let left = folder.appendingPathComponent(".writing-step-00000059-0A1B2C3D.old")
      try FileManager.default.createDirectory(at: left, withIntermediateDirectories: true)
      #expect(CheckpointWriter(checkpoints: folder, keep: 1).discardUnfinished() == [left.lastPathComponent])
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["step-00000060"])
    }
  }

  /// As where a cluster clears the scratch space that checkpoints were moved to.
  @Test(.timeLimit(.minutes(1))) func aLinkThatLeadsNowhereIsADamagedCheckpoint() throws {
    try withTemporaryFolder { folder in
      let link = folder.appendingPathComponent("step-00000020")
      try FileManager.default.createSymbolicLink(
        at: link, withDestinationURL: folder.appendingPathComponent("gone/step-00000020"))
      let alone = Checkpoint.newestSound(in: folder)
      #expect(alone.checkpoint == nil && alone.skipped.count == 1)
      #expect(alone.skipped.first?.contains("step-00000020 is damaged") == true)
      let older = try write(10, in: folder, keep: 9)
      let found = Checkpoint.newestSound(in: folder)
      #expect(found.checkpoint?.step == older.step && found.skipped == alone.skipped)
      try FileManager.default.removeItem(at: link)
      #expect(Checkpoint(folder: link)?.isPresent == false)
      #expect(older.isPresent)
    }
  }

  @Test func allDamagedCheckpointsAreNamed() throws {
    try withTemporaryFolder { folder in
      for step in [1, 2] {
        let file = try write(step, in: folder, keep: 3).folder.appendingPathComponent("model.safetensors")
        try (Data(contentsOf: file) + [0]).write(to: file)
      }
      #expect { _ = try ResumePoint.find(.auto, in: folder, skipped: { _ in }) } throws: { error in
        let text = "\(error)"
        return ["is sound", "step-00000001 is damaged: model.safetensors", "step-00000002 is damaged"]
          .allSatisfy { text.contains($0) }
      }
    }
  }

  @Test func aStateOfAnotherFormatIsRefused() throws {
    try withTemporaryFolder { folder in
      let checkpoint = try write(3, in: folder)
      let file = checkpoint.folder.appendingPathComponent(Checkpoint.stateName)
      let text = try String(contentsOf: file, encoding: .utf8)
      try text.replacingOccurrences(of: "\"format\" : 1", with: "\"format\" : 2")
        .write(to: file, atomically: false, encoding: .utf8)
      #expect { _ = try checkpoint.state() } throws: {
        UserError.from($0).kind == .badInput && "\($0)".contains("a run state of format 2, unknown here")
      }
    }
  }

  @Test func olderCompleteCheckpointsAreRemovedButDamagedOnesStay() throws {
    try withTemporaryFolder { folder in
      let first = try write(1, in: folder)
      try Data("x".utf8).write(to: first.folder.appendingPathComponent("model.safetensors"))
      for step in 2...5 { _ = try write(step, in: folder) }
      #expect(Checkpoint.all(in: folder).map(\.step) == [5, 4, 1])
    }
  }

  @Test func everySoManiethIsKeptForGood() throws {
    try withTemporaryFolder { folder in
      for step in 1...7 {
        _ = try CheckpointWriter(checkpoints: folder, keep: 2, keepEvery: 3).write(state(step)) {
          try Data("\(step)".utf8).write(to: $0.appendingPathComponent("model.safetensors"))
        }
      }
      #expect(Checkpoint.all(in: folder).map(\.step) == [7, 6, 3])
    }
  }

  @Test func savesAreDueByStepsAndMinutes() {
    var schedule = SaveSchedule(every: 10, seconds: 60, now: 100)
    #expect(
      schedule.isDue(step: 10, now: 101) && !schedule.isDue(step: 11, now: 159) && schedule.isDue(step: 11, now: 160))
    schedule.saved(now: 160)
    #expect(!schedule.isDue(step: 12, now: 219) && schedule.isDue(step: 12, now: 221))
    #expect(!SaveSchedule(every: 0, seconds: 0, now: 0).isDue(step: 10, now: 1e9))
  }

  @Test func theRunStopsBeforeItsJobDoes() throws {
    var run = RunConfiguration().run
    run.margin = 100
    let end = ["SLURM_JOB_END_TIME": "\(Int(Date().timeIntervalSince1970) + 400)"]
    let left = try #require(try run.secondsLeft(environment: end))
    #expect(abs(left - 400) < 3)
    #expect(try run.secondsLeft(environment: ["PBS_WALLTIME": "3600"]) == 3600)
    #expect(try run.secondsLeft(environment: [:]) == nil)
    run.wallClock = "1-02:03:04"
    #expect(try run.secondsLeft(environment: end) == 86_400 + 7384)
    #expect(try run.secondsOfGrace(environment: [:]) == nil)
    #expect(try run.secondsOfGrace(environment: ["EVL_GRACE_SECONDS": "25"]) == 25)
    #expect {
      _ = try run.secondsOfGrace(environment: ["EVL_GRACE_SECONDS": "soon"])
    } throws: {
      UserError.from($0).kind == .usage
    }
    run.grace = 7
    #expect(try run.secondsOfGrace(environment: ["EVL_GRACE_SECONDS": "25"]) == 7)
    // A caller who needs longer than the margin is told earlier.
    let flag = StopFlag(jobEndsIn: 100, margin: 10)
    #expect(flag.signal == 0 && flag.signal(needing: 50) == 0 && flag.signal(needing: 101) == StopFlag.endOfTime)
    // Of which the job takes some when the ranks have ended.
    let slow = StopFlag(jobEndsIn: 100, margin: 10, aftermath: 60)
    #expect(slow.signal(needing: 30) == 0 && slow.signal(needing: 50) == StopFlag.endOfTime)
    run.wallClock = ""
    #expect(try run.secondsLeft(environment: end) == nil)
    for (text, problem) in [
      ("01:30", "ends in 90 s"), ("soon", "is no time"), ("1:99:00", "is no time"), ("-1:00:00", "is no"),
    ] {
      run.wallClock = text
      #expect { _ = try run.secondsLeft(environment: [:]) } throws: {
        UserError.from($0).kind == .usage && "\($0)".contains(problem)
      }
    }
  }

  @Test func aFailedWriteLeavesWhatWasThereAndNothingTemporary() throws {
    try withTemporaryFolder { folder in
      _ = try write(1, in: folder)
      #expect {
        try CheckpointWriter(checkpoints: folder, keep: 2).write(state(2)) { _ in throw CocoaError(.fileWriteOutOfSpace)
        }
      } throws: { ($0 as? UserError)?.kind == .inputOutput }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["step-00000001"])
    }
  }

  @Test func aDamagedCheckpointOfTheSameStepIsSetAsideNotOverwritten() throws {
    try withTemporaryFolder { folder in
      let checkpoint = try write(3, in: folder)
      try Data("x".utf8).write(to: checkpoint.folder.appendingPathComponent("model.safetensors"))
      try write(3, in: folder).verify()
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(names.count == 2 && names.contains { $0.hasPrefix("damaged-step-00000003") })
    }
  }

  @Test func resumingRefusesWhatWouldCorruptAndWarnsOfWhatChangesBits() {
    var other = state(5)
    #expect(state(9).refusals(against: other).isEmpty && state(9).warnings(against: other).isEmpty)
    other.shards = 12
    other.model = "n"
    #expect(state(9).refusals(against: other).count == 2)
    func warnings(_ change: (inout RunState) -> Void) -> [String] {
      var (saved, own) = (state(5), state(9))
      (saved.groups, own.groups) = ([2, 2], [4])
      change(&saved)
      own.reduction = saved.reduction
      #expect(own.refusals(against: saved).isEmpty)
      return own.warnings(against: saved)
    }
    #expect(warnings { $0.ranks = 8 }.isEmpty)
    for (change, name) in [
      ({ $0.threads = 2 }, "train.threads"), ({ $0.coreType = "x" }, "kernels"), ({ $0.program = "9" }, "version"),
      ({ $0.productLibrary = "x" }, "matrix library"), ({ $0.optimisation = ["train.clip": "2"] }, "train.clip"),
      ({ $0.reduction = "fast" }, "the ranks of each node"),
    ] as [((inout RunState) -> Void, String)] {
      let told = warnings(change)
      #expect(told.count == 1 && told[0].contains(name) && told[0].contains("the bits will differ"), "\(told)")
    }
    var fast = state(5)
    fast.reduction = "fast"
    #expect(state(9).warnings(against: fast).contains { $0.hasPrefix("train.reduction: the checkpoint has fast") })
  }

  @Test func settingsThatChangeNeitherBitsNorTheRunAreListed() {
    var (saved, own) = (state(5), state(9))
    saved.configuration = ["checkpoint.every": "100", "run.margin": "120", "train.clip": "1", "old.key": "1"]
    own.configuration = ["checkpoint.every": "50", "run.margin": "120", "train.clip": "2"]
    (saved.optimisation, own.optimisation) = (["train.clip": "1"], ["train.clip": "2"])
    #expect(
      own.remark(against: saved)
        == "settings that differ from the checkpoint's start:\n  checkpoint.every: 100 then, 50 now"
        + "\n  old.key: 1 then, (none) now")
    own.configuration?["checkpoint.every"] = "100"
    saved.configuration?["old.key"] = nil
    #expect(own.remark(against: saved) == nil && own.remark(against: state(5)) == nil)
  }

  /// A folder under another step's name, and a manifest that leaves the state out, are no sound checkpoints.
  @Test func aCheckpointIsWhatItsNameSays() throws {
    try withTemporaryFolder { folder in
      let checkpoint = try write(3, in: folder)
      let moved = folder.appendingPathComponent("step-00000007")
      try FileManager.default.moveItem(at: checkpoint.folder, to: moved)
      let found = Checkpoint.newestSound(in: folder)
      #expect(found.checkpoint == nil && found.skipped.first?.contains("it holds the state of step 3") ?? false)
      let manifest = moved.appendingPathComponent(Checkpoint.manifestName)
      let files = try JSONDecoder().decode(Checkpoint.Manifest.self, from: Data(contentsOf: manifest)).files
      try JSONEncoder().encode(Checkpoint.Manifest(files: files.filter { $0.name != Checkpoint.stateName }))
        .write(to: manifest)
      #expect(Checkpoint.newestSound(in: folder).skipped.first?.contains("does not name state.json") ?? false)
    }
  }

  /// A text "none" and no text at all are two things, and said as two.
  @Test func whatOneSideDoesNotHaveIsSaid() {
    var (saved, own) = (state(5), state(9))
    own.data["a"] = "none"
    saved.data["b"] = "none"
    let told = own.refusals(against: saved)
    #expect(
      told == [
        "a: the checkpoint says nothing of it, this run none",
        "b: the checkpoint has none, this run says nothing of it",
      ])
  }
}
