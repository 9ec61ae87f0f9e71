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

  public init(places: [RankPlace]) { self.places = places }

  /// Collective: every rank's place, on every rank.
  public static func gather(among communicator: any Communicator, threads: Int) throws -> Topology {
    let own = try JSONEncoder().encode(RankPlace.current(of: communicator, threads: threads))
    let all = try communicator.allGather([UInt8](own))
    return Topology(places: try all.map { try JSONDecoder().decode(RankPlace.self, from: Data($0)) })
  }

  public var nodeCount: Int { Set(places.map(\.node)).count }

  /// Ranks on each node, by node.
  public var ranksPerNode: [Int] { nodes.map(\.count) }

  /// What will make the run slow: one sentence each.
  public var warnings: [String] {
    nodes.flatMap { node -> [String] in
      guard let first = node.first else { return [] }
      var warnings: [String] = []
      let threads = node.reduce(0) { $0 + $1.threads }
      let usable = Set(node.flatMap(\.processors)).count
      if usable > 0, threads > usable {
        warnings.append(
          "\(first.host): \(node.count) ranks with \(threads) threads in all share \(usable) processors; "
            + "start fewer ranks or lower train.threads")
      }
      if let quota = first.quota, Double(threads) > quota.rounded(.up) {
        warnings.append("\(first.host): the container allows the time of \(quota) processors to \(threads) threads")
      }
      for place in node where !place.processors.isEmpty && place.threads > place.processors.count {
        warnings.append(
          "\(first.host): rank \(place.rank) has \(place.threads) threads but is bound to \(place.processors.count) "
            + "processors; start with mpirun --bind-to none or --map-by slot:PE=\(place.threads)")
      }
      return warnings
    }
  }

  private var nodes: [[RankPlace]] {
    Dictionary(grouping: places, by: \.node).sorted { $0.key < $1.key }.map(\.value)
  }
}
