import Foundation
import TestSupport
import Testing

/// The whole of the promise that ranks, hosts and interruptions change no bit of the weights (`launch/test --long`).
@Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["EVL_LONG_TESTS"] == "1"))
struct InvarianceTests {
  struct Setting: CustomTestStringConvertible {
    var threads: Int, shards: Int, precision: String

    var keys: [String] {
      ["train.threads=\(threads)", "train.shards=\(shards)", "train.precision=\(precision)"]
    }
    var testDescription: String { "\(threads) threads, \(shards) shards, \(precision)" }

    static let all = [1, 2].flatMap { threads in
      [8, 12].flatMap { shards in
        ["f32", "bf16"].map { Setting(threads: threads, shards: shards, precision: $0) }
      }
    }
  }

  /// Within one setting of threads, shards and precision: 1, 2, 3, 4, 5 and 8 ranks on one host and on two, with and
  /// without recomputation, with and without shared memory, stopped half-way and resumed elsewhere.
  @Test(arguments: Setting.all) func theWeightsAfterTwentyStepsAreTheSame(setting: Setting) throws {
    guard MPIRun.isPresent else { return }
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder)
      func digest(_ name: String, _ ranks: Int, _ more: [String] = []) throws -> String {
        let outcome = try small.start(name, ranks: ranks, setting.keys + more)
        #expect(outcome.code == 0, "\(name): \(outcome.errors)")
        return try small.digest(name)
      }
      let one = try digest("1", 1)
      for ranks in [2, 3, 4, 5, 8] { #expect(try digest("\(ranks)", ranks) == one, "\(ranks) ranks") }
      #expect(try digest("recomputed", 3, ["train.recompute=true"]) == one, "recomputed")
      #expect(try digest("private", 5, ["train.shared_memory=private"]) == one, "a copy each")
      #expect(try digest("named", 4, ["train.shared_memory=named"]) == one, "a file in /dev/shm")
      _ = try digest("interrupted", 3, ["train.steps=7"])
      _ = try digest("interrupted", 8, ["train.steps=13", "train.recompute=true"])
      #expect(try digest("interrupted", 2) == one, "interrupted twice")
      guard TwoHosts.arePossible else { return }
      for ranks in [(1, 1), (2, 1), (1, 3), (2, 3), (5, 3)] {
        let name = "hosts-\(ranks.0)-\(ranks.1)"
        let outcome = try small.startOnTwoHosts(name, ranks, setting.keys)
        #expect(outcome.code == 0, "\(name): \(outcome.errors)")
        #expect(try small.digest(name) == one, "\(name)")
      }
      _ = try digest("moved", 3, ["train.steps=10"])
      let moved = try small.startOnTwoHosts("moved", (2, 2), setting.keys)
      #expect(try moved.code == 0 && small.digest("moved") == one, "resumed on two hosts: \(moved.errors)")
    }
  }
}
