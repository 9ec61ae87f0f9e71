import Tensors
import Testing

@testable import Cluster

/// Who is named in the message of a watchdog.
@Suite struct NodeReportTests {
  private let peers = Peers(nodes: [0, 0, 0, 1], hosts: ["a", "a", "a", "b"])

  private func sighting(
    _ rank: Int, waits operation: Operation? = nil, for peer: Peer = .everyone,
    _ condition: RankSighting.Condition = .alive
  ) -> RankSighting {
    RankSighting(
      rank: rank, step: 12, phase: .backward, bucket: rank == 1 ? 3 : nil, operation: operation, peer: peer,
      silence: 9.25, condition: condition)
  }

  private func lines(_ reason: NodeReport.Reason, _ sightings: [RankSighting]) -> [String] {
    NodeReport(reason: reason, sightings: sightings, peers: peers).error.message.split(separator: "\n").map(String.init)
  }

  @Test func theRankThatDoesNotWaitIsLate() {
    let lines = lines(
      .stepLimit(seconds: 1800),
      [sighting(0, waits: .integers), sighting(1), sighting(2, waits: .fold, for: .rank(1))])
    #expect(lines[0] == "rank 1 on a is late: step 12 goes on for longer than train.step_limit (1800 s)")
    #expect(lines[1] == "  rank  host  step  phase     bucket  last sign  state")
    #expect(
      lines[2]
        == "  0     a     12    backward  -       9.3 s ago  waiting in a reduction of integers for rank 1, rank 2")
    #expect(lines[3] == "  1     a     12    backward  3       9.3 s ago  late")
    #expect(lines[4].hasSuffix("waiting in the fold of a bucket for rank 1 on a"))
  }

  @Test func whereAllOfANodeWaitTheOtherHostsAreNamed() {
    let lines = lines(.stepLimit(seconds: 8), (0..<3).map { sighting($0, waits: .integers) })
    #expect(lines[0].hasPrefix("every rank of this host waits: step 12"))
    #expect(lines[0].hasSuffix("waiting in a reduction of integers for b"))
  }

  @Test func aLostRankIsNamedBeforeAStoppedOneAndThatBeforeALateOne() {
    let all = [sighting(0), sighting(1, .stopped), sighting(2, .gone)]
    #expect(lines(.loss, all)[0] == "rank 2 on a is lost: the process is gone")
    #expect(
      lines(.silence(seconds: 20), Array(all.prefix(2)))[0] == "rank 1 on a is stopped: no sign of life for 20 s")
    #expect(lines(.loss, [sighting(1, .gone), sighting(2, .gone)])[0].hasPrefix("ranks 1 and 2 on a are lost"))
  }

  @Test func aRankThatEndedInOrderIsNotMissed() {
    let lines = lines(.stepLimit(seconds: 8), [sighting(0, .left), sighting(1, waits: .finish)])
    #expect(lines[2].hasSuffix("ended"))
    #expect(!lines[3].contains("rank 0"))
  }

  @Test func theErrorHasTheCodeOfALostRank() {
    #expect(NodeReport(reason: .loss, sightings: [sighting(0, .gone)], peers: peers).error.exitCode == 76)
  }
}
