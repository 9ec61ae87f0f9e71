import Foundation
import Tensors
import TestSupport
import Testing

@testable import Cluster

/// These start mpirun; they run one after the other.
@Suite(.serialized, .enabled(if: MPIRun.isPresent)) struct MessagePassingTests {
  private func probe(_ ranks: Int, _ arguments: String...) throws -> MPIRun.Outcome {
    try MPIRun.run(ranks: ranks, MPIRun.program("ClusterProbe"), arguments)
  }

  @Test func foldedArenaNormAndStatisticsHaveTheSameBitsOnOneTwoThreeAndEightRanks() throws {
    let outcomes = try [1, 2, 3, 8].map { try probe($0, "fold", "count=120000") }
    for outcome in outcomes {
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(outcome.lines.count == 2)
      #expect(outcome.lines.allSatisfy { $0.hasSuffix("equal on all ranks") })
      #expect(outcome.output == outcomes[0].output)
    }
    // Negative control: another number of shards is another sum.
    #expect(try probe(2, "fold", "count=120000", "shards=12").output != outcomes[0].output)
  }

  @Test func operationsGiveTheSameResultsWhenCutIntoSmallPieces() throws {
    for (ranks, piece) in [(1, 1 << 30), (3, 1 << 30), (3, 1), (5, 7)] {
      let outcome = try probe(ranks, "collectives", "piece=\(piece)")
      #expect(outcome.code == 0 && outcome.output == "ok\n", "\(ranks) ranks, \(piece) bytes: \(outcome.errors)")
    }
  }

  @Test func errorOfOneRankEndsTheJobWithItsCodeAndItsMessageOnce() throws {
    for experiment in ["fail-alone", "fail-agreed"] {
      for rank in [0, 2] {
        let outcome = try probe(3, experiment, "rank=\(rank)")
        #expect(outcome.code == 65)
        #expect(outcome.errors == "error: rank \(rank): record 00001 is damaged\n  to do: fetch it again\n")
        #expect(outcome.seconds < 10)
      }
    }
  }

  @Test func errorThatEveryRankFindsByItselfIsPrintedOnce() throws {
    let outcome = try probe(4, "fail-together")
    #expect(outcome.code == 64)
    #expect(outcome.errors.components(separatedBy: "every rank finds this").count == 2, "\(outcome.errors)")
  }

  @Test func signalToMpirunStopsEveryRankInOrderWithCode75() throws {
    let outcome = try MPIRun.run(ranks: 3, MPIRun.program("ClusterProbe"), ["wait-for-signal"]) { line in
      let launcher = try #require(line.split(separator: " ").last.flatMap { pid_t($0) })
      #expect(kill(launcher, SIGUSR1) == 0)
    }
    #expect(MPIRun.codesOfASavedStop.contains(outcome.code))
    #expect(outcome.errors == "stopped by SIGUSR1\n")
  }

  /// Some generated products use the stack in ways that a signal's handler must not disturb.
  @Test func signalsDuringProductsChangeNothing() throws {
    let outcome = try probe(1, "signals", "rounds=4000")
    #expect(outcome.code == 0 && outcome.output == "ok\n", "\(outcome)")
  }

  @Test func ranksOfOneMachineAreOneNode() throws {
    let outcome = try probe(3, "topology")
    #expect(outcome.code == 0)
    #expect(outcome.lines.first?.hasPrefix("1 node, ranks [0, 1, 2]") == true)
  }

  @Test func nothingIsLeftInSharedMemoryByAFailedJob() throws {
    func ours() throws -> Set<String> {
      Set(try FileManager.default.contentsOfDirectory(atPath: "/dev/shm").filter { $0.hasPrefix("evl-dist") })
    }
    let before = try ours()
    _ = try probe(2, "fail-alone")
    #expect(try ours().subtracting(before).isEmpty)
  }

  /// As the other MPI's mpirun starts them: each of them is alone in its world.
  @Test func processesThatAnotherMPIsLauncherStartedAreRefusedAndToldOfOnce() throws {
    let names = MPIRun.library == .openMPI ? ("PMI_RANK", "PMI_SIZE") : ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE")
    for rank in 0..<2 {
      let words = ["env", "\(names.0)=\(rank)", "\(names.1)=3", MPIRun.program("ClusterProbe").path, "connect"]
      let outcome = try MPIRun.run(command: words)
      #expect(outcome.code == 69 && outcome.output.isEmpty, "\(outcome)")
      let said = "error: the launcher started 3 processes that do not know of each other: this program is built with "
      #expect(rank == 0 ? outcome.errors.hasPrefix(said) : outcome.errors.isEmpty, "\(outcome.errors)")
    }
  }

  @Test func programStartedWithoutALauncherIsOneRank() throws {
    let process = Process()
    process.executableURL = MPIRun.program("ClusterProbe")
    process.arguments = ["connect"]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    #expect(String(decoding: output, as: UTF8.self) == "1 ranks by none (one rank)\n")
  }
}
