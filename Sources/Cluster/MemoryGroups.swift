/// The ranks that have memory in common: those of a node, or each rank by itself where they cannot share.
///
/// Ranks are counted node by node, so a group's ranks follow each other.
public struct MemoryGroups: Sendable, Equatable {
  /// Ranks of each group, in rank order.
  public let sizes: [Int]
  /// The group this rank is in.
  public let index: Int
  /// This rank's number in its group, from 0.
  public let member: Int
  /// By group: the rank of its first member.
  private let leaders: [Int]

  public init(sizes: [Int], rank: Int) {
    precondition(sizes.allSatisfy { $0 > 0 } && 0..<sizes.reduce(0, +) ~= rank)
    self.sizes = sizes
    var leaders = [0]
    for size in sizes.dropLast() { leaders.append(leaders[leaders.count - 1] + size) }
    self.leaders = leaders
    index = leaders.lastIndex { $0 <= rank } ?? 0
    member = rank - leaders[index]
  }

  public var count: Int { sizes.count }
  /// Ranks of this rank's group.
  public var size: Int { sizes[index] }
  /// Whether this rank is the first of its group, which reads and writes for it.
  public var isLeader: Bool { member == 0 }

  /// The rank of a group's first member.
  public func leader(ofGroup group: Int) -> Int { leaders[group] }

  /// The rank of a member of a group.
  public func rank(ofMember member: Int, group: Int) -> Int { leader(ofGroup: group) + member }

  /// Collective: one group for each node whose ranks share memory, one for each rank of the others.
  static func gather(_ communicator: any Communicator, sharesMemory: Bool) throws -> MemoryGroups {
    let places = try communicator.allGather([Int64(communicator.node), sharesMemory ? 1 : 0])
    var sizes: [Int] = []
    var open: Int64?
    for place in places {
      if place[1] == 1, place[0] == open {
        sizes[sizes.count - 1] += 1
      } else {
        sizes.append(1)
      }
      open = place[1] == 1 ? place[0] : nil
    }
    return MemoryGroups(sizes: sizes, rank: communicator.rank)
  }
}
