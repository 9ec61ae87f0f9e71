import CVectorKernels

/// What a run of Sinkhorn sweeps did.
public struct SweepReport {
  public let count: Int
  /// Sum over rows of |row sum - marginal| before the last sweep's row update; infinite without a tolerance.
  public let error: Double
  /// Whether a scaling left the range it may have, so that the run ended early.
  public let leftRange: Bool
}

/// When a run of Sinkhorn sweeps ends.
public struct SweepLimits {
  public var maximum: Int
  /// First sweeps whose error says nothing, since the scalings before them are arbitrary.
  public var unjudged = 0
  /// Error below which the run ends; 0 for none.
  public var tolerance = 0.0
  /// Largest scaling, and the inverse of the smallest.
  public var bound = Double.infinity

  public init(maximum: Int) { self.maximum = maximum }
}

// Rows of token clouds and the loops of entropic transport; shapes are checked here, then the C loop runs.
extension Tensor where Element: Scalar {
  /// self [columns] = the mean of the rows of `x`, rounded: any vector near the middle of the cloud serves.
  public func setRowMean(of x: Tensor) {
    precondition(x.columns == count && x.rows > 0)
    Element.lossKernels.rowMean(x.rows, x.columns, x.base, base)
  }

  /// self = x - centre, row by row
  public func setCentred(_ x: Tensor, centre: Tensor) {
    precondition(x.count == count && centre.count == x.columns)
    Element.lossKernels.centre(x.rows, x.columns, x.base, centre.base, base)
  }

  /// self [rows] = squared norms of the rows of `x`, accumulated in double
  public func setRowSquares(of x: Tensor) {
    precondition(x.rows == count)
    Element.lossKernels.rowSquares(x.rows, x.columns, x.base, base)
  }

  /// Row i of self = factors[i] times row i of `x`.
  public func setScaledRows(_ x: Tensor, by factors: Tensor) {
    precondition(x.count == count && factors.count == x.rows)
    Element.lossKernels.scaleRows(x.rows, x.columns, factors.base, x.base, base)
  }

  /// self [n, m], which holds inner products of centred rows, becomes squared distances; returns their sum.
  ///
  /// d^2 = xx + yy - 2 xy; where that loses digits, below `close` (xx + yy), the original rows are subtracted instead,
  /// so identical rows are exactly 0 apart.
  public func setSquaredDistances(
    _ x: Tensor, _ y: Tensor, xSquares: Tensor, ySquares: Tensor, close: Double = 0.02
  ) -> Double {
    precondition(rows == x.rows && columns == y.rows && x.columns == y.columns)
    precondition(xSquares.count == rows && ySquares.count == columns)
    return Element.lossKernels.squaredDistances(
      rows, columns, x.columns, x.base, y.base, xSquares.base, ySquares.base, close, base)
  }

  /// self = sqrt(self); returns the sum.
  public func takeSquareRoots() -> Double { Element.lossKernels.squareRoots(count, base) }

  /// f_i = min_j (cost_ij - start_j), g_j = min_i (cost_ij - f_i) >= start_j; self is the cost [n, m], start: [m].
  public func transportStart(from start: Tensor, f: Tensor, g: Tensor) {
    precondition(f.count == rows && g.count == columns && start.count == columns && columns > 0)
    Element.lossKernels.transportStart(rows, columns, base, start.base, f.base, g.base)
  }

  /// self [n, m] = e^((f + g - cost) inverseEpsilon)
  public func setTransportKernel(cost: Tensor, f: Tensor, g: Tensor, inverseEpsilon: Element) {
    precondition(cost.count == count && f.count == rows && g.count == columns)
    Element.lossKernels.transportKernel(rows, columns, inverseEpsilon, cost.base, f.base, g.base, base)
  }

  /// Sinkhorn sweeps on the kernel matrix self [n, m] with uniform marginals, each a = (1/n) / (K b), then
  /// b = (1/m) / (K^T a), in one pass over K; scratch: [n + m].
  public func sinkhorn(a: Tensor, b: Tensor, scratch: Tensor, limits: SweepLimits) -> SweepReport {
    precondition(a.count == rows && b.count == columns && scratch.count == rows + columns)
    let report = Element.lossKernels.sinkhorn(
      rows, columns, 1 / Element(rows), 1 / Element(columns), limits.maximum, limits.unjudged, limits.tolerance,
      limits.bound, base, a.base, b.base, scratch.base)
    return SweepReport(count: Int(report.count), error: report.error, leftRange: report.left_range != 0)
  }

  /// potential += epsilon log self, self = 1: a scaling goes into its potential.
  public func absorb(into potential: Tensor, epsilon: Double) {
    precondition(potential.count == count)
    Element.lossKernels.absorb(count, epsilon, base, potential.base)
  }

  /// The kernel matrix becomes the plan a K b; its marginals are written; returns <P, cost>.
  public func becomePlan(a: Tensor, b: Tensor, cost: Tensor, rowSums: Tensor, columnSums: Tensor) -> Double {
    precondition(a.count == rows && b.count == columns && cost.count == count)
    precondition(rowSums.count == rows && columnSums.count == columns)
    return Element.lossKernels.transportPlan(
      rows, columns, a.base, b.base, cost.base, base, rowSums.base, columnSums.base)
  }

  /// Sums of the rows and columns of self [n, m].
  public func marginals(rowSums: Tensor, columnSums: Tensor) {
    precondition(rowSums.count == rows && columnSums.count == columns)
    Element.lossKernels.marginals(rows, columns, base, rowSums.base, columnSums.base)
  }

  /// self [n, m] = p - p (cost - u - v) inverseEpsilon
  public func setImplicitDerivative(plan: Tensor, cost: Tensor, u: Tensor, v: Tensor, inverseEpsilon: Element) {
    precondition(plan.count == count && cost.count == count && u.count == rows && v.count == columns)
    Element.lossKernels.implicit(
      rows, columns, inverseEpsilon, plan.base, cost.base, u.base, v.base, base)
  }

  /// The numbers in double precision.
  public func widened() -> Tensor<Double> {
    let result = Tensor<Double>(uninitialised: shape)
    result.setWidened(self)
    return result
  }

  /// self = x rounded to this type
  public func setNarrowed(_ x: Tensor<Double>) {
    precondition(x.count == count)
    Element.lossKernels.narrow(count, x.base, base)
  }
}

extension Tensor<Double> {
  /// self = x in double precision
  public func setWidened<Narrow: Scalar>(_ x: Tensor<Narrow>) {
    precondition(x.count == count)
    Narrow.lossKernels.widen(count, x.base, base)
  }

  /// Overwrites `x` with the solution of self x = x for a symmetric positive semi-definite self [n, n] (destroyed).
  ///
  /// Cholesky factorisation; an unknown whose pivot vanishes in rounding, or is below `floor` times the largest diagonal
  /// element, is set to 0. - Complexity: n^3 / 3.
  public func solveByCholesky(_ x: Tensor<Double>, floor: Double) {
    precondition(rows == columns && x.count == rows)
    evl_cholesky_solve(rows, floor, base, x.base)
  }
}
