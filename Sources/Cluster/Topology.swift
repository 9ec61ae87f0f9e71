import CMessagePassing
import Foundation
import Tensors

/// Where one rank runs and what it may use there.
public struct RankPlace: Codable, Sendable, Equatable {
  public var rank: Int
  public var node: Int
  public var localRank: Int
  public var host: String
  /// The processors this rank may run on (its affinity mask).
  public var processors: [Int]
  /// Processors of the host that are online.
  public var hostProcessors: Int
  /// Processors' time a container allows all ranks of the node together; nil where there is no limit.
  public var quota: Double?
  /// Threads the run gives this rank (`train.threads`).
  public var threads: Int

  public init(
    rank: Int, node: Int, localRank: Int, host: String, processors: [Int], hostProcessors: Int, quota: Double?,
    threads: Int
  ) {
    self.rank = rank
    self.node = node
    self.localRank = localRank
    self.host = host
    self.processors = processors
    self.hostProcessors = hostProcessors
    self.quota = quota
    self.threads = threads
  }

  /// This process's place.
  public static func current(of communicator: any Communicator, threads: Int) -> RankPlace {
    RankPlace(
      rank: communicator.rank, node: communicator.node, localRank: communicator.localRank,
      host: ProcessInfo.processInfo.hostName, processors: Self.affinity(),
      hostProcessors: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))), quota: CPUQuota.current(), threads: threads)
  }

  /// The processors of this process's affinity mask; empty where the system does not tell.
  static func affinity() -> [Int] {
    var processors = [Int32](repeating: 0, count: 4096)
    let count = mp_affinity(&processors, Int32(processors.count))
    return processors.prefix(max(0, Int(count))).map(Int.init)
  }
}

/// Where all ranks run: what `doctor` prints and what warns of too many threads.
public struct Topology: Codable, Sendable, Equatable {
  /// By rank.
  public var places: [RankPlace]
  /// By node.
  public var resources: [NodeResources]

  /// - Precondition: each place's node has its resources.
  public init(places: [RankPlace], resources: [NodeResources]) {
    precondition(places.allSatisfy { resources.indices.contains($0.node) }, "a node without resources")
    self.places = places
    self.resources = resources
  }

  /// Collective: every rank's place and every node's resources, on every rank.
  public static func gather(among communicator: any Communicator, threads: Int) throws -> Topology {
    struct Part: Codable {
      var place: RankPlace
      /// From the first rank of a node alone.
      var resources: NodeResources?
    }
    let own = Part(
      place: .current(of: communicator, threads: threads),
      resources: communicator.localRank == 0 ? .current() : nil)
    let parts = try communicator.allGather([UInt8](try JSONEncoder().encode(own))).map {
      try JSONDecoder().decode(Part.self, from: Data($0))
    }
    // Ranks are counted node by node.
    return Topology(places: parts.map(\.place), resources: parts.compactMap(\.resources))
  }

  public var nodeCount: Int { Set(places.map(\.node)).count }

  /// Ranks on each node, by node.
  public var ranksPerNode: [Int] { nodes.map(\.places.count) }

  /// The ranks of each node and what it offers them, by node.
  public var nodes: [NodeLoad] {
    Dictionary(grouping: places, by: \.node).sorted { $0.key < $1.key }
      .map { NodeLoad(places: $0.value, resources: resources[$0.key]) }
  }

  /// What will make the run slow: one sentence each.
  public var warnings: [String] { nodes.flatMap(\.warnings) }
}
