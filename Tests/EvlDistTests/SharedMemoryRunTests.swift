import Foundation
import TestSupport
import Testing

/// What the ranks of a node share, and what happens where they cannot: the same bits, said in time.
@Suite(.serialized, .enabled(if: MPIRun.isPresent)) struct SharedMemoryRunTests {
  /// Whether a /dev/shm of our own can be mounted; prints a clear line where not.
  static let canMount: Bool = {
    let outcome = try? MPIRun.run(command: ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"])
    if outcome?.code != 0 { print("skipped: a /dev/shm of another size needs the right to mount") }
    return outcome?.code == 0
  }()

  private func wait(until isSo: () -> Bool) {
    for _ in 0..<2000 where !isSo() { usleep(10_000) }
  }

  private var ownFiles: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/dev/shm")) ?? []).filter { $0.contains("evl-dist") }
  }

  @Test func everyWayToShareAndTwoHostsGiveTheSameBits() throws {
    try withTemporaryFolder { folder in
      var small = SmallRun(folder: folder)
      small.settings += ["train.steps=8", "objective.norms.every=4", "train.check_every=3"]
      #expect(try small.start("1", ranks: 1).code == 0)
      let one = try small.digest("1")
      for (name, ranks, more) in [
        ("named", 3, ["train.shared_memory=named"]), ("private", 3, ["train.shared_memory=private"]),
        ("recomputed", 5, ["train.recompute=true"]),
      ] {
        let outcome = try small.start(name, ranks: ranks, more)
        #expect(outcome.code == 0 && !outcome.errors.contains("/dev/shm"), "\(name): \(outcome.errors)")
        #expect(try small.digest(name) == one, "\(name)")
      }
      guard TwoHosts.arePossible else { return }
      let hosts = try small.startOnTwoHosts("hosts", (2, 1))
      #expect(try hosts.code == 0 && small.digest("hosts") == one, "\(hosts.errors)")
      let steps = try small.metrics("hosts")
      let network = steps.compactMap { ($0["parts"] as? [String: Double])?["network"] }
      #expect(network.count == 8 && network.reduce(0, +) > 0)
      let fast = try small.startOnTwoHosts("fast", (2, 1), ["train.reduction=fast"])
      #expect(fast.code == 0 && (fast.output + fast.errors).contains("other numbers of ranks or nodes give other bits"))
    }
  }

  /// One setting far from the default one; `InvarianceTests` has all of them.
  @Test func twoThreadsTwelveShardsAndBFloat16GiveTheSameBits() throws {
    try withTemporaryFolder { folder in
      var small = SmallRun(folder: folder)
      small.settings += ["train.steps=4", "train.threads=2", "train.shards=12", "train.precision=bf16"]
      #expect(try small.start("1", ranks: 1).code == 0)
      let one = try small.digest("1")
      let four = try small.start("4", ranks: 4)
      #expect(try four.code == 0 && small.digest("4") == one, "\(four.errors)")
      guard TwoHosts.arePossible else { return }
      let hosts = try small.startOnTwoHosts("hosts", (1, 3))
      #expect(try hosts.code == 0 && small.digest("hosts") == one, "\(hosts.errors)")
    }
  }

  /// A container's 64 MB, less what is kept for others: found before anything is written there.
  @Test func aSmallDevShmIsFoundInTimeWithWhatToDo() throws {
    guard Self.canMount else { return }
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder, settings: SmallRun(folder: folder).settings + ["train.steps=3"])
      #expect(try small.start("1", ranks: 1).code == 0)
      for sharing in ["named", "auto"] {
        let outcome = try small.startWithDevShm("size=18m", sharing, ranks: 2, ["train.shared_memory=\(sharing)"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try small.digest(sharing) == small.digest("1"))
        #expect(outcome.errors.contains("/dev/shm has room for"), "\(outcome.errors)")
        #expect(outcome.errors.contains("docker run --shm-size="))
        #expect(outcome.errors.contains("keeps a copy of its own") == (sharing == "named"))
      }
    }
  }

  /// Nothing can be written there: memory is shared all the same, and the watchdogs see each other.
  @Test func withoutDevShmAStoppedRankIsStillNamed() throws {
    guard Self.canMount, MPIRun.isOpenMPI("a run without /dev/shm, which MPICH itself needs") else { return }
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder)
      let settings = ["train.steps=100000", "train.step_limit=6", "checkpoint.every=0"]
      let outcome = try small.startWithDevShm("ro", "run", ranks: 2, settings) { _ in
        wait { ((try? small.metrics("run").count) ?? 0) >= 2 }
        let process = try #require(small.process(ofRank: 1, "run"))
        #expect(kill(process, SIGSTOP) == 0)
      }
      #expect(outcome.code == 76, "\(outcome.errors)")
      #expect(outcome.errors.contains("error: rank 1 on ") && outcome.errors.contains("is stopped: no sign of life"))
    }
  }

  @Test func aKilledRunLeavesNothingInDevShm() throws {
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder)
      let outcome = try small.start("killed", ranks: 2, ["train.steps=4000", "train.shared_memory=named"]) { _ in
        wait { ((try? small.metrics("killed").count) ?? 0) >= 2 }
        #expect(ownFiles.isEmpty, "unlinked once mapped")
        let ranks = try (0..<2).map { try #require(small.process(ofRank: $0, "killed")) }
        for rank in ranks { #expect(kill(rank, SIGKILL) == 0) }
      }
      #expect(outcome.code == MPIRun.codeOfAKilledRank || outcome.code == 76)
      #expect(ownFiles.isEmpty)
    }
  }
}
