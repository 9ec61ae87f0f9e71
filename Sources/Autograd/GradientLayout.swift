/// The gradient of a layout as backward forms it: one share for each use of a tensor, in the order in which forward uses
/// them, each cut into pieces of whole rows. Backward forms the pieces from the last to the first.
///
/// A tensor that forward uses at two places, such as an embedding tied to the head, has two shares, which are folded over
/// the batch apart and added at the end; all others have one. The cut depends on the layout alone, because the rows of a
/// piece are the rows of a matrix product, whose bits depend on them.
public struct GradientLayout: Sendable {
  /// The gradient by one use of a tensor.
  public struct Share: Sendable {
    /// Index of the tensor's entry in the layout.
    public let entry: Int
    /// Elements of the flat gradient.
    public let range: Range<Int>
    /// Indices of its pieces.
    public let pieces: Range<Int>
    /// Columns of the tensor seen as a matrix; a vector is one row.
    public let columns: Int
  }

  /// Rows of a share that are formed at once.
  public struct Piece: Sendable {
    /// Index of its share.
    public let share: Int
    public let rows: Range<Int>
    /// Elements of the flat gradient.
    public let range: Range<Int>
  }

  /// In forward order.
  public let shares: [Share]
  /// In forward order.
  public let pieces: [Piece]
  /// Elements of the flat gradient; every share starts at a multiple of 16.
  public let count: Int
  /// By entry of the layout: the indices of its shares, in forward order.
  public let sharesOfEntry: [[Int]]

  /// - Parameter pieceElements: the most elements of one piece, unless a single row is longer.
  public init(_ layout: ParameterLayout, pieceElements: Int) {
    precondition(pieceElements > 0)
    var shares: [Share] = []
    var pieces: [Piece] = []
    var count = 0
    var sharesOfEntry = [[Int]](repeating: [], count: layout.entries.count)
    for index in layout.uses {
      let entry = layout.entries[index]
      let rows = entry.shape.count > 1 ? entry.shape[0] : 1
      let columns = entry.range.count / max(1, rows)
      let step = max(1, pieceElements / max(1, columns))
      let first = pieces.count
      for row in stride(from: 0, to: rows, by: step) {
        let end = min(rows, row + step)
        pieces.append(
          Piece(share: shares.count, rows: row..<end, range: count + row * columns..<count + end * columns))
      }
      sharesOfEntry[index].append(shares.count)
      shares.append(
        Share(
          entry: index, range: count..<count + entry.range.count, pieces: first..<pieces.count, columns: columns))
      count += ParameterLayout.padded(entry.range.count)
    }
    self.shares = shares
    self.pieces = pieces
    self.count = count
    self.sharesOfEntry = sharesOfEntry
  }
}
