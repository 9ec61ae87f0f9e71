import Foundation

/// The processors of a host: which belong to one core, and which lie at which memory.
///
/// A processor here is what the kernel schedules on. Where a core has several hardware threads, each is a processor; they
/// share the core's arithmetic units.
public struct HostProcessors: Codable, Sendable, Equatable {
  /// Processors of one core each, ascending by their first.
  public var cores: [[Int]]
  /// Processors of each memory (NUMA) node.
  public var memoryNodes: [Int: [Int]]
  /// Processors that the launcher of this process may use: what mpirun can bind to. A container's set of processors
  /// narrows it, binding by mpirun does not.
  public var available: [Int]

  public init(cores: [[Int]], memoryNodes: [Int: [Int]] = [:], available: [Int]? = nil) {
    self.cores = cores
    self.memoryNodes = memoryNodes
    self.available = available ?? cores.joined().sorted()
  }

  /// Those of this host. Where the kernel does not tell of cores, each processor is one; without memory nodes, there is
  /// one.
  ///
  /// - Parameters:
  ///   - root: "/", or a folder that stands in for it.
  ///   - launcher: the process that started this one, whose processors are those it may bind ranks to.
  public static func current(
    root: URL = URL(fileURLWithPath: "/"), launcher: Int32 = Launcher.process
  ) -> HostProcessors {
    let files = SystemFiles(root: root)
    let folder = "sys/devices/system/cpu"
    let online =
      files.numbers("\(folder)/online")
      ?? Array(0..<max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    let cores = Set(
      online.map { processor -> [Int] in
        let topology = "\(folder)/cpu\(processor)/topology"
        let siblings = files.numbers("\(topology)/core_cpus_list") ?? files.numbers("\(topology)/thread_siblings_list")
        let known = (siblings ?? []).filter(online.contains)
        return known.contains(processor) ? known : [processor]
      })
    var memoryNodes: [Int: [Int]] = [:]
    for node in files.numbered("node", in: "sys/devices/system/node") {
      memoryNodes[node] = files.numbers("sys/devices/system/node/node\(node)/cpulist")?.filter(online.contains)
    }
    let allowed = files.field("Cpus_allowed_list", of: "proc/\(launcher)/status").flatMap(NumberRanges.parse)
    let available = (allowed ?? online).filter(Set(online).contains)
    return HostProcessors(
      cores: cores.sorted { $0[0] < $1[0] }, memoryNodes: memoryNodes.isEmpty ? [0: online] : memoryNodes,
      available: available.isEmpty ? online : available)
  }

  /// Processors that are online.
  public var online: [Int] { cores.joined().sorted() }

  /// Hardware threads of a core, at most.
  public var threadsPerCore: Int { cores.map(\.count).max() ?? 1 }

  /// The cores (by place in `cores`) to which these processors belong.
  public func cores(of processors: some Sequence<Int>) -> Set<Int> {
    let wanted = Set(processors)
    return Set(cores.indices.filter { !wanted.isDisjoint(with: cores[$0]) })
  }

  /// The memory nodes at which these processors lie.
  public func memoryNodes(of processors: some Sequence<Int>) -> [Int] {
    let wanted = Set(processors)
    return memoryNodes.filter { !wanted.isDisjoint(with: $0.value) }.keys.sorted()
  }
}
