import Tensors

/// Which rank computes which shard of the global batch: round r gives shard r R + k to rank k of R.
///
/// Ranks take shards in order, so the shards of a round, in rank order, follow those of the round before. The shards need
/// not divide evenly; ranks beyond the number of shards stay idle.
public struct ShardAssignment: Sendable, Equatable {
  public let shards: Int
  public let ranks: Int

  /// - Throws: `UserError(.usage)` unless both are at least 1.
  public init(shards: Int, ranks: Int) throws {
    guard shards >= 1 else {
      throw UserError(.usage, "train.shards is \(shards)", remedy: "set train.shards to 1 or more (8 is usual)")
    }
    guard ranks >= 1 else { throw UserError(.internalFault, "\(ranks) ranks") }
    self.shards = shards
    self.ranks = ranks
  }

  /// Rounds in a step: the shards of the busiest rank.
  public var rounds: Int { (shards + ranks - 1) / ranks }

  /// How many ranks have a shard in that round: ranks 0 ..< active.
  public func active(inRound round: Int) -> Int { max(0, min(ranks, shards - round * ranks)) }

  /// The shard of that rank in that round; nil where it has none.
  public func shard(round: Int, rank: Int) -> Int? {
    rank < active(inRound: round) ? round * ranks + rank : nil
  }

  /// The rank that computes the shard.
  public func rank(ofShard shard: Int) -> Int { shard % ranks }

  /// The round in which the shard is computed.
  public func round(ofShard shard: Int) -> Int { shard / ranks }

  /// The shards of a rank, one a round.
  public func shards(ofRank rank: Int) -> [Int] { Array(stride(from: rank, to: shards, by: ranks)) }

  /// What the user should know about the balance; nil where every rank has as many shards as any other.
  public var warning: String? {
    if ranks > shards {
      return "\(ranks - shards) of \(ranks) ranks have no shard and stay idle; "
        + "start \(shards) ranks or raise train.shards (which changes the result)"
    }
    let last = active(inRound: rounds - 1)
    guard last < ranks else { return nil }
    return "\(shards) shards on \(ranks) ranks: \(ranks - last) of them wait in the last of \(rounds) rounds"
  }
}
