import Tensors

/// How a global batch is cut into shards of equal sample count, the units of arithmetic.
///
/// Step t visits the positions t * globalBatch ..< (t + 1) * globalBatch of the sample order; shard s of it the s-th
/// stretch of samplesPerShard among them. Which rank computes a shard is Cluster's affair.
public struct ShardPlan: Sendable, Equatable {
  public let globalBatch: Int
  public let shards: Int

  /// - Throws: `UserError` of kind usage where the batch is not a multiple of the shards.
  public init(globalBatch: Int, shards: Int) throws {
    guard shards > 0 else {
      throw UserError(.usage, "train.shards is \(shards)", remedy: "set it to 1 or more (default 8)")
    }
    guard globalBatch > 0, globalBatch % shards == 0 else {
      let nearest = max(1, (globalBatch + shards / 2) / shards) * shards
      throw UserError(
        .usage, "train.global_batch \(globalBatch) cannot be cut into \(shards) shards of equal size",
        remedy: "set train.global_batch to a multiple of train.shards, \(nearest) for instance")
    }
    self.globalBatch = globalBatch
    self.shards = shards
  }

  public var samplesPerShard: Int { globalBatch / shards }

  /// Positions in the sample order that one shard of a step visits.
  /// - Precondition: step >= 0 and 0 <= shard < shards.
  public func positions(step: Int, shard: Int) -> Range<Int> {
    precondition(step >= 0 && (0..<shards).contains(shard), "shard outside the batch")
    let first = step * globalBatch + shard * samplesPerShard
    return first..<first + samplesPerShard
  }
}
