/// Sequences of different lengths laid end to end in the rows of one matrix, without padding.
///
/// Sequence i owns rows `self[i]`. A padded batch is the special case of equal lengths.
public struct Segments: Equatable, Sendable {
  /// First row of every sequence, and the total at the end; begins with 0 and never falls.
  public let offsets: [Int]

  public init(lengths: [Int]) {
    precondition(lengths.allSatisfy { $0 >= 0 }, "negative length in \(lengths)")
    offsets = lengths.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
  }

  /// `count` sequences of the same length.
  public init(count: Int, length: Int) { self.init(lengths: [Int](repeating: length, count: count)) }

  /// Number of sequences.
  public var count: Int { offsets.count - 1 }
  /// Rows of all sequences together.
  public var total: Int { offsets[count] }
  public var lengths: [Int] { (0..<count).map { self[$0].count } }
  public subscript(index: Int) -> Range<Int> { offsets[index]..<offsets[index + 1] }
}
