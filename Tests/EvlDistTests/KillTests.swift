import Foundation
import Tensors
import TestSupport
import Testing

/// SIGKILL at random instants, most of them within a save since every step is saved; `launch/test --long` kills a hundred
/// times.
@Suite(.serialized, .enabled(if: MPIRun.isPresent)) struct KillTests {
  private static let kills = ProcessInfo.processInfo.environment["EVL_LONG_TESTS"] == "1" ? 100 : 3

  /// A rank, rank 0 or mpirun is killed, on 2 to 4 ranks, and the run started again until it ends: the same bits as without.
  @Test func killsAtRandomInstantsLoseNothing() throws {
    try withTemporaryFolder { folder in
      var small = SmallRun(folder: folder)
      small.settings += ["train.steps=\(40 * Self.kills)", "checkpoint.every=1", "checkpoint.keep=3"]
      #expect(try small.start("whole", ranks: 2, ["checkpoint.every=0"], seconds: 3600).code == 0)
      var random = CounterRandom(seed: 5, purpose: "kills")
      var (killed, starts, isDone, inSaves) = (["a rank": 0, "rank 0": 0, "mpirun": 0], 0, false, 0)
      while !isDone, starts < 3 * Self.kills + 20 {
        let ranks = 2 + random.integer(below: 3)
        let kind = ["a rank", "rank 0", "mpirun"][starts % 3]
        let victim = kind == "a rank" ? 1 + random.integer(below: ranks - 1) : 0
        let pause = UInt32(random.integer(below: 2_500_000))
        let mayKill = killed.values.reduce(0, +) < Self.kills
        let outcome = try small.start("killed", ranks: ranks, seconds: 3600) { _ in
          guard mayKill else { return }
          usleep(pause)
          // Of this start: ranks of one whose mpirun was killed may still be ending.
          let launcher = MPIRun.launcher(ofCommandWith: small.run("killed").path)
          let rank = launcher.flatMap { MPIRun.ranks(of: $0).first { SmallRun.isRank(victim, $0) } }
          guard let process = kind == "mpirun" ? launcher : rank, kill(process, SIGKILL) == 0 else { return }
          killed[kind, default: 0] += 1
          let names = try? FileManager.default.contentsOfDirectory(atPath: small.run("killed/checkpoints").path)
          inSaves += names?.contains { $0.hasPrefix(".writing-") } ?? false ? 1 : 0
        }
        starts += 1
        // Ranks whose mpirun was killed may need a moment to end.
        if outcome.errors.contains("belongs to a job that is running") { sleep(1) }
        isDone = outcome.code == 0
        #expect([0, 9, 64, 76, 137].contains(outcome.code), "start \(starts): \(outcome)")
        #expect(!outcome.errors.contains("is damaged"), "\(outcome.errors)")
      }
      print("killed \(killed) in \(starts) starts, \(inSaves) of them within a save")
      #expect(Self.kills < 100 || inSaves > 0)
      #expect(isDone && killed.values.reduce(0, +) >= Self.kills * 9 / 10, "\(killed) in \(starts) starts")
      #expect(try small.digest("killed") == small.digest("whole"))
      let left = try FileManager.default.contentsOfDirectory(atPath: small.run("killed/checkpoints").path)
      #expect(left.count == 3 && left.allSatisfy { $0.hasPrefix("step-") }, "\(left)")
      #expect(
        try !FileManager.default.contentsOfDirectory(atPath: small.run("killed").path).contains { $0.hasPrefix("lock") }
      )
    }
  }
}
