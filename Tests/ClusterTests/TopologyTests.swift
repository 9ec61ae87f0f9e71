import Foundation
import Tensors
import TestSupport
import Testing

@testable import Cluster

@Suite struct TopologyTests {
  private func place(_ rank: Int, node: Int = 0, _ processors: [Int], threads: Int = 1, quota: Double? = nil)
    -> RankPlace
  {
    RankPlace(
      rank: rank, node: node, localRank: 0, host: "n\(node)", processors: processors, hostProcessors: 8, quota: quota,
      threads: threads)
  }

  private func warnings(_ places: [RankPlace], _ processors: HostProcessors) -> [String] {
    Topology(places: places, resources: [NodeResources](repeating: NodeResources(processors: processors), count: 2))
      .warnings
  }

  /// Eight cores of one hardware thread.
  private let eight = HostProcessors(cores: (0..<8).map { [$0] })
  /// Four cores of two hardware threads: processors 0 and 4 are one core.
  private let twofold = HostProcessors(cores: (0..<4).map { [$0, $0 + 4] })

  @Test func wellPlacedRanksAreNotWarnedOf() {
    let all = Array(0..<8)
    #expect(warnings([place(0, all, threads: 4), place(1, all, threads: 4)], eight) == [])
    #expect(warnings([place(0, [0, 1], threads: 2), place(1, [2, 3], threads: 2)], eight) == [])
    #expect(warnings([place(0, [0, 4]), place(1, [1, 5]), place(2, [2, 6])], twofold) == [])
    #expect(warnings([place(0, all, threads: 4)], twofold) == [])
    #expect(warnings([place(0, [])], eight) == [], "a system that does not tell")
  }

  @Test func moreThreadsThanProcessorsAreWarnedOfPerNode() {
    let all = Array(0..<8)
    let places = [place(0, all, threads: 4), place(1, all, threads: 4)]
    let found = warnings(places + (2..<5).map { place($0, node: 1, all, threads: 4) }, eight)
    #expect(found.count == 1)
    #expect(found[0].hasPrefix("n1: 3 ranks with 12 threads in all share 8 processors (0-7); start fewer ranks"))
    let alone = warnings([place(0, all, threads: 9)], eight)
    #expect(alone.count == 1 && alone[0].hasPrefix("n0: rank 0 with 9 threads in all has 8 processors (0-7); "))
  }

