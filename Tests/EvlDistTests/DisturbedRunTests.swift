import Foundation
import TestSupport
import Testing

/// Runs whose disk is full, whose clock is set back, which are told to end, or whose host is gone.
@Suite(.serialized, .enabled(if: MPIRun.isPresent)) struct DisturbedRunTests {
  private func verify(_ folder: URL) throws -> Bool {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    return try !names.isEmpty
      && names.allSatisfy {
        try $0.hasPrefix("step-") && CommandTests.run(["verify", folder.appendingPathComponent($0).path]).code == 0
      }
  }

  /// Training goes on while nothing can be written, ends with 74, and goes on where there is room again.
  @Test func aFullDiskEndsTheRunInOrder() throws {
    guard let disk = SmallDisk(bytes: 256 << 20) else { return }
    try withTemporaryFolder { folder in
      let whole = SmallRun(folder: folder)
      #expect(try whole.start("whole", ranks: 2, ["train.steps=70"]).code == 0)
      let small = SmallRun(folder: disk.folder)
      let full = try small.start("run", ranks: 2, ["checkpoint.every=2", "train.steps=60"]) { _ in
        small.wait("run", steps: 4)
        // Refused where more is in use by the time it is done.
        var isFull = false
        for _ in 0..<200 where !isFull { isFull = disk.resize(disk.used) }
        #expect(isFull)
      }
      #expect(full.code == 74, "\(full)")
      #expect(full.errors.contains("training goes on") && full.errors.contains("metrics.jsonl cannot be written"))
      #expect(full.errors.contains("step-00000060 cannot be written"), "\(full.errors)")
      #expect(try verify(small.run("run/checkpoints")))
      disk.resize(256 << 20)
      #expect(try small.start("run", ranks: 3, ["train.steps=70"]).code == 0)
      #expect(try small.digest("run") == whole.digest("whole") && small.metrics("run").count == 70)
    }
  }

  /// The clock jumps twenty days back while the run goes on, and ten forth before it goes on again.
  @Test func aClockThatIsSetBackChangesNothing() throws {
    let libraries = ["x86_64-linux-gnu", "aarch64-linux-gnu"].map { "/usr/lib/\($0)/faketime/libfaketimeMT.so.1" }
    guard let library = libraries.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
      print("skipped: libfaketime is missing (install faketime)")
      return
    }
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder)
      #expect(try small.start("whole", ranks: 2).code == 0)
      let clock = folder.appendingPathComponent("clock")
      try Data("+10d\n".utf8).write(to: clock)
      let steered = [
        "LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": clock.path, "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
      ]
      let more = ["train.steps=100000", "checkpoint.every=0", "checkpoint.minutes=0.02"]
      let stopped = try MPIRun.run(
        ranks: 2, MPIRun.program("evl-dist"), small.arguments("run", more, []), seconds: 240, settings: steered
      ) { _ in
        small.wait("run", steps: 6)
        try Data("-10d\n".utf8).write(to: clock)
        let steps = try small.metrics("run").count
        small.wait("run", steps: steps + 40)
        // The log has a line every ten seconds, by another clock.
        sleep(11)
        kill(try #require(small.process(ofRank: 0, "run")), SIGUSR1)
      }
      #expect(stopped.code == 75, "\(stopped)")
      let times = try small.metrics("run").compactMap { $0["time"] as? String }
      #expect(times != times.sorted(), "the clock was not set back")
      #expect(stopped.output.split(separator: "\n").count { $0.hasPrefix("student ") && $0.contains("loss") } > 1)
      let steps = times.count + 20
      #expect(try small.start("run", ranks: 3, ["train.steps=\(steps)"]).code == 0)
      #expect(try small.start("straight", ranks: 1, ["train.steps=\(steps)"]).code == 0)
      #expect(try small.digest("run") == small.digest("straight"))
      #expect(try verify(small.run("run/checkpoints")))
    }
  }

  /// SIGTERM to the ranks, with time enough, and with one rank that cannot go on.
  @Test func aSaveIsMadeWithinTheGraceOrItIsSaidThatItIsNot() throws {
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder)
      let more = ["train.steps=100000", "checkpoint.every=5"]
      func processes() throws -> [pid_t] { try (0..<2).map { try #require(small.process(ofRank: $0, "run")) } }
      let saved = try small.start("run", ranks: 2, more + ["run.grace=30"]) { _ in
        small.wait("run", steps: 8)
        for process in try processes() { kill(process, SIGTERM) }
      }
      #expect(saved.code == 75 && saved.errors.contains("the state is saved"), "\(saved)")
      let steps = try small.metrics("run").count
      let hindered = try small.start("run", ranks: 2, more + ["run.grace=3"]) { _ in
        small.wait("run", steps: steps + 8)
        let processes = try processes()
        kill(processes[1], SIGSTOP)
        usleep(200_000)
        kill(processes[0], SIGTERM)
        sleep(6)
        kill(processes[1], SIGKILL)
      }
      #expect(hindered.errors.contains("told to end, and not saved within 3 s (run.grace)"), "\(hindered)")
      #expect(hindered.errors.contains("the last complete checkpoint stands") && hindered.code != 0)
      let before = try small.metrics("run").count
      let late = try small.start("run", ranks: 2, more + ["checkpoint.every=1", "run.grace=0.01"]) { _ in
        small.wait("run", steps: before + 8)
        for process in try processes() { kill(process, SIGTERM) }
      }
      #expect(late.code == 75 && late.errors.contains("stands") && late.errors.contains("run.grace"), "\(late)")
      let end = try small.metrics("run").count + 5
      #expect(try small.start("run", ranks: 1, ["train.steps=\(end)"]).code == 0)
      #expect(try small.start("straight", ranks: 2, ["train.steps=\(end)"]).code == 0)
      #expect(try small.digest("run") == small.digest("straight"))
    }
  }

  /// A job requeued on another host waits for half a minute, and goes on with the same bits.
  @Test func aFolderWhoseHostIsGoneIsTakenOver() throws {
    guard TwoHosts.arePossible else { return }
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder)
      let program = MPIRun.program("evl-dist").path
      let killed = try MPIRun.run(
        command: SmallRun.elsewhere + ["mpirun", "--quiet", "-n", "1", program]
          + small.arguments("run", ["train.steps=100000", "checkpoint.every=3"], []), seconds: 240
      ) { _ in
        small.wait("run", steps: 8)
        kill(try #require(small.process(ofRank: 0, "run")), SIGKILL)
      }
      #expect(killed.code != 0)
      let steps = try small.metrics("run").count + 10
      let next = try small.start("run", ranks: 2, ["train.steps=\(steps)"])
      #expect(next.code == 0 && next.seconds >= 30, "\(next)")
      #expect(next.output.contains("on elsewhere") && next.output.contains("waiting 30 s for a sign of life"))
      #expect(try small.start("straight", ranks: 1, ["train.steps=\(steps)"]).code == 0)
      #expect(try small.digest("run") == small.digest("straight"))
      #expect(!FileManager.default.fileExists(atPath: small.run("run/lock.json").path))
    }
  }

  /// A rank on a host that does not see the run folder: checkpoints are rank 0's and its neighbours'.
  @Test func aRankWithoutTheRunFolderDoesItsPart() throws {
    guard TwoHosts.arePossible else { return }
    try withTemporaryFolder { folder in
      var small = SmallRun(folder: folder)
      small.settings += ["objective.method=ce", "train.shared_memory=private", "checkpoint.every=5"]
      let hidden = small.run("apart")
      try FileManager.default.createDirectory(at: hidden, withIntermediateDirectories: true)
      let program = MPIRun.program("evl-dist").path
      func start(steps: Int) throws -> MPIRun.Outcome {
        let words = [program] + small.arguments("apart", ["train.steps=\(steps)"], [])
        let blind = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs tmpfs \"$1\" && shift && exec \"$@\"", "sh"]
        return try MPIRun.run(
          command: MPIRun.launcher + ["-n", "1"] + words + [":", "-n", "1"] + blind + [hidden.path] + words,
          seconds: 240)
      }
      let first = try start(steps: 12)
      #expect(first.code == 0, "\(first)")
      let second = try start(steps: 20)
      #expect(second.code == 0 && second.output.contains("continuing from step 12"), "\(second)")
      #expect(try small.start("whole", ranks: 1).code == 0)
      #expect(try small.digest("apart") == small.digest("whole"))
    }
  }
}
