/// How a gradient is cut for the fold: into buckets of whole pieces, each bucket into one slice an owner, each slice into
/// the chunks that travel between groups.
///
/// Backward finishes buckets from the last to the first; position p is the p-th to be finished. Nothing of the cut touches
/// the bits of the sum, which is formed element by element.
public struct FoldLayout: Sendable, Equatable {
  /// Bytes of a bucket, unless one piece is larger.
  public static let standardBucketBytes = 4 << 20
  /// Slices begin at a multiple of so many floats: a cache line.
  static let alignment = 16

  /// Floats of the gradient.
  public let count: Int
  /// Floats of each bucket, in ascending order; together they are the gradient.
  public let buckets: [Range<Int>]
  /// Buckets that each rank has memory for.
  public let slots: Int
  /// Floats of the longest bucket.
  public let capacity: Int

  /// - Parameters:
  ///   - count: floats of the gradient.
  ///   - pieces: that must not be cut, in ascending order.
  ///   - bucketBytes: that a bucket holds at most, unless one piece is larger.
  ///   - slots: buckets that each rank has memory for, at least 1.
  public init(count: Int, pieces: [Range<Int>], bucketBytes: Int = standardBucketBytes, slots: Int = 4) {
    precondition(slots > 0 && (pieces.last?.upperBound ?? 0) <= count)
    var buckets: [Range<Int>] = []
    var start = 0
    for (index, piece) in pieces.enumerated() {
      // What lies between two pieces belongs to the first.
      let end = index + 1 < pieces.count ? pieces[index + 1].lowerBound : count
      if piece.lowerBound > start, (end - start) * MemoryLayout<Float>.stride > bucketBytes {
        buckets.append(start..<piece.lowerBound)
        start = piece.lowerBound
      }
    }
    if start < count { buckets.append(start..<count) }
    self.count = count
    self.buckets = buckets
    capacity = buckets.map(\.count).max() ?? 0
    self.slots = max(1, min(slots, buckets.count))
  }

  /// A gradient that may be cut anywhere.
  public init(count: Int, bucketBytes: Int = standardBucketBytes, slots: Int = 4) {
    let length = max(Self.alignment, bucketBytes / MemoryLayout<Float>.stride / Self.alignment * Self.alignment)
    self.init(
      count: count, pieces: stride(from: 0, to: count, by: length).map { $0..<min(count, $0 + length) },
      bucketBytes: bucketBytes, slots: slots)
  }

  /// The bucket that is finished p-th, and the other way round.
  func bucket(atPosition position: Int) -> Int { buckets.count - 1 - position }

  /// The bucket that holds the float.
  public func bucket(ofFloat index: Int) -> Int {
    var (low, high) = (0, buckets.count - 1)
    while low < high {
      let middle = (low + high + 1) / 2
      if buckets[middle].lowerBound <= index { low = middle } else { high = middle - 1 }
    }
    return low
  }

  /// The floats of a bucket that an owner folds; may be empty.
  func slice(ofBucket bucket: Int, owner: Int, owners: Int) -> Range<Int> {
    let range = buckets[bucket]
    let lines = (range.count + Self.alignment - 1) / Self.alignment
    func place(_ owner: Int) -> Int {
      min(range.upperBound, range.lowerBound + lines * owner / owners * Self.alignment)
    }
    return place(owner)..<place(owner + 1)
  }

  /// Bytes that each owner sends at once.
  ///
  /// A chunk is held up by the chain for its own time on the wire at each group, so longer chains take shorter ones, down
  /// to where a message's own cost counts. A node's owners send at the same time, so what counts is their sum.
  public static func chunkBytes(groups: Int, owners: Int) -> Int {
    max(8 << 10, (groups > 64 ? 64 << 10 : 256 << 10) / max(1, owners))
  }
}
