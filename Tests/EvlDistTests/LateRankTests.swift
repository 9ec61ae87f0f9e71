import Foundation
import Tensors
import TestSupport
import Testing

/// Training with a rank that is stopped, killed or fails: the job ends within its limit, and says once why.
@Suite(.serialized, .enabled(if: MPIRun.isPresent)) struct LateRankTests {
  /// Long enough for a step on a busy machine.
  private static let limit = 8

  /// A run of three ranks to which something is done once it is in its third step.
  private func run(_ more: [String] = [], _ act: @escaping (SmallRun) throws -> Void) throws -> (MPIRun.Outcome, Double)
  {
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder)
      var acted = Date()
      let settings = ["train.steps=100000", "train.step_limit=\(Self.limit)", "checkpoint.every=0"] + more
      let outcome = try small.launch("run", ranks: 3, settings) { _ in
        let start = Date()
        while ((try? small.metrics("run").count) ?? 0) < 3 {
          try #require(Date().timeIntervalSince(start) < 120, "the run does not come to its third step")
          usleep(20_000)
        }
        try act(small)
        acted = Date()
      }
      return (outcome, Date().timeIntervalSince(acted))
    }
  }

  /// The cable between two hosts is cut in mid-step of a training: each host says so once, and names the other.
  @Test func aCutCableEndsATrainingOnBothHosts() throws {
    guard TwoHosts.arePossible else { return }
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder)
      let (mark, output) = (folder.appendingPathComponent("cut"), folder.appendingPathComponent("ranks"))
      let settings = ["train.steps=100000", "train.step_limit=5", "checkpoint.every=0"]
      let outcome = try small.startOnTwoHosts(
        "run", (2, 1), settings, options: ["--cut-on", mark.path, "--linger", "2", "--output", output.path]
      ) { _ in
        let start = Date()
        while ((try? small.metrics("run").count) ?? 0) < 3, Date().timeIntervalSince(start) < 120 { usleep(20_000) }
        try Data().write(to: mark)
      }
      #expect(outcome.code == 76, "\(outcome.errors)")
      #expect(outcome.errors.contains("waiting in ") && outcome.errors.contains("evl-host-b"), "\(outcome.errors)")
      let files = FileManager.default.enumerator(at: output, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL }
      let said = try (files ?? []).filter { $0.lastPathComponent == "stderr" }
        .map { try String(contentsOf: $0, encoding: .utf8) }.filter { $0.contains("waiting in ") }
      #expect(said.count == 2 && said.contains { $0.contains("evl-host-a") }, "one message a host: \(said)")
    }
  }

  private func messages(_ outcome: MPIRun.Outcome) -> Int { outcome.errors.components(separatedBy: "error:").count - 1 }

  @Test(arguments: [1, 0]) func aStoppedRankEndsTheRunWithCode76AndIsNamed(rank: Int) throws {
    let (outcome, seconds) = try run { small in
      let process = try #require(small.process(ofRank: rank, "run"))
      #expect(kill(process, SIGSTOP) == 0)
    }
    #expect(outcome.code == 76 && messages(outcome) == 1, "\(outcome.errors)")
    #expect(
      outcome.errors.contains("error: rank \(rank) on ") && outcome.errors.contains("is stopped: no sign of life"))
    #expect(outcome.errors.contains("waiting in "), "\(outcome.errors)")
    #expect(seconds < Double(Self.limit) + 12)
  }

  @Test func aKilledRankEndsTheRunWithCode76AndIsNamed() throws {
    let (outcome, seconds) = try run { small in
      let process = try #require(small.process(ofRank: 1, "run"))
      #expect(kill(process, SIGKILL) == 0)
    }
    #expect(outcome.code == 76 && seconds < 12)
    guard MPIRun.library == .openMPI else {
      #expect(outcome.output.contains("EXIT STRING: Killed (signal 9)"), "\(outcome)")
      #expect(outcome.errors.contains("a rank was ended by signal 9"))
      return
    }
    #expect(messages(outcome) == 1, "\(outcome.errors)")
    #expect(outcome.errors.contains("error: rank 1 on ") && outcome.errors.contains("is lost: the process is gone"))
  }

  @Test func whatAKilledJobLeftInSharedMemoryIsRemovedByTheNextStart() throws {
    guard MPIRun.isOpenMPI("leftovers in shared memory") else { return }
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder)
      var left: Set<String> = []
      let killed = try small.start("killed", ranks: 2, ["train.steps=100000"]) { _ in
        let launcher = try #require(MPIRun.launcher(ofCommandWith: small.run("killed").path))
        let ranks = try (0..<2).map { try #require(small.process(ofRank: $0, "killed")) }
        for rank in ranks {
          let maps = try String(contentsOfFile: "/proc/\(rank)/maps", encoding: .utf8)
          left.formUnion(maps.matches(of: /\/dev\/shm\/vader_segment\S+/).map { String($0.0) })
        }
        for process in [launcher] + ranks { kill(process, SIGKILL) }
      }
      #expect(killed.code != 0 && left.count == 2)
      #expect(left.allSatisfy(FileManager.default.fileExists))
      let next = try small.start("next", ranks: 2, ["train.steps=1"])
      #expect(next.code == 0 && (next.output + next.errors).contains("removed what killed jobs had left"), "\(next)")
      #expect(!left.contains(where: FileManager.default.fileExists))
    }
  }

  @Test func anErrorOfOneRankEndsTheRunWithItsCode() throws {
    let (outcome, seconds) = try run { small in
      // Rank 0 alone makes the folder, and finds a file where it should be.
      let checkpoints = small.run("run").appendingPathComponent("checkpoints")
      try? FileManager.default.removeItem(at: checkpoints)
      try Data().write(to: checkpoints)
      #expect(kill(try #require(small.process(ofRank: 1, "run")), SIGUSR1) == 0)
    }
    #expect(outcome.code == 74 && messages(outcome) == 1, "\(outcome.errors)")
    #expect(outcome.errors.contains("error: rank 0: ") && outcome.errors.contains("checkpoints"))
    #expect(seconds < 60)
  }
}
