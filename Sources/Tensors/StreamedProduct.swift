/// The product of a few rows with the transpose of a large matrix, y = x W^T: as fast as W can be read from memory.
///
/// x: [m, k] with m at most `mostRows`, W: [n, k], exact, in bfloat16 or in half precision, y: [m, n]. A row of W is read
/// once, widened in registers, and meets every row of x before the next. The product libraries would unpack or copy W
/// first: ten bytes of memory traffic for a weight of two. Each number of y is one inner product, summed over sixteen lanes
/// in an order that depends on neither m nor the threads, so its bits do not either; a library's product differs by
/// rounding.
/// - Complexity: 2 m n k operations; the bytes of W read, and next to nothing written.
struct StreamedProduct<Element: Scalar> {
  /// Rows beyond which a library's product, which uses each weight it has fetched more often, is the faster one.
  static var mostRows: Int { 8 }
  /// Bytes of W that are worth waking another thread.
  static var bytesPerThread: Int { 1 << 18 }

  private let rows: Int
  private let columns: Int
  private let bytes: Int
  private let part: (_ x: Matrix<Element>, _ rows: Range<Int>, _ y: Matrix<Element>) -> Void

  /// - Parameter rows: of x; nil for more than `mostRows`, and for a number type without such a loop.
  init?(rounded w: Matrix<BFloat16>, rows: Int) {
    self.init(w, Element.kernels.streamRounded, rows: rows)
  }

  /// - Parameter rows: of x; nil as above.
  init?(half w: Matrix<Half>, rows: Int) {
    self.init(w, Element.kernels.streamHalf, rows: rows)
  }

  private init?<Narrow>(_ w: Matrix<Narrow>, _ loop: KernelTable<Element>.NarrowStream?, rows: Int) {
    guard let loop, Self.suits(w, rows: rows) else { return nil }
    self.init(of: w) { x, range, y in
      loop(
        x.rows, range.count, w.columns, x.base, x.stride, UnsafeRawPointer(w.rows(range).base), w.stride,
        y.columns(range).base, y.stride)
    }
  }

  /// - Parameter rows: of x; nil as above.
  init?(exact w: Matrix<Element>, rows: Int) {
    guard let loop = Element.kernels.streamExact, Self.suits(w, rows: rows) else { return nil }
    self.init(of: w) { x, range, y in
      loop(
        x.rows, range.count, w.columns, x.base, x.stride, w.rows(range).base, w.stride, y.columns(range).base, y.stride)
    }
  }

  private init<Weight>(
    of w: Matrix<Weight>, part: @escaping (Matrix<Element>, Range<Int>, Matrix<Element>) -> Void
  ) {
    (rows, columns, bytes) = (w.rows, w.columns, w.rows * w.columns * MemoryLayout<Weight>.stride)
    self.part = part
  }

  private static func suits<Weight>(_ w: Matrix<Weight>, rows: Int) -> Bool {
    (1...mostRows).contains(rows) && w.rows > 0 && w.columns > 0
  }

  /// y = x W^T, the rows of W shared among a team.
  func callAsFunction(_ x: Matrix<Element>, into y: Matrix<Element>, team: ThreadTeam) {
    precondition(
      x.columns == columns && y.columns == rows && x.rows == y.rows,
      "product of [\(x.rows), \(x.columns)] and [\(columns), \(rows)] into [\(y.rows), \(y.columns)]")
    team.share(rows, piece: max(1, Self.bytesPerThread * rows / bytes)) { part(x, $0, y) }
  }
}
