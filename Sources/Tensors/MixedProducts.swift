import Dispatch

/// Arithmetic of matrix products.
public enum Precision: String, Sendable, CaseIterable {
  /// Operands and sums in single precision.
  case f32
  /// Operands rounded to bfloat16, sums in single precision.
  case bf16

  /// Whether the processor multiplies bfloat16 itself; elsewhere rounded operands are multiplied in single precision,
  /// with the same meaning and no gain in speed.
  public static var isFastInBF16: Bool { FloatProducts.multipliesRounded }
}

/// One side of a product: numbers as they are, or kept in sixteen bits.
public enum Operand<Element: Scalar> {
  case exact(Matrix<Element>)
  case rounded(Matrix<BFloat16>)
  /// As a file holds them; rounded where the precision asks for it, like exact ones.
  case half(Matrix<Half>)
  /// Numbers that are bfloat16 already, kept wide for a processor that does not multiply the narrow ones.
  case roundedValues(Matrix<Element>)

  public var rows: Int {
    switch self {
    case .exact(let matrix), .roundedValues(let matrix): matrix.rows
    case .rounded(let matrix): matrix.rows
    case .half(let matrix): matrix.rows
    }
  }

  public var columns: Int {
    switch self {
    case .exact(let matrix), .roundedValues(let matrix): matrix.columns
    case .rounded(let matrix): matrix.columns
    case .half(let matrix): matrix.columns
    }
  }

  public func rows(_ range: Range<Int>) -> Operand {
    switch self {
    case .exact(let matrix): .exact(matrix.rows(range))
    case .rounded(let matrix): .rounded(matrix.rows(range))
    case .half(let matrix): .half(matrix.rows(range))
    case .roundedValues(let matrix): .roundedValues(matrix.rows(range))
    }
  }

  public func columns(_ range: Range<Int>) -> Operand {
    switch self {
    case .exact(let matrix): .exact(matrix.columns(range))
    case .rounded(let matrix): .rounded(matrix.columns(range))
    case .half(let matrix): .half(matrix.columns(range))
    case .roundedValues(let matrix): .roundedValues(matrix.columns(range))
    }
  }
}

/// What the products of a benchmark took.
public final class ProductMeter {
  /// Seconds within the libraries.
  public private(set) var seconds = 0.0
  /// Floating-point operations: 2 m n k a product.
  public private(set) var operations = 0.0

  public init() {}

  fileprivate func measure(_ operations: Int, _ body: () -> Void) {
    let start = DispatchTime.now().uptimeNanoseconds
    body()
    seconds += Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
    self.operations += Double(operations)
  }
}

/// Matrix products at one precision, with scratch memory from a pool.
public struct MixedProducts<Element: Scalar> {
  public let precision: Precision
  private let pool: BufferPool<Element>
  private let roundedPool: BufferPool<BFloat16>
  /// Whether operands are handed to the library in bfloat16.
  private let multipliesRounded: Bool
  /// Threads of this program's own; nil to leave products to those of the libraries.
  private let team: ThreadTeam?
  /// Whether loops are shared among threads of this program's own.
  public var hasTeam: Bool { team != nil }
  /// For products of few rows, which the libraries have no part in: as many threads as those have.
  private let streamingTeam: ThreadTeam
  var loopThreads: Int { streamingTeam.threads }
  private let meter: ProductMeter?
  /// Multiplications with addition that are worth another thread: some tens of microseconds.
  private static var operationsPerThread: Int { 1 << 21 }
  /// Elements of a loop over them that are worth another thread: some ten microseconds.
  private static var elementsPerThread: Int { 1 << 14 }

  /// - Parameters:
  ///   - team: shares the rows of large products among its threads, for generation, with the libraries set to one thread;
  ///     few rows then pass over exact matrices, too, as over rounded ones. Which rows meet which shows in the last bits,
  ///     so training has none.
  ///   - meter: told of every product.
  public init(
    _ precision: Precision, pool: BufferPool<Element>, team: ThreadTeam? = nil, meter: ProductMeter? = nil
  ) {
    self.precision = precision
    self.team = team
    streamingTeam = team ?? ThreadTeam(threads: ProductLibrary.threads)
    self.meter = meter
    self.pool = pool
    roundedPool = BufferPool(sharing: pool)
    multipliesRounded =
      precision == .bf16 && Element.kernels.roundedProduct != nil && FloatProducts.multipliesRounded
  }

  /// C = alpha op(A) op(B) + beta C; an operand that the precision asks to be rounded is.
  ///
  /// Few rows times the transpose of a matrix kept in sixteen bits stream it as it is (`StreamedProduct`): the same meaning,
  /// to rounding, as with many rows, not always the same bits.
  /// - Complexity: 2 m n k operations, and a pass over each operand that is not in the form needed.
  public func callAsFunction(
    _ a: Operand<Element>, _ b: Operand<Element>, transposeA: Bool = false, transposeB: Bool = false,
    alpha: Element = 1, beta: Element = 0, into c: Matrix<Element>
  ) {
    let product: () -> Void
    if multipliesRounded, a.rows > 0, a.columns > 0 {
      let (left, right) = (rounded(a), rounded(b))
      product = {
        multiplyRounded(
          left, right, transposeA: transposeA, transposeB: transposeB, alpha: alpha, beta: beta, into: c)
      }
    } else if !transposeA, transposeB, alpha == 1, beta == 0, let streamed = streamed(a, b, into: c) {
      product = streamed
    } else {
      let (left, right) = (exact(a), exact(b))
      product = {
        shared(left, right, transposeA: transposeA, transposeB: transposeB, alpha: alpha, beta: beta, into: c)
      }
    }
    guard let meter else { return product() }
    meter.measure(2 * c.rows * c.columns * (transposeA ? a.rows : a.columns), product)
  }

