import Foundation
import TestSupport
import Testing

@testable import Cluster

/// What the kernel tells, read from folders that stand in for its own.
private func withSystem<T>(_ files: [String: String], _ body: (URL) throws -> T) throws -> T {
  try withTemporaryFolder { root in
    for (path, text) in files {
      let file = root.appendingPathComponent(path)
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
    return try body(root)
  }
}

@Suite struct HostProcessorsTests {
  /// Two sockets of two cores of two hardware threads; the launcher may use the first three processors.
  private static let files = [
    "sys/devices/system/cpu/online": "0-7\n", "sys/devices/system/cpu/cpu0/topology/core_cpus_list": "0,4\n",
    "sys/devices/system/cpu/cpu4/topology/core_cpus_list": "0,4\n",
    "sys/devices/system/cpu/cpu1/topology/core_cpus_list": "1,5\n",
    "sys/devices/system/cpu/cpu5/topology/core_cpus_list": "1,5\n",
    "sys/devices/system/cpu/cpu2/topology/thread_siblings_list": "2,6\n",
    "sys/devices/system/cpu/cpu6/topology/thread_siblings_list": "2,6\n",
    "sys/devices/system/cpu/cpu3/topology/core_cpus_list": "3,7\n",
    "sys/devices/system/cpu/cpu7/topology/core_cpus_list": "3,7\n",
    "sys/devices/system/node/node0/cpulist": "0-1,4-5\n", "sys/devices/system/node/node1/cpulist": "2-3,6-7\n",
    "sys/devices/system/node/online": "0-1\n",
    "proc/42/status": "Name:\tmpirun\nCpus_allowed:\t07\nCpus_allowed_list:\t0-2\n",
  ]

  @Test func coresAndMemoriesAreRead() throws {
    let host = try withSystem(Self.files) { HostProcessors.current(root: $0, launcher: 42) }
    #expect(host.cores == [[0, 4], [1, 5], [2, 6], [3, 7]])
    #expect(host.memoryNodes == [0: [0, 1, 4, 5], 1: [2, 3, 6, 7]])
    #expect(host.available == [0, 1, 2] && host.online == Array(0..<8) && host.threadsPerCore == 2)
    #expect(host.cores(of: [4, 5]) == [0, 1] && host.cores(of: [99]).isEmpty)
    #expect(host.memoryNodes(of: [0, 1]) == [0] && host.memoryNodes(of: [1, 2]) == [0, 1])
  }

  @Test func coresThatAreOfflineAreLeftOut() throws {
    let files = Self.files.merging(["sys/devices/system/cpu/online": "0-3\n"]) { $1 }
    let host = try withSystem(files) { HostProcessors.current(root: $0, launcher: 42) }
    #expect(host.cores == [[0], [1], [2], [3]] && host.memoryNodes == [0: [0, 1], 1: [2, 3]])
  }

  @Test func damagedFilesLeaveEachProcessorACore() throws {
    let files = [
      "sys/devices/system/cpu/online": "0-2\n", "sys/devices/system/cpu/cpu0/topology/core_cpus_list": "x",
      "sys/devices/system/cpu/cpu1/topology/core_cpus_list": "7\n", "proc/42/status": "Cpus_allowed_list:\t9-\n",
    ]
    let host = try withSystem(files) { HostProcessors.current(root: $0, launcher: 42) }
    #expect(host == HostProcessors(cores: [[0], [1], [2]], memoryNodes: [0: [0, 1, 2]]))
    let nothing = try withSystem([:]) { HostProcessors.current(root: $0, launcher: 42) }
    #expect(!nothing.online.isEmpty && nothing.available == nothing.online)
  }

  @Test func thisHostsMaskLiesWithinIt() {
    let host = HostProcessors.current()
    #expect(Set(RankPlace.affinity()).isSubset(of: host.online) && !host.available.isEmpty)
  }
}

@Suite struct HugePagesTests {
  private func pages(_ files: [String: String]) throws -> HugePages { try withSystem(files) { .current(root: $0) } }

  private let folder = "sys/kernel/mm/transparent_hugepage"

  @Test func settingsAreRead() throws {
    let found = try pages([
      "\(folder)/enabled": "always [madvise] never\n",
      "\(folder)/shmem_enabled": "always within_size advise [never] deny force\n",
      "proc/self/mounts": "tmpfs /dev/shm tmpfs rw 0 0\ntmpfs /dev/shm tmpfs rw,size=9k,huge=advise 0 0\n",
      "proc/meminfo":
        "MemTotal: 9 kB\nHugePages_Total:      12\nHugePages_Free:        8\nHugepagesize:       2048 kB\n",
    ])
    #expect(
      found
        == HugePages(
          transparent: "madvise", sharedMemory: "never", sharedFolder: "advise", reserved: 12, free: 8,
          pageBytes: 2 << 20))
    #expect(
      found.reachSharedFolder && !found.reachSharedMemory && found.meaning.count == 4
        && found.meaning[3].contains("8 reserved huge pages (16 MB"))
  }

  /// The mount's option counts, unless the kernel's setting rules over all mounts.
  @Test func sharedFolderFollowsItsMountAndTheKernelsOverride() {
    func reach(_ shared: String?, _ mount: String?) -> Bool {
      HugePages(transparent: "always", sharedMemory: shared, sharedFolder: mount).reachSharedFolder
    }
    func reachAnonymous(_ shared: String?) -> Bool {
      HugePages(transparent: "always", sharedMemory: shared, sharedFolder: "always").reachSharedMemory
    }
    #expect(reachAnonymous("advise") && reachAnonymous("force") && !reachAnonymous("never") && !reachAnonymous(nil))
    #expect(!reach("always", "never") && reach("never", "always") && reach("never", "within_size"))
    #expect(reach("force", "never") && !reach("deny", "always") && !reach("always", nil) && !reach(nil, "always"))
  }

  @Test func aKernelWithoutThemSaysSo() throws {
    let none = try pages([:])
    #expect(none == HugePages(transparent: nil, sharedMemory: nil, sharedFolder: nil, pageBytes: 0))
    #expect(none.meaning.count == 1 && none.meaning[0].contains("no transparent huge pages"))
    #expect(HugePages.chosen("always madvise") == nil && HugePages.chosen("[]") == nil)
    #expect(HugePages.option(ofMounts: "tmpfs /dev/shm\n") == nil)
    #expect(HugePages.option(ofMounts: "tmpfs /dev/shm tmpfs rw 0 0") == "never")
  }
}

