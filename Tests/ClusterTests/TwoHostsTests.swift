import Foundation
import Tensors
import TestSupport
import Testing

/// The network path: two network namespaces with host names of their own, joined by a cable that can be cut.
@Suite(.serialized, .enabled(if: TwoHosts.arePossible)) struct TwoHostsTests {
  private let program = MPIRun.program("ClusterProbe")

  @Test func ranksAreCountedHostByHostAlsoWhereThereAreMoreOnOne() throws {
    let outcome = try TwoHosts.run((2, 1), program, ["topology"])
    #expect(outcome.code == 0, "\(outcome.errors)")
    let places = outcome.lines.dropFirst().compactMap { $0.split(separator: ";").first.map(String.init) }
    #expect(outcome.lines.first?.hasPrefix("2 node, ranks [0, 1, 2]") == true)
    #expect(
      places == [
        "rank 0: node 0, local rank 0 on evl-host-a", "rank 1: node 0, local rank 1 on evl-host-a",
        "rank 2: node 1, local rank 0 on evl-host-b",
      ])
  }

  @Test func operationsGiveTheSameResultsOverTCP() throws {
    for (ranks, piece) in [((1, 1), 1 << 30), ((2, 1), 7), ((1, 3), 1 << 30)] {
      let outcome = try TwoHosts.run(ranks, program, ["collectives", "nodes=2", "piece=\(piece)"])
      #expect(outcome.code == 0 && outcome.output == "ok\n", "\(ranks): \(outcome.errors)")
    }
  }

  @Test func foldHasTheBitsOfOneHost() throws {
    let one = try MPIRun.run(ranks: 2, program, ["fold", "count=120000"])
    #expect(one.code == 0 && one.lines.count == 2)
    for ranks in [(1, 1), (2, 1), (1, 2)] {
      let two = try TwoHosts.run(ranks, program, ["fold", "count=120000"])
      #expect(two.code == 0 && two.output == one.output, "\(ranks): \(two.errors)")
    }
  }

  @Test func errorOfARankOfTheSecondHostEndsAllWithItsCodeAndItsMessageOnce() throws {
    let outcome = try TwoHosts.run((1, 2), program, ["steps", "throw=2"])
    #expect(outcome.code == 65)
    #expect(outcome.errors == "error: rank 2: record 00001 is damaged\n")
  }

  @Test func lateRankOfTheSecondHostEndsTheJobAndIsNamedThere() throws {
    let outcome = try TwoHosts.run((2, 1), program, ["steps", "late=2", "limit=3"])
    #expect(outcome.code == 76)
    #expect(outcome.errors.hasPrefix("error: rank 2 on evl-host-b is late: step 3"), "\(outcome.errors)")
    #expect(outcome.errors.components(separatedBy: "error:").count == 2, "\(outcome.errors)")
    #expect(outcome.seconds < 20)
  }

  @Test func cutCableEndsEveryRankWithinTheLimitNamingTheHostAndTheCollective() throws {
    try withTemporaryFolder { folder in
      let mark = folder.appendingPathComponent("cut")
      let output = folder.appendingPathComponent("ranks")
      var cut = Date()
      let outcome = try TwoHosts.run(
        (1, 2), options: ["--cut-on", mark.path, "--linger", "2", "--output", output.path], program,
        ["steps", "limit=4", "steps=10000"]
      ) { _ in
        cut = Date()
        try Data().write(to: mark)
      }
      #expect(outcome.code == 76)
      // The limit, two looks, the launcher's patience with mpirun, and a busy machine.
      #expect(Date().timeIntervalSince(cut) < 20)
      #expect(outcome.errors.contains("all ranks have ended"), "\(outcome.errors)")
      #expect(outcome.errors.contains("waiting in a reduction of integers for evl-host-b"), "\(outcome.errors)")
      // Nothing comes over the cable any more: what the second host said lies in its ranks' files.
      let said = try Self.errors(in: output)
      #expect(said.filter { $0.contains("waiting in a reduction of integers for evl-host-a") }.count == 1)
      #expect(said.filter { !$0.isEmpty }.count == 2, "one message a host: \(said)")
      #expect(said.count == 3)
    }
  }

  /// What each rank wrote to standard error.
  private static func errors(in folder: URL) throws -> [String] {
    let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL }
    return try (files ?? []).filter { $0.lastPathComponent == "stderr" }
      .map { try String(contentsOf: $0, encoding: .utf8) }
  }
}
