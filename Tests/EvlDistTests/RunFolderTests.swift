import Foundation
import TestSupport
import Testing

/// Two jobs on one run folder, on one host and on two.
@Suite(.serialized, .enabled(if: MPIRun.isPresent)) struct RunFolderTests {
  private func arguments(_ small: SmallRun, steps: Int) -> [String] {
    small.arguments("run", ["train.steps=\(steps)", "checkpoint.every=0"], [])
  }

  @Test func aSecondJobIsRefusedAndAKilledOneShutsNobodyOut() throws {
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder)
      let killed = try small.start("run", ranks: 2, ["train.steps=100000", "checkpoint.every=3"]) { _ in
        small.wait("run", steps: 8)
        let before = try FileManager.default.contentsOfDirectory(atPath: small.run("run").path)
        let second = try CommandTests.run(arguments(small, steps: 100_000))
        #expect(second.code == 64 && second.errors.contains("belongs to a job that is running: process "), "\(second)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: small.run("run").path) == before)
        let status = try CommandTests.run(["status", small.run("run").path])
        #expect(status.code == 0 && status.output.contains("state       running, process "), "\(status)")
        #expect(status.output.contains("step        student ") && status.output.contains("ranks       0-1 on "))
        #expect(status.output.contains("left        ") && status.output.contains("checkpoint  step "))
        for rank in 0..<2 { kill(try #require(small.process(ofRank: rank, "run")), SIGKILL) }
      }
      #expect(killed.code != 0)
      #expect(try CommandTests.run(["status", small.run("run").path]).output.contains("state       killed, process "))
      let steps = try small.metrics("run").count
      let next = try CommandTests.run(arguments(small, steps: steps + 50))
      #expect(next.code == 0 && next.output.contains("continuing from step "), "\(next)")
      #expect(!FileManager.default.fileExists(atPath: small.run("run").appendingPathComponent("lock.json").path))
      let done = try CommandTests.run(["status", small.run("run").path, "--json"])
      let told = try JSONSerialization.jsonObject(with: Data(done.output.utf8)) as? [String: Any]
      #expect(told?["life"] as? String == "stopped" && told?["step"] as? Int == steps + 50, "\(done)")
      #expect((told?["last_checkpoint"] as? [String: Any])?["step"] as? Int == steps + 50)
      #expect(told?["is_finished"] as? Bool == true)
      #expect(try CommandTests.run(["status", small.run("run").path]).output.contains("state       finished"))
      // A later start that was stopped before its results.
      let start = small.run("run/environment.json").path
      try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSinceNow: 5)], ofItemAtPath: start)
      #expect(try CommandTests.run(["status", small.run("run").path]).output.contains("state       not running;"))
      #expect(try CommandTests.run(["status", folder.path]).code == 74)
    }
  }

  /// The other host sees the counter move, and refuses; it is not asked to look for a process there.
  @Test func aJobOnAnotherHostSeesThatTheFirstLives() throws {
    guard TwoHosts.arePossible else { return }
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder)
      let outcome = try small.start("run", ranks: 1, ["train.steps=100000", "checkpoint.every=0"]) { _ in
        small.wait("run", steps: 2)
        let second = try CommandTests.run(
          arguments(small, steps: 100_000), by: SmallRun.elsewhere)
        #expect(second.code == 64, "\(second)")
        #expect(
          second.errors.contains("belongs to a job that is running: process ")
            && second.output.contains("for a sign of life"))
        let status = try CommandTests.run(["status", small.run("run").path], by: SmallRun.elsewhere)
        #expect(status.code == 0 && status.output.contains("state       running, process "), "\(status)")
        kill(try #require(small.process(ofRank: 0, "run")), SIGUSR1)
      }
      #expect(outcome.code == 75, "\(outcome)")
    }
  }

  /// It saves nothing for a long time, and does not go on until then.
  @Test func aJobWhoseFolderIsAnothersByNowEnds() throws {
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder)
      let lock = small.run("run").appendingPathComponent("lock.json")
      let outcome = try small.start("run", ranks: 2, ["train.steps=100000", "checkpoint.every=0"]) { _ in
        small.wait("run", steps: 2)
        let text = try String(contentsOf: lock, encoding: .utf8)
        let own = try #require(text.firstRange(of: #/"token":"[^"]*"/#))
        // In one step, since the counter is rewritten beside it.
        try text.replacingCharacters(in: own, with: #""token":"other""#).write(
          to: lock, atomically: true, encoding: .utf8)
      }
      #expect(outcome.code == 76 && outcome.errors.contains("was taken over by process "), "\(outcome)")
      #expect(try String(contentsOf: lock, encoding: .utf8).contains("other"))
    }
  }
}