  /// The product, its longer side cut into pieces where a team shares it.
  private func shared(
    _ a: Matrix<Element>, _ b: Matrix<Element>, transposeA: Bool, transposeB: Bool, alpha: Element, beta: Element,
    into c: Matrix<Element>
  ) {
    let byRows = c.rows >= c.columns
    let whole = byRows ? c.rows : c.columns
    let operations = c.rows * c.columns * (transposeA ? a.rows : a.columns)
    let piece = max(64, Self.operationsPerThread * whole / max(1, operations))
    // Each piece packs the other operand anew, so they are few.
    share(whole, piece: piece, piecesPerThread: 2) { range in
      let left = !byRows ? a : transposeA ? a.columns(range) : a.rows(range)
      let right = byRows ? b : transposeB ? b.rows(range) : b.columns(range)
      multiply(
        left, right, transposeA: transposeA, transposeB: transposeB, alpha: alpha, beta: beta,
        into: byRows ? c.rows(range) : c.columns(range))
    }
  }

  /// Runs a loop's ranges on the team; as one range without a team. What a range computes must be its own.
  public func share(_ count: Int, piece: Int = 1, piecesPerThread: Int = 4, _ body: (Range<Int>) -> Void) {
    guard let team else { return body(0..<count) }
    team.share(count, piece: piece, piecesPerThread: piecesPerThread, body)
  }

  /// Runs an operation on a tensor's rows on the team, where there are enough of them; on all at once without a team.
  ///
  /// Rows are what the first extent counts.
  public func shareRows(of tensor: Tensor<Element>, _ body: (Range<Int>) -> Void) {
    let rows = tensor.shape[0]
    share(rows, piece: max(1, Self.elementsPerThread * rows / max(1, tensor.count)), body)
  }

  /// c = a b^T by the way of few rows; nil where that is not to be taken.
  private func streamed(_ a: Operand<Element>, _ b: Operand<Element>, into c: Matrix<Element>) -> (() -> Void)? {
    switch b {
    case .rounded(let weights):
      guard let product = StreamedProduct<Element>(rounded: weights, rows: c.rows) else { return nil }
      let left = exact(a)
      return { product(left, into: c, team: streamingTeam) }
    case .half(let weights):
      // Rounded to bfloat16 first where they are to be: the bits are those of weights kept so.
      guard c.rows <= StreamedProduct<Element>.mostRows,
        let product = precision == .bf16
          ? StreamedProduct<Element>(rounded: rounded(b), rows: c.rows)
          : StreamedProduct<Element>(half: weights, rows: c.rows)
      else { return nil }
      let left = exact(a)
      return { product(left, into: c, team: streamingTeam) }
    case .exact(let weights):
      guard let team, precision == .f32, let product = StreamedProduct<Element>(exact: weights, rows: c.rows) else {
        return nil
      }
      let left = exact(a)
      return { product(left, into: c, team: team) }
    case .roundedValues: return nil
    }
  }

  /// What an operand used several times is best kept as, so that it is converted once.
  public func prepared(_ matrix: Matrix<Element>) -> Operand<Element> {
    switch precision {
    case .f32: .exact(matrix)
    case .bf16: multipliesRounded ? .rounded(rounded(.exact(matrix))) : .roundedValues(exact(.exact(matrix)))
    }
  }

  private func rounded(_ operand: Operand<Element>) -> Matrix<BFloat16> {
    switch operand {
    case .rounded(let matrix): return matrix
    case .exact(let matrix), .roundedValues(let matrix):
      let scratch = roundedPool.tensor([matrix.rows, matrix.columns]).matrix
      scratch.setRounded(matrix)
      return scratch
    case .half(let matrix):
      let scratch = roundedPool.tensor([matrix.rows, matrix.columns]).matrix
      shareConversion(of: matrix) { scratch.rows($0).setRounded(matrix.rows($0)) }
      return scratch
    }
  }

  private func exact(_ operand: Operand<Element>) -> Matrix<Element> {
    switch operand {
    case .roundedValues(let matrix): return matrix
    case .exact(let matrix):
      guard precision == .bf16 else { return matrix }
      let scratch = pool.tensor([matrix.rows, matrix.columns]).matrix
      scratch.setRoundedValues(of: matrix)
      return scratch
    case .rounded(let matrix):
      let scratch = pool.tensor([matrix.rows, matrix.columns]).matrix
      shareConversion(of: matrix) { scratch.rows($0).setWidened(matrix.rows($0)) }
      return scratch
    case .half(let matrix):
      let scratch = pool.tensor([matrix.rows, matrix.columns]).matrix
      shareConversion(of: matrix) {
        let (target, source) = (scratch.rows($0), matrix.rows($0))
        if precision == .bf16 { target.setRoundedValues(of: source) } else { target.setWidened(source) }
      }
      return scratch
    }
  }

  /// Runs the conversion of a matrix kept in sixteen bits on the team, row blocks of 2^16 elements at least.
  private func shareConversion<Kept>(of matrix: Matrix<Kept>, _ body: (Range<Int>) -> Void) {
    share(matrix.rows, piece: max(1, (1 << 16) / max(1, matrix.columns)), body)
  }
}
