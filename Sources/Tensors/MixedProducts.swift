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

/// One side of a product: numbers as they are, or kept in bfloat16.
public enum Operand<Element: Scalar> {
  case exact(Matrix<Element>)
  case rounded(Matrix<BFloat16>)
  /// Numbers that are bfloat16 already, kept wide for a processor that does not multiply the narrow ones.
  case roundedValues(Matrix<Element>)

  public var rows: Int {
    switch self {
    case .exact(let matrix), .roundedValues(let matrix): matrix.rows
    case .rounded(let matrix): matrix.rows
    }
  }

  public var columns: Int {
    switch self {
    case .exact(let matrix), .roundedValues(let matrix): matrix.columns
    case .rounded(let matrix): matrix.columns
    }
  }

  public func rows(_ range: Range<Int>) -> Operand {
    switch self {
    case .exact(let matrix): .exact(matrix.rows(range))
    case .rounded(let matrix): .rounded(matrix.rows(range))
    case .roundedValues(let matrix): .roundedValues(matrix.rows(range))
    }
  }

  public func columns(_ range: Range<Int>) -> Operand {
    switch self {
    case .exact(let matrix): .exact(matrix.columns(range))
    case .rounded(let matrix): .rounded(matrix.columns(range))
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
  /// Whether exact matrices are streamed too where few rows meet them.
  private let streamsExact: Bool
  private let meter: ProductMeter?

  /// - Parameters:
  ///   - streamsExact: whether exact matrices, too, take the way of few rows (`StreamedProduct`); rounded ones always do.
  ///   - meter: told of every product.
  public init(
    _ precision: Precision, pool: BufferPool<Element>, streamsExact: Bool = false, meter: ProductMeter? = nil
  ) {
    self.precision = precision
    self.streamsExact = streamsExact
    self.meter = meter
    self.pool = pool
    roundedPool = BufferPool(sharing: pool)
    multipliesRounded =
      precision == .bf16 && Element.kernels.roundedProduct != nil && FloatProducts.multipliesRounded
  }

  /// C = alpha op(A) op(B) + beta C; an operand that the precision asks to be rounded is.
  ///
  /// Few rows times the transpose of a matrix kept in bfloat16 stream it as it is (`StreamedProduct`): the same meaning,
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
        multiply(left, right, transposeA: transposeA, transposeB: transposeB, alpha: alpha, beta: beta, into: c)
      }
    }
    guard let meter else { return product() }
    meter.measure(2 * c.rows * c.columns * (transposeA ? a.rows : a.columns), product)
  }

  /// c = a b^T by the way of few rows; nil where that is not to be taken.
  private func streamed(_ a: Operand<Element>, _ b: Operand<Element>, into c: Matrix<Element>) -> (() -> Void)? {
    switch b {
    case .rounded(let weights):
      guard let product = StreamedProduct<Element>(rounded: weights, rows: c.rows) else { return nil }
      let left = exact(a)
      return { product(left, into: c) }
    case .exact(let weights):
      guard streamsExact, precision == .f32,
        let product = StreamedProduct<Element>(exact: weights, rows: c.rows)
      else { return nil }
      let left = exact(a)
      return { product(left, into: c) }
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
      scratch.setWidened(matrix)
      return scratch
    }
  }
}