  /// As two jobs of mpirun on one machine bind, or one rank to a core by a wrong file of ranks.
  @Test func ranksBoundToTheSameCoreAreWarnedOf() {
    let found = warnings([place(0, [0]), place(1, [1]), place(2, [0])], eight)
    #expect(found.count == 1)
    #expect(
      found[0].hasPrefix("n0: 2 ranks (0,2) with 2 threads in all share 1 processor (0); there are 8: start with"))
    #expect(found[0].contains("--map-by slot:PE=1 --bind-to core"))
    let chained = warnings([place(0, [0, 1], threads: 2), place(1, [1, 2], threads: 2), place(2, [3])], eight)
    #expect(chained.count == 1 && chained[0].contains("2 ranks (0-1) with 4 threads in all share 3 processors (0-2)"))
  }

  @Test func ranksBoundToFewerProcessorsThanThreadsAreWarnedOfTogether() {
    let found = warnings((0..<4).map { place($0, [$0], threads: 2) }, eight)
    #expect(found.count == 1)
    #expect(found[0].hasPrefix("n0: ranks 0-3 each have 2 threads but are bound to 1 processor; start with mpirun"))
    #expect(found[0].contains("--bind-to none") && found[0].contains("slot:PE=2 --bind-to core"))
    let one = warnings([place(0, [0], threads: 2), place(1, [1, 2, 3])], eight)
    #expect(one.count == 1 && one[0].hasPrefix("n0: rank 0 has 2 threads but is bound to 1 processor"))
  }

  @Test func hardwareThreadsOfOneCoreAreWarnedOf() {
    let siblings = warnings([place(0, [0]), place(1, [4]), place(2, [1])], twofold)
    #expect(siblings.count == 1)
    #expect(siblings[0].hasPrefix("n0: 2 threads of ranks 0-1 run on 1 core with several hardware threads"))
    #expect(
      warnings([place(0, Array(0..<8), threads: 6)], twofold).first?.contains("6 threads of rank 0 run on 4") == true)
  }

  /// In a container with two of a host's processors nothing is bound, and binding gives no more.
  @Test func aContainersProcessorsAreAllThereAre() {
    let container = HostProcessors(cores: (0..<8).map { [$0] }, available: [2, 3])
    let found = warnings([place(0, [2, 3], threads: 2), place(1, [2, 3], threads: 2)], container)
    #expect(found.count == 1 && found[0].contains("share 2 processors (2-3); start fewer ranks"))
  }

  @Test func aQuotaBelowTheThreadsIsWarnedOf() {
    let found = warnings([place(0, Array(0..<8), threads: 4, quota: 1.5)], eight)
    #expect(found.count == 1 && found[0].contains("1.5 processors to 4 threads"))
    #expect(warnings([place(0, Array(0..<8), threads: 2, quota: 1.5)], eight) == [])
  }

  @Test func everyRankKnowsTheWholeMap() throws {
    let maps = try SimulatedRanks.run(ranksPerNode: [2, 1]) { try Topology.gather(among: $0, threads: 3) }
    #expect(maps.allSatisfy { $0 == maps[0] })
    #expect(maps[0].places.map(\.rank) == [0, 1, 2])
    #expect(maps[0].places.allSatisfy { !$0.host.isEmpty && !$0.processors.isEmpty && $0.hostProcessors >= 1 })
    #expect(maps[0].ranksPerNode == [2, 1] && maps[0].nodeCount == 2 && maps[0].resources.count == 2)
  }

  @Test func processesThatSrunStartedApartAreAUsageError() throws {
    #expect(throws: UserError.self) { try Job.connect(environment: ["SLURM_STEP_NUM_TASKS": "4"]) }
    #expect(try Job.connect(environment: ["SLURM_STEP_NUM_TASKS": "1"]).size == 1)
  }
}

/// The value that something reads below a root with these files.
private func reading<T>(_ files: [String: String], _ value: (URL) -> T) throws -> T {
  try withTemporaryFolder { root in
    for (path, text) in files {
      let file = root.appendingPathComponent(path)
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
    return value(root)
  }
}

@Suite struct HostMemoryTests {
  private let host = ["proc/meminfo": "MemTotal: 4000 kB\nMemAvailable:   1000 kB\n"]

  private func available(_ files: [String: String]) throws -> Int? {
    try reading(host.merging(files) { $1 }) { HostMemory(root: $0).available }
  }

  @Test func theLeastOfHostAndGroupsCountsAndCachedFilesAreFree() throws {
    #expect(try available([:]) == 1_024_000)
    let group = [
      "proc/self/cgroup": "0::/job\n", "sys/fs/cgroup/job/memory.max": "500000\n",
      "sys/fs/cgroup/job/memory.current": "300000\n", "sys/fs/cgroup/job/memory.stat": "anon 1\ninactive_file 100000\n",
    ]
    #expect(try available(group) == 300_000)
    #expect(try available(group.merging(["sys/fs/cgroup/job/memory.max": "max\n"]) { $1 }) == 1_024_000)
    let old = [
      "proc/self/cgroup": "2:memory:/job\n", "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "700000\n",
      "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "600000\n",
    ]
    #expect(try available(old) == 100_000)
    #expect(try reading([:]) { HostMemory(root: $0).available } == nil)
  }

  @Test func whatDoesNotFitIsRefusedWithBothNumbers() throws {
    try reading(host) { root in
      #expect(throws: Never.self) { try HostMemory(root: root).check(bytes: 1_024_000) }
      #expect {
        try HostMemory(root: root).check(bytes: 5_000_000_000)
      } throws: {
        let error = UserError.from($0)
        return error.kind == .unavailable && error.message.contains("5.00 GB") && error.message.contains("0.00 GB left")
      }
    }
  }
}

@Suite struct CPUQuotaTests {
  private func quota(_ files: [String: String]) throws -> Double? { try reading(files) { CPUQuota.current(root: $0) } }

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
