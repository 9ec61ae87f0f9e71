import Foundation
import Tensors
import TestSupport
import Testing

@testable import Cluster

@Suite struct TopologyTests {
  private func place(_ rank: Int, node: Int, _ processors: [Int], threads: Int, quota: Double? = nil) -> RankPlace {
    RankPlace(
      rank: rank, node: node, localRank: 0, host: "n\(node)", processors: processors, hostProcessors: 8, quota: quota,
      threads: threads)
  }

  @Test func moreThreadsThanProcessorsAreWarnedOfPerNode() {
    let topology = Topology(places: [
      place(0, node: 0, [0, 1], threads: 1), place(1, node: 0, [0, 1], threads: 1),
      place(2, node: 1, [0], threads: 1), place(3, node: 1, [0], threads: 1),
    ])
    #expect(topology.nodeCount == 2)
    #expect(topology.ranksPerNode == [2, 2])
    #expect(topology.warnings.count == 1)
    #expect(topology.warnings[0].hasPrefix("n1: 2 ranks with 2 threads in all share 1 processors"))
  }

  @Test func containerQuotaAndBindingAreWarnedOf() {
    let quota = Topology(places: [place(0, node: 0, [0, 1, 2, 3], threads: 4, quota: 1.5)])
    #expect(quota.warnings.count == 1 && quota.warnings[0].contains("1.5 processors"))
    let bound = Topology(places: [place(0, node: 0, [0], threads: 2), place(1, node: 0, [1, 2, 3], threads: 1)])
    #expect(bound.warnings.count == 1 && bound.warnings[0].contains("--bind-to none"))
  }

  @Test func everyRankKnowsTheWholeMap() throws {
    let maps = try SimulatedRanks.run(ranksPerNode: [2, 1]) { try Topology.gather(among: $0, threads: 3) }
    #expect(maps.allSatisfy { $0 == maps[0] })
    #expect(maps[0].places.map(\.rank) == [0, 1, 2])
    #expect(maps[0].places.allSatisfy { !$0.host.isEmpty && !$0.processors.isEmpty && $0.hostProcessors >= 1 })
    #expect(maps[0].ranksPerNode == [2, 1])
  }

  @Test func processesThatSrunStartedApartAreAUsageError() throws {
    #expect(throws: UserError.self) { try Job.connect(environment: ["SLURM_STEP_NUM_TASKS": "4"]) }
    #expect(try Job.connect(environment: ["SLURM_STEP_NUM_TASKS": "1"]).size == 1)
  }
}

@Suite struct CPUQuotaTests {
  private func quota(_ files: [String: String]) throws -> Double? {
    try withTemporaryFolder { root in
      for (path, text) in files {
        let file = root.appendingPathComponent(path)
        try FileManager.default.createDirectory(
          at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
      }
      return CPUQuota.current(root: root)
    }
  }

  @Test func tightestGroupOfVersionTwoCounts() throws {
    let group = ["proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/cpu.max": "150000 100000\n"]
    #expect(try quota(group) == 1.5)
    #expect(try quota(group.merging(["sys/fs/cgroup/a/b/cpu.max": "max 100000\n"]) { $1 }) == 1.5)
    #expect(try quota(group.merging(["sys/fs/cgroup/a/b/cpu.max": "50000 100000\n"]) { $1 }) == 0.5)
  }

  @Test func versionOneIsRead() throws {
    let files = [
      "proc/self/cgroup": "3:cpu,cpuacct:/job\n2:memory:/job\n", "sys/fs/cgroup/cpu/job/cpu.cfs_quota_us": "400000\n",
      "sys/fs/cgroup/cpu/job/cpu.cfs_period_us": "100000\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
      "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    ]
    #expect(try quota(files) == 4)
  }

  @Test func missingOrDamagedFilesMeanNoQuota() throws {
    #expect(try quota([:]) == nil)
    #expect(try quota(["proc/self/cgroup": "nonsense\n0::/../x\n", "sys/fs/cgroup/cpu.max": "a b c"]) == nil)
  }
}
