import Tensors

/// Statistics of a step that every shard contributes to: all ranks call these, in the same order.
extension Communicator {
  /// Collective: each shard's statistics, in shard order, on every rank.
  ///
  /// - Parameter own: the vectors of this rank's shards, in its order; all vectors of all ranks are equally long.
  /// - Throws: `UserError(.internalFault)` where they are not, or where vectors are missing.
  public func gatherStatistics(_ own: [[Double]], assignment: ShardAssignment) throws -> [[Double]] {
    let width = try maximum(own.first?.count ?? 0)
    try agree {
      guard own.count == assignment.shards(ofRank: rank).count, own.allSatisfy({ $0.count == width }) else {
        throw UserError(
          .internalFault,
          "statistics of \(own.count) shards of \(own.map(\.count)) numbers where "
            + "\(assignment.shards(ofRank: rank).count) shards of \(width) numbers are due")
      }
    }
    let all = try allGather(own.flatMap { $0 })
    return (0..<assignment.shards).map { shard in
      let first = assignment.round(ofShard: shard) * width
      return Array(all[assignment.rank(ofShard: shard)][first..<first + width])
    }
  }

  /// Collective: element i of the result is ((s0[i] + s1[i]) + s2[i]) + ... over shards in shard order, on every rank.
  public func foldStatistics(_ own: [[Double]], assignment: ShardAssignment) throws -> [Double] {
    let all = try gatherStatistics(own, assignment: assignment)
    return all.dropFirst().reduce(all[0]) { sum, next in zip(sum, next).map(+) }
  }
}
