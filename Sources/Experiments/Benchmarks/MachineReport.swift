import Cluster
import Foundation
import Tensors
import Training

/// What the machines of a job give it, and how its ranks lie on them: what `doctor` prints.
public struct MachineReport: Codable, Sendable {
  /// Matrix products of the node of rank 0.
  public struct Products: Codable, Sendable {
    public var library: String
    /// Processor type whose kernels run.
    public var kernels: String
    /// GFLOP/s: what a core can do at most, and what a product of 1024 x 1024 matrices reaches.
    public var peak: Double
    public var reached: Double
    public var threads: ThreadCounts
    /// Environment variables that decide on kernels and waiting, as far as they are set.
    public var settings: [String: String]
  }

  /// One rank on its node.
  public struct Rank: Codable, Sendable {
    public var rank: Int
    /// Processors it may run on, as "0-3,8".
    public var processors: String
    /// Cores that these are part of.
    public var cores: Int
    public var threads: Int
    public var memoryNodes: [Int]
  }

  /// One node.
  public struct Node: Codable, Sendable {
    public var node: Int
    public var host: String
    /// Processors that are online, and those that mpirun may bind to, as "0-3,8".
    public var processors: String
    public var available: String
    public var cores: Int
    public var threadsPerCore: Int
    /// Processors at each memory node.
    public var memoryNodes: [String: String]
    /// Processors' time a container allows; nil where there is no limit.
    public var quota: Double?
    public var hugePages: HugePages
    /// The room of /dev/shm; nil where there is none.
    public var sharedMemory: SharedMemorySpace?
    /// Bytes that a run's ranks share on this node, where they were reckoned.
    public var sharedBytes: Int?
    public var model: ProcessorModel
    /// Kernels of matrix products that its first rank runs.
    public var kernels: String
    /// Nil where the kernel does not tell.
    public var memory: MemoryLimits?
    /// Release of the operating system's kernel.
    public var system: String
    public var ranks: [Rank]
  }

  public var products: Products
  public var messagePassing: String
  public var nodes: [Node]
  /// What makes a run slow or costs memory, and what to do about it: one sentence each.
  public var warnings: [String]
  /// What else one should know.
  public var notes: [String]

  /// - Parameters:
  ///   - size: of what the run trains.
  ///   - sharing: how the run's ranks share memory (`train.shared_memory`).
  ///   - shards: of the run (`train.shards`).
  ///   - settings: environment variables worth showing.
  ///   - notes: on this machine, from elsewhere.
  /// - Throws: `UserError(.usage)` for shards that cannot be dealt.
  /// - Complexity: some products of 1024 x 1024 matrices.
  public init(
    topology: Topology, messagePassing: String, size: TrainedSize, sharing: MemorySharing, shards: Int,
    settings: [String: String],
    notes: [String]
  ) throws {
    let measured = MatrixBenchmark().run(size: 1024, repetitions: 5)
    products = Products(
      library: ProductLibrary.version, kernels: ProductLibrary.coreType, peak: measured.peak, reached: measured.median,
      threads: .current, settings: settings)
    self.messagePassing = messagePassing
    nodes = topology.nodes.map { Node($0, sharedBytes: size.sharedBytes(ranks: $0.places.count)) }
    let memory = nodes.compactMap { node -> String? in
      guard sharing != .private else { return nil }
      guard let space = node.sharedMemory else { return "\(node.host): there is no /dev/shm" }
      return space.warning(needed: node.sharedBytes ?? 0).map { "\(node.host): \($0)" }
    }
    let wanted = topology.places.first?.threads ?? 1
    let libraries = products.threads.problem(wanted: wanted).map { ["\($0)"] } ?? []
    // Anonymous memory, which comes first, does not count against /dev/shm.
    warnings = libraries + topology.warnings + (sharing == .named ? memory : [])
    let idle = try ShardAssignment(shards: shards, ranks: topology.places.count).warning.map { [$0] } ?? []
    let fallback = sharing == .auto ? memory.map { "where anonymous shared memory is refused: \($0)" } : []
    self.notes = idle + fallback + Self.hugePages(topology) + notes
  }

  /// What huge pages mean, once for all nodes that are alike.
  private static func hugePages(_ topology: Topology) -> [String] {
    let kinds = Dictionary(grouping: topology.nodes) { $0.resources.hugePages.meaning }
    return kinds.sorted { ($0.value[0].places[0].node) < ($1.value[0].places[0].node) }.flatMap { meaning, loads in
      meaning.map { kinds.count == 1 ? $0 : "\(loads.map(\.host).joined(separator: ", ")): \($0)" }
    }
  }
}

extension MachineReport.Node {
  /// - Parameter sharedBytes: nil where no run is asked about.
  init(_ load: NodeLoad, sharedBytes: Int? = nil) {
    let host = load.resources.processors
    self.init(
      node: load.places.first?.node ?? 0, host: load.host, processors: NumberRanges.text(host.online),
      available: NumberRanges.text(host.available), cores: host.cores.count, threadsPerCore: host.threadsPerCore,
      memoryNodes: Dictionary(
        uniqueKeysWithValues: host.memoryNodes.map { ("\($0.key)", NumberRanges.text($0.value)) }),
      quota: load.quota, hugePages: load.resources.hugePages, sharedMemory: load.resources.sharedMemory,
      sharedBytes: sharedBytes, model: load.resources.model, kernels: load.resources.kernels,
      memory: load.resources.memory, system: load.resources.system,
      ranks: load.places.map { place in
        MachineReport.Rank(
          rank: place.rank, processors: NumberRanges.text(place.processors),
          cores: host.cores(of: place.processors).count, threads: place.threads,
          memoryNodes: host.memoryNodes(of: place.processors))
      })
  }
}
