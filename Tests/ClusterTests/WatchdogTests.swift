import Foundation
import TestSupport
import Testing

/// Ranks that are late, stopped, killed or that throw, under mpirun.
@Suite(.serialized, .enabled(if: MPIRun.isPresent)) struct WatchdogTests {
  private func steps(_ arguments: String...) throws -> MPIRun.Outcome {
    try MPIRun.run(ranks: 3, MPIRun.program("ClusterProbe"), ["steps"] + arguments)
  }

  private func messages(_ outcome: MPIRun.Outcome) -> Int { outcome.errors.components(separatedBy: "error:").count - 1 }

  /// MPICH's mpirun ends what has not left when the first rank does, and may tell the signal that ended it.
  private func isLost(_ outcome: MPIRun.Outcome) -> Bool {
    outcome.code == 76 || (MPIRun.library == .mpich && [SIGHUP, SIGKILL].contains(outcome.code))
  }

  @Test func aLateRankIsNamedOnceAndTheJobEndsWithCode76() throws {
    let outcome = try steps("late=1", "limit=3")
    #expect(isLost(outcome) && messages(outcome) == 1, "\(outcome)")
    #expect(outcome.errors.hasPrefix("error: rank 1 on "))
    #expect(outcome.errors.contains("is late: step 3 goes on for longer than train.step_limit (3 s)"))
    #expect(outcome.errors.components(separatedBy: "waiting in a reduction of integers for rank 1").count == 3)
    #expect(outcome.seconds < 15)
  }

  @Test(arguments: [0, 2]) func aStoppedRankIsFoundAlsoWhereItIsTheFirst(rank: Int) throws {
    let outcome = try steps("stop=\(rank)", "limit=4")
    #expect(isLost(outcome) && messages(outcome) == 1, "\(outcome)")
    #expect(outcome.errors.hasPrefix("error: rank \(rank) on ") && outcome.errors.contains("is stopped"))
    #expect(outcome.seconds < 15)
  }

  @Test func aKilledRankIsNamedOnce() throws {
    let outcome = try steps("kill=0", "limit=20")
    // mpirun has its own code for a rank that a signal ended; launch/local makes it 76.
    #expect(outcome.code == MPIRun.codeOfAKilledRank || outcome.code == 76)
    #expect(outcome.seconds < 15)
    guard MPIRun.library == .openMPI else {
      // MPICH's ends the others before they can speak, and says so itself.
      #expect(outcome.output.contains("EXIT STRING: Killed (signal 9)") && outcome.errors.isEmpty, "\(outcome)")
      return
    }
    #expect(messages(outcome) == 1 && outcome.errors.contains("rank 0 on "), "\(outcome)")
    #expect(outcome.errors.contains("is lost: the process is gone"))
  }

  /// The other program never comes to MPI, as one that is stopped in its start.
  @Test func aStartOfMPIThatDoesNotEndIsEnded() throws {
    let probe = MPIRun.program("ClusterProbe").path
    let outcome = try MPIRun.run(
      command: MPIRun.launcher + ["-n", "2", probe, "connect", ":", "-n", "1", "sleep", "50"],
      settings: ["EVL_START_LIMIT": "2"])
    #expect(isLost(outcome) && messages(outcome) == 1, "\(outcome)")
    #expect(outcome.errors.contains(" has waited 2 s for the start of MPI: another rank is stopped"))
    #expect(outcome.seconds < 15)
    let wrong = try MPIRun.run(
      ranks: 1, MPIRun.program("ClusterProbe"), ["connect"], settings: ["EVL_START_LIMIT": "x"])
    #expect(wrong.code == 64 && wrong.errors.contains("EVL_START_LIMIT is x"), "\(wrong)")
  }

  @Test func anErrorIsNotFollowedByAWatchdogsMessage() throws {
    let outcome = try steps("throw=1", "limit=1")
    #expect(outcome.code == 65 && outcome.errors == "error: rank 1: record 00001 is damaged\n")
  }

  @Test func aJobThatIsSuspendedAsAWholeGoesOnAfterwards() throws {
    let name = "pause=150"
    let outcome = try MPIRun.run(
      ranks: 3, MPIRun.program("ClusterProbe"), ["steps", "limit=3", "steps=20", name]
    ) { _ in
      let launcher = try #require(MPIRun.launcher(ofCommandWith: name))
      let ranks = MPIRun.ranks(of: launcher)
      #expect(ranks.count == 3)
      for rank in ranks { kill(rank, SIGSTOP) }
      sleep(7)
      for rank in ranks { kill(rank, SIGCONT) }
    }
    #expect(outcome.code == 0 && outcome.errors.isEmpty && outcome.lines.count == 20, "\(outcome)")
    #expect(outcome.seconds > 7)
  }

  @Test func stepsWithinTheLimitAreLeftAlone() throws {
    let outcome = try steps("limit=2", "pause=900", "steps=4")
    #expect(outcome.code == 0 && outcome.errors.isEmpty && outcome.lines.count == 4)
  }
}