@Suite struct ProcessorModelTests {
  @Test func nameAndInstructionSetsAreRead() throws {
    let text =
      "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu avx avx2 fma avx512f\n\nprocessor\t: 1\nflags\t: x\n"
    let found = try withSystem(["proc/cpuinfo": text]) { ProcessorModel.current(root: $0) }
    #expect(found == ProcessorModel(name: "Some CPU", instructions: ["avx", "avx2", "fma", "avx512f"]))
    let other = try withSystem(["proc/cpuinfo": "Features\t: fp asimd sve\n"]) { ProcessorModel.current(root: $0) }
    #expect(other == ProcessorModel(name: nil, instructions: ["asimd", "sve"]))
    #expect(try withSystem([:]) { ProcessorModel.flags(root: $0) }.isEmpty)
  }
}

@Suite struct MemoryLimitsTests {
  private func limits(_ files: [String: String]) throws -> MemoryLimits? {
    try withSystem(files.merging(["proc/meminfo": "MemTotal:    1000 kB\nMemAvailable: 5 kB\n"]) { $1 }) {
      HostMemory(root: $0).limits
    }
  }

  @Test func theTightestLimitOfTheContainerCounts() throws {
    #expect(try limits([:]) == MemoryLimits(bytes: 1_024_000, limit: nil))
    let nested = [
      "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "70000\n", "sys/fs/cgroup/a/b/memory.max": "max\n",
    ]
    #expect(try limits(nested) == MemoryLimits(bytes: 1_024_000, limit: 70_000))
    let separate = [
      "proc/self/cgroup": "5:memory:/c\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
    ]
    #expect(try limits(separate) == MemoryLimits(bytes: 1_024_000, limit: nil))
    #expect(try withSystem([:]) { HostMemory(root: $0).limits } == nil)
  }
}

@Suite struct SharedMemorySpaceTests {
  @Test func tooLittleIsWarnedOfWithASizeThatWouldDo() {
    let small = SharedMemorySpace(bytes: 64_000_000, free: 60_000_000)
    #expect(small.warning(needed: 60_000_000) == nil)
    let warning = small.warning(needed: 4_096_000_000)
    #expect(warning?.hasPrefix("/dev/shm has 60 MB free of 64 MB, a run needs 4.1 GB on this node") == true)
    #expect(warning?.contains("--shm-size=5g") == true && warning?.contains("size=5G") == true)
  }

  @Test func foldersThatAreNotThereHaveNone() {
    #expect(SharedMemorySpace.current(folder: "/nonexistent/shm") == nil)
    #expect((SharedMemorySpace.current(folder: "/")?.bytes ?? 0) > 0)
  }
}
