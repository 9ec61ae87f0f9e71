import Cluster
import Foundation
import Tensors
import Testing
import Training

@testable import Experiments

@Suite(.serialized) struct MachineReportTests {
  /// Two nodes of four cores, the second with a little of everything; two ranks on the first, one on the second.
  private func topology(threads: Int = 1) -> Topology {
    func place(_ rank: Int, _ node: Int, _ local: Int, _ processors: [Int]) -> RankPlace {
      RankPlace(
        rank: rank, node: node, localRank: local, host: "host\(node)", processors: processors, hostProcessors: 4,
        quota: node == 1 ? 2.5 : nil, threads: threads)
    }
    let first = NodeResources(
      processors: HostProcessors(cores: [[0], [1], [2], [3]], memoryNodes: [0: [0, 1], 1: [2, 3]]),
      hugePages: HugePages(transparent: "always", sharedMemory: "force", sharedFolder: "never"),
      sharedMemory: SharedMemorySpace(bytes: 8_000_000_000, free: 7_000_000_000))
    let second = NodeResources(
      processors: HostProcessors(cores: [[0, 4], [1, 5], [2, 6], [3, 7]]),
      hugePages: HugePages(transparent: "never", sharedMemory: "never", sharedFolder: "never"),
      sharedMemory: SharedMemorySpace(bytes: 64_000_000, free: 60_000_000))
    return Topology(
      places: [place(0, 0, 0, [0, 1]), place(1, 0, 1, [2, 3]), place(2, 1, 0, [0, 1, 4])], resources: [first, second])
  }

  private func report(
    _ topology: Topology, parameters: Int = 1_000_000, shards: Int = 3, sharing: MemorySharing = .auto
  ) throws -> MachineReport {
    ProductLibrary.setThreads(topology.places[0].threads)
    defer { ProductLibrary.setThreads(1) }
    return try MachineReport(
      topology: topology, messagePassing: "none",
      size: TrainedSize(parameters: parameters, nodeBytes: 16 * parameters, ringBytes: 1_000_000), sharing: sharing,
      shards: shards, settings: ["OMP_WAIT_POLICY": "passive"], notes: ["from elsewhere"])
  }

  @Test func mapSaysWhereEachRankRuns() throws {
    let report = try report(topology())
    #expect(
      report.nodes.map(\.host) == ["host0", "host1"] && report.nodes.map { $0.ranks.map(\.rank) } == [[0, 1], [2]])
    let ranks = report.nodes.flatMap(\.ranks)
    #expect(ranks.map(\.processors) == ["0-1", "2-3", "0-1,4"] && ranks.map(\.cores) == [2, 2, 2])
    #expect(ranks.map(\.memoryNodes) == [[0], [1], []])
    #expect(report.nodes[0].memoryNodes == ["0": "0-1", "1": "2-3"] && report.nodes[1].quota == 2.5)
    #expect(report.nodes[1].processors == "0-7" && report.nodes[1].threadsPerCore == 2)
    #expect(report.warnings == [] && report.notes.last == "from elsewhere")
    #expect(report.notes.filter { $0.hasPrefix("host1: ") && $0.contains("small pages") }.count == 2)
    #expect(report.products.threads == ThreadCounts(openBLAS: 1, oneDNN: 1, loops: 1))
    let text = report.text()
    for part in ["0-1,4", "host1", "0: 0-1; 1: 2-3", "4 x 2", "2.5", "7.0 GB of 8.0 GB", "OMP_WAIT_POLICY=passive"] {
      #expect(text.contains(part), "\(part)")
    }
  }

  @Test func whatARunNeedsIsHeldAgainstTheNodes() throws {
    let crowded = try report(topology(threads: 3), parameters: 5_000_000, shards: 2, sharing: .named)
    #expect(crowded.nodes.map(\.sharedBytes) == [82_000_000, 81_000_000])
    let little = "host1: /dev/shm has 60 MB free of 64 MB, a run needs 81 MB"
    #expect(crowded.warnings.contains { $0.hasPrefix(little) })
    let anonymous = try report(topology(), parameters: 5_000_000)
    #expect(anonymous.warnings == [] && anonymous.notes.contains { $0.contains(": " + little) })
    let apart = try report(topology(), parameters: 5_000_000, sharing: .private)
    #expect(apart.warnings == [] && !apart.notes.contains { $0.contains(little) })
    #expect(crowded.warnings.contains { $0.hasPrefix("host0: ranks 0-1 each have 3 threads but are bound to 2") })
    #expect(crowded.notes.contains { $0.hasPrefix("1 of 3 ranks have no shard") })
  }

  @Test func jsonHoldsTheMap() throws {
    let object = try JSONSerialization.jsonObject(with: Data(try report(topology()).json().utf8)) as? [String: Any]
    let nodes = object?["nodes"] as? [[String: Any]]
    let rank = (nodes?[1]["ranks"] as? [[String: Any]])?[0]
    #expect(rank?["processors"] as? String == "0-1,4" && rank?["threads"] as? Int == 1)
    #expect((nodes?[0]["shared_memory"] as? [String: Any])?["free"] as? Int == 7_000_000_000)
  }
}

@Suite struct TrainedSizeTests {
  @Test func adaptersAreSmallAndBF16KeepsRoundedCopies() throws {
    var configuration = RunConfiguration()
    let whole = try TrainedSize(configuration)
    #expect(whole.parameters > 100_000 && whole.gradientBytes == 4 * whole.parameters)
    #expect(whole.nodeBytes >= 16 * whole.parameters && whole.ringBytes > 0)
    #expect(whole.sharedBytes(ranks: 3) == whole.nodeBytes + 3 * whole.ringBytes)
    configuration.train.precision = "bf16"
    #expect(try TrainedSize(configuration).nodeBytes == whole.nodeBytes + 2 * whole.parameters)
    configuration.train.lora.rank = 4
    #expect(try TrainedSize(configuration).parameters < whole.parameters)
  }
}
