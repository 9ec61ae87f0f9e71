import Foundation
import TestSupport
import Testing

/// Jobs that want the same teacher or store at one time, and the state with the best score.
@Suite(.serialized, .enabled(if: MPIRun.isPresent)) struct SharedFolderTests {
  /// Waits for a file of that name somewhere below a folder.
  private func wait(for name: String, below folder: URL) {
    for _ in 0..<600 {
      let found = FileManager.default.enumerator(atPath: folder.path)?.contains {
        ($0 as? String)?.hasSuffix(name) == true
      }
      if found == true { return }
      usleep(50_000)
    }
  }

  @Test func theSecondJobWaitsForTheTeacherThatTheFirstTrains() throws {
    try withTemporaryFolder { folder in
      var small = SmallRun(folder: folder)
      small.settings += ["teacher.steps=60"]
      let ready = small
      var second: CommandTests.Outcome?
      let first = try small.start("first", ranks: 2) { _ in
        wait(for: "lock.json", below: ready.folder.appendingPathComponent("teachers"))
        second = try CommandTests.run(ready.arguments("second", [], []))
      }
      let other = try #require(second)
      #expect(first.code == 0 && other.code == 0, "\(first) \(other)")
      #expect(other.output.contains("waiting for the teacher in ") && !other.output.contains("teacher: 1,095,264"))
      #expect(try small.digest("first") == small.digest("second"))
      #expect(
        FileManager.default.enumerator(atPath: folder.path)?.contains {
          ($0 as? String)?.hasSuffix("lock.json") == true
        }
          == false)
    }
  }

  @Test func aSecondTeachOnAStoreIsRefused() throws {
    try withTemporaryFolder { folder in
      let store = folder.appendingPathComponent("store")
      let settings = [
        "data.records=120", "teacher.steps=2", "teacher.store=\(store.path)", "run.folder=\(folder.path)/run",
        "teacher.cache=\(folder.path)/teachers", "teacher.part_samples=8",
      ]
      let arguments = ["teach"] + settings.flatMap { ["--set", $0] }
      let first = try MPIRun.run(ranks: 2, MPIRun.program("evl-dist"), arguments, seconds: 240) { _ in
        wait(for: "unfinished/lock.json", below: store)
        let second = try CommandTests.run(arguments)
        #expect(second.code == 64 && second.errors.contains("belongs to a job that is running: process "), "\(second)")
      }
      #expect(first.code == 0, "\(first)")
      #expect(try CommandTests.run(["verify", store.path]).code == 0)
      #expect(try !FileManager.default.contentsOfDirectory(atPath: store.path).contains { $0.contains("lock") })
    }
  }

  /// Scores are the same on any ranks and after a stop, and change no bit.
  @Test func theStateWithTheBestScoreIsKept() throws {
    try withTemporaryFolder { folder in
      var small = SmallRun(folder: folder)
      small.settings += ["data.records=400"]
      let ready = small
      let more = [
        "evaluation.enabled=true", "evaluation.every=4", "evaluation.replicates=100", "checkpoint.every=1",
        "checkpoint.keep=1",
      ]
      func scores(_ name: String) throws -> NSDictionary {
        let file = small.run(name).appendingPathComponent("checkpoints/step-00000020/state.json")
        let state = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any]
        return try #require(state?["scores"] as? NSDictionary)
      }
      let one = try small.start("one", ranks: 2, more)
      #expect(one.code == 0 && one.output.contains("student step 4: macro AUC 0."), "\(one)")
      let stopped = try small.start("two", ranks: 3, more + ["train.step_limit=0"]) { _ in
        ready.wait("two", steps: 6)
        kill(try #require(ready.process(ofRank: 0, "two")), SIGUSR1)
      }
      #expect([0, 75].contains(stopped.code), "\(stopped)")
      #expect(try small.start("two", ranks: 1, more).code == 0)
      #expect(try scores("one") == scores("two") && small.digest("one") == small.digest("two"))
      #expect(try small.start("plain", ranks: 1).code == 0)
      #expect(try small.digest("plain") == small.digest("one"))
      let all = try #require(scores("one")["all"] as? [[String: Double]])
      #expect(all.map { $0["step"] } == [4, 8, 12, 16, 20])
      let best = try #require(
        all.max { ($0["value"] ?? 0, -($0["step"] ?? 0)) < ($1["value"] ?? 0, -($1["step"] ?? 0)) })
      let name = "step-" + String(format: "%08d", Int(best["step"] ?? 0))
      let kept = try FileManager.default.contentsOfDirectory(atPath: small.run("one/checkpoints").path)
      #expect(kept.contains(name), "\(kept)")
    }
  }
}
