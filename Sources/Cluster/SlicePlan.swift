import Tensors

/// How an arena of floats is cut: into buckets, the same for any number of ranks, and each bucket into one slice a rank.
///
/// Buckets and slices end on block boundaries (or with the arena), so a block never has two owners and sums over blocks do
/// not depend on the ranks. Slices differ by at most one block; which ranks have the longer ones turns from bucket to
/// bucket, so that no rank owns more than one block more than another over all full buckets.
public struct SlicePlan: Sendable, Equatable {
  /// Floats in a block.
  public static let standardBlock = 65_536
  /// Bytes in a bucket.
  public static let standardBucketBytes = 4 << 20

  /// Floats in the arena.
  public let count: Int
  public let ranks: Int
  /// Floats in a block.
  public let block: Int
  /// Blocks in a bucket.
  public let blocksPerBucket: Int

  /// - Parameter bucketBytes: rounded up to whole blocks.
  /// - Throws: `UserError(.usage)` where a size is not positive.
  public init(
    count: Int, ranks: Int, bucketBytes: Int = standardBucketBytes, block: Int = standardBlock
  ) throws {
    guard bucketBytes > 0, block > 0, ranks > 0, count >= 0 else {
      throw UserError(
        .usage, "an arena of \(count) floats cannot be cut into buckets of \(bucketBytes) bytes for \(ranks) ranks",
        remedy: "give a bucket size above zero")
    }
    self.count = count
    self.ranks = ranks
    self.block = block
    let blockBytes = block * MemoryLayout<Float>.stride
    blocksPerBucket = max(1, (bucketBytes - 1) / blockBytes + 1)
  }

  public var blockCount: Int { (count + block - 1) / block }

  public var bucketCount: Int { (blockCount + blocksPerBucket - 1) / blocksPerBucket }

  /// The floats of a block; the arena's last block may be shorter.
  public func range(ofBlock index: Int) -> Range<Int> { index * block..<min(count, (index + 1) * block) }

  /// Floats in a full bucket.
  public var bucketElements: Int { block * blocksPerBucket }

  /// The floats of a bucket.
  public func range(ofBucket bucket: Int) -> Range<Int> { floats(blocks(ofBucket: bucket)) }

  /// The bucket that holds the float.
  public func bucket(ofFloat index: Int) -> Int { index / bucketElements }

  /// The floats of a bucket that the rank owns; may be empty.
  public func slice(ofBucket bucket: Int, owner: Int) -> Range<Int> { floats(blocks(ofBucket: bucket, owner: owner)) }

  /// The slices of a bucket by owner; together they are the bucket.
  public func slices(ofBucket bucket: Int) -> [Range<Int>] { (0..<ranks).map { slice(ofBucket: bucket, owner: $0) } }

  /// The rank's slices in arena order, the empty ones left out.
  public func slices(ownedBy rank: Int) -> [Range<Int>] {
    (0..<bucketCount).map { slice(ofBucket: $0, owner: rank) }.filter { !$0.isEmpty }
  }

  /// The rank's blocks in arena order.
  public func blocks(ownedBy rank: Int) -> [Int] { (0..<bucketCount).flatMap { blocks(ofBucket: $0, owner: rank) } }

  /// The blocks of a bucket that the rank owns.
  ///
  /// The slots of a bucket follow each other in the arena; slot j of bucket b belongs to rank (j + b e) mod R, where e is
  /// the remainder of the blocks of a full bucket by R: the next bucket's longer slots begin where this one's ended.
  private func blocks(ofBucket bucket: Int, owner: Int) -> Range<Int> {
    let all = blocks(ofBucket: bucket)
    let turn = bucket % ranks * (blocksPerBucket % ranks) % ranks
    let slot = (owner - turn + ranks) % ranks
    let (each, extra) = all.count.quotientAndRemainder(dividingBy: ranks)
    let first = all.lowerBound + slot * each + min(slot, extra)
    return first..<first + each + (slot < extra ? 1 : 0)
  }

  private func blocks(ofBucket bucket: Int) -> Range<Int> {
    bucket * blocksPerBucket..<min(blockCount, (bucket + 1) * blocksPerBucket)
  }

  private func floats(_ blocks: Range<Int>) -> Range<Int> {
    min(count, blocks.lowerBound * block)..<min(count, blocks.upperBound * block)
  }
}
