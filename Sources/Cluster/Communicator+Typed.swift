import Tensors

/// Collectives over arrays: all ranks call them, in the same order.
extension Communicator {
  /// The root's values on every rank; the counts may differ before.
  public func broadcast<T: BitwiseCopyable>(_ values: [T], from root: Int = 0) throws -> [T] {
    var count = [Int64(rank == root ? values.count : 0)]
    try reduce(&count, by: .maximum)
    if rank == root {
      var copy = values
      try copy.withUnsafeMutableBytes { try broadcastBytes($0, from: root) }
      return copy
    }
    return try Self.filled(count: Int(count[0])) { try broadcastBytes($0, from: root) }
  }

  /// The root's value on every rank, such as a decision of rank 0.
  public func broadcast<T: BitwiseCopyable>(_ value: T, from root: Int = 0) throws -> T {
    try broadcast([value], from: root)[0]
  }

  /// The root's text on every rank.
  public func broadcast(_ text: String, from root: Int = 0) throws -> String {
    String(decoding: try broadcast(Array(text.utf8), from: root), as: UTF8.self)
  }

  /// The sum over ranks of each value.
  public func sum(_ values: [Int64]) throws -> [Int64] {
    var values = values
    try reduce(&values, by: .sum)
    return values
  }

  /// The sum over ranks.
  public func sum(_ value: Int) throws -> Int { Int(try sum([Int64(value)])[0]) }

  /// The largest value of any rank.
  public func maximum(_ value: Int) throws -> Int {
    var values = [Int64(value)]
    try reduce(&values, by: .maximum)
    return Int(values[0])
  }

  /// The smallest value of any rank.
  public func minimum(_ value: Int) throws -> Int {
    var values = [Int64(value)]
    try reduce(&values, by: .minimum)
    return Int(values[0])
  }

  /// The largest value of any rank, such as the time of the slowest; not NaN.
  public func maximum(_ value: Double) throws -> Double {
    var values = [value]
    try reduce(&values, by: .maximum)
    return values[0]
  }

  /// Every rank's values, in rank order, on every rank; the counts may differ.
  public func allGather<T: BitwiseCopyable>(_ values: [T]) throws -> [[T]] {
    let ranges = Self.consecutive(try allCounts(values.count))
    let stride = MemoryLayout<T>.stride
    let all: [T] = try Self.filled(count: ranges.last?.upperBound ?? 0) { bytes in
      values.withUnsafeBytes { own in
        UnsafeMutableRawBufferPointer(rebasing: bytes[(ranges[rank].lowerBound * stride)...]).copyMemory(from: own)
      }
      try allGatherBytes(bytes, ranges: ranges.map { $0.lowerBound * stride..<$0.upperBound * stride })
    }
    return ranges.map { Array(all[$0]) }
  }

  /// Every rank's values, in rank order, on the root; nil on the others. The counts may differ.
  public func gather<T: BitwiseCopyable>(_ values: [T], to root: Int = 0) throws -> [[T]]? {
    let counts = try allCounts(values.count)
    guard rank == root else {
      try values.withUnsafeBytes {
        try gatherBytes($0, into: UnsafeMutableRawBufferPointer(start: nil, count: 0), incoming: [], to: root)
      }
      return nil
    }
    let ranges = Self.consecutive(counts)
    let stride = MemoryLayout<T>.stride
    let all: [T] = try Self.filled(count: ranges.last?.upperBound ?? 0) { bytes in
      try values.withUnsafeBytes { own in
        try gatherBytes(
          own, into: bytes, incoming: ranges.map { $0.lowerBound * stride..<$0.upperBound * stride }, to: root)
      }
    }
    return ranges.map { Array(all[$0]) }
  }

  /// Sends values to another rank, which receives as many.
  public func send<T: BitwiseCopyable>(_ values: [T], to destination: Int) throws {
    try values.withUnsafeBytes { try sendBytes($0, to: destination) }
  }

  /// Receives that many values from another rank.
  public func receive<T: BitwiseCopyable>(_ type: T.Type, count: Int, from source: Int) throws -> [T] {
    try Self.filled(count: count) { try receiveBytes($0, from: source) }
  }

  /// Each rank's count, on every rank.
  private func allCounts(_ own: Int) throws -> [Int] {
    var counts = [Int64](repeating: 0, count: size)
    counts[rank] = Int64(own)
    let width = MemoryLayout<Int64>.stride
    try counts.withUnsafeMutableBytes {
      try allGatherBytes($0, ranges: (0..<size).map { $0 * width..<($0 + 1) * width })
    }
    return counts.map(Int.init)
  }

  private static func consecutive(_ counts: [Int]) -> [Range<Int>] {
    var end = 0
    return counts.map { count in
      end += count
      return end - count..<end
    }
  }

  /// An array whose bytes the body writes, all of them.
  private static func filled<T: BitwiseCopyable>(
    count: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> Void
  ) throws -> [T] {
    try Array(unsafeUninitializedCapacity: count) { memory, initialized in
      try body(UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: memory[..<count])))
      initialized = count
    }
  }
}
