import Foundation
import Tensors

/// The linear system of a plan's marginals: R u + P v = p, P^T u + Q v = q, with R and Q the row and column sums of P.
///
/// Newton's step on the dual and the implicit gradient both solve it. The larger side is eliminated; what remains is
/// the Laplacian of a weighted graph on the smaller side, whose diagonal is summed from its other entries (nothing cancels)
/// and whose last node is grounded, then factorised by Cholesky. - Complexity: n m k + k^3 / 3, k = min(n, m).
struct MarginalSystem {
  private let plan: Tensor<Double>
  private let transposed: Bool
  /// Sums over the eliminated side's and the kept side's lines.
  private let eliminated: Tensor<Double>
  private let laplacian: Tensor<Double>

  init(plan: Tensor<Double>, rowSums: Tensor<Double>, columnSums: Tensor<Double>) {
    self.plan = plan
    transposed = plan.rows < plan.columns
    eliminated = transposed ? columnSums : rowSums
    let size = min(plan.rows, plan.columns)
    let factors = Tensor<Double>(eliminated.array.map { $0 > 0 ? 1 / $0.squareRoot() : 0 }, [eliminated.count])
    let scaled = Tensor<Double>(uninitialised: plan.shape)
    if transposed {
      for row in 0..<plan.rows { scaled.slice(row..<row + 1).setProduct(plan.slice(row..<row + 1), factors) }
    } else {
      scaled.setScaledRows(plan, by: factors)
    }
    laplacian = Tensor(uninitialised: [size, size])
    multiply(
      scaled.matrix, scaled.matrix, transposeA: !transposed, transposeB: transposed, into: laplacian.matrix)
    for row in 0..<size {
      var sum = 0.0
      for column in 0..<size where column != row {
        sum += laplacian[row * size + column]
        laplacian[row * size + column] *= -1
      }
      laplacian[row * size + row] = sum
    }
  }

  private func product(_ x: Tensor<Double>, transpose: Bool) -> Tensor<Double> {
    let result = Tensor<Double>(uninitialised: [transpose ? plan.columns : plan.rows])
    multiply(
      plan.matrix, x.reshaped([x.count, 1]).matrix, transposeA: transpose,
      into: result.reshaped([result.count, 1]).matrix
    )
    return result
  }

  /// u [n] and v [m] for the right-hand sides p [n] and q [m], of equal sum.
  ///
  /// - Parameter floor: parts of the plan joined by less than this share of the largest line's exchange count as apart,
  ///   each with an offset of its own: what rounding leaves unbalanced, divided by so little, would drown the rest.
  func solve(
    _ p: Tensor<Double>, _ q: Tensor<Double>, floor: Double
  ) -> (u: Tensor<Double>, v: Tensor<Double>) {
    let (outer, inner) = transposed ? (q, p) : (p, q)
    let weights = eliminated.array.map { $0 > 0 ? 1 / $0 : 0 }
    let scaled = Tensor<Double>(zip(outer.array, weights).map { $0 * $1 }, [outer.count])
    let kept = inner.copy()
    kept.add(product(scaled, transpose: !transposed), times: -1)
    let size = laplacian.rows
    let grounded = Tensor<Double>(uninitialised: [size - 1, size - 1])
    for row in 0..<size - 1 {
      grounded.slice(row..<row + 1).copy(from: laplacian.range(row * size..<row * size + size - 1))
    }
    if size > 1 { grounded.solveByCholesky(kept.range(0..<size - 1), floor: floor) }
    kept[size - 1] = 0
    let rest = outer.copy()
    rest.add(product(kept, transpose: transposed), times: -1)
    let solved = Tensor<Double>(zip(rest.array, weights).map { $0 * $1 }, [outer.count])
    return transposed ? (kept, solved) : (solved, kept)
  }
}

/// Finishes a Sinkhorn iteration: damped Newton steps on the dual D(f, g) = <r, f> + <c, g> - eps sum P, each after a
/// sweep.
///
/// Plain sweeps hardly converge at eps of 1e-3 of the mean cost; the dual is concave and Newton ends in a dozen steps.
/// Always in double precision, whatever the cost was computed in.
struct DualNewton {
  /// One point of the dual with its plan.
  struct Point {
    var f: Tensor<Double>
    var g: Tensor<Double>
    let plan: Tensor<Double>
    let rowSums: Tensor<Double>
    let columnSums: Tensor<Double>
    let mass: Double
    /// Sum of |row sum - 1/n| and |column sum - 1/m|.
    let error: Double
  }

  let cost: Tensor<Double>
  let epsilon: Double
  private var row: Double { 1 / Double(cost.rows) }
  private var column: Double { 1 / Double(cost.columns) }

  init(cost: Tensor<Double>, epsilon: Double) {
    self.cost = cost
    self.epsilon = epsilon
  }

  func point(_ f: Tensor<Double>, _ g: Tensor<Double>) -> Point {
    let plan = Tensor<Double>(uninitialised: cost.shape)
    plan.setTransportKernel(cost: cost, f: f, g: g, inverseEpsilon: 1 / epsilon)
    let rows = Tensor<Double>(uninitialised: [cost.rows])
    let columns = Tensor<Double>(uninitialised: [cost.columns])
    plan.marginals(rowSums: rows, columnSums: columns)
    let error =
      rows.array.reduce(0) { $0 + abs($1 - row) } + columns.array.reduce(0) { $0 + abs($1 - column) }
    return Point(
      f: f, g: g, plan: plan, rowSums: rows, columnSums: columns, mass: rows.array.reduce(0, +), error: error)
  }

  private func stepped(_ x: Tensor<Double>, _ step: Tensor<Double>, _ factor: Double) -> Tensor<Double> {
    let result = x.copy()
    result.add(step, times: factor)
    return result
  }

  /// Sinkhorn sweeps from a point.
  private func swept(_ start: Point, count: Int) -> Point {
    let a = Tensor<Double>([Double](repeating: 1, count: cost.rows), [cost.rows])
    let b = Tensor<Double>([Double](repeating: 1, count: cost.columns), [cost.columns])
    let scratch = Tensor<Double>(uninitialised: [cost.rows + cost.columns])
    _ = start.plan.sinkhorn(a: a, b: b, scratch: scratch, limits: SweepLimits(maximum: count))
    let logA = Tensor<Double>(a.array.map { log($0) }, a.shape)
    let logB = Tensor<Double>(b.array.map { log($0) }, b.shape)
    return point(stepped(start.f, logA, epsilon), stepped(start.g, logB, epsilon))
  }

  /// Solves from scratch at falling eps, each start warm from the last: a small eps is hard from afar and easy from
  /// near.
  static func annealed(cost: Tensor<Double>, epsilon: Double) -> (point: Point, steps: Int) {
    let f = Tensor<Double>(uninitialised: [cost.rows])
    let g = Tensor<Double>(uninitialised: [cost.columns])
    cost.transportStart(from: Tensor(zeros: g.shape), f: f, g: g)
    var potentials = (f, g)
    var steps = 0
    let mean = cost.array.reduce(0, +) / Double(cost.count)
    var rungs = [epsilon]
    while let last = rungs.last, last < 0.02 * mean { rungs.append(last * 4) }
    for rung in rungs.reversed() {
      let solver = DualNewton(cost: cost, epsilon: rung)
      let isLast = rung == epsilon
      let start = solver.swept(solver.point(potentials.0, potentials.1), count: 5)
      let (point, taken) = solver.solve(
        f: start.f, g: start.g, tolerance: isLast ? 2e-14 : 1e-6, enough: isLast ? 1e-13 : 1e-3)
      steps += taken
      if isLast { return (point, steps) }
      potentials = (point.f, point.g)
    }
    return (DualNewton(cost: cost, epsilon: epsilon).point(potentials.0, potentials.1), steps)
  }

  /// The best point found from the potentials of a Sinkhorn iteration, and the Newton steps it took.
  ///
  /// Potentials that are good to `enough` already are left as they are.
  func solve(
    f: Tensor<Double>, g: Tensor<Double>, tolerance: Double = 2e-14, enough: Double = 1e-13
  ) -> (point: Point, steps: Int) {
    let start = point(f, g)
    guard !(start.error <= enough) else { return (start, 0) }
    var best = swept(start, count: 1)
    var current = best
    var steps = 0
    var stalled = 0
    while steps < 200, best.error > tolerance, stalled < 3 {
      steps += 1
      let next = newtonStep(current)
      current = swept(next ?? current, count: next == nil ? 50 : 1)
      if !(current.error < 0.5 * best.error), best.error < 1e-9 || next == nil { stalled += 1 }
      if current.error < best.error { best = current }
      if !current.error.isFinite { break }
    }
    return (best, steps)
  }

  /// One Newton step, halved until the dual rises or the marginals improve; nil when no length does.
  private func newtonStep(_ from: Point) -> Point? {
    let p = Tensor<Double>(from.rowSums.array.map { row - $0 }, [cost.rows])
    let q = Tensor<Double>(from.columnSums.array.map { column - $0 }, [cost.columns])
    let system = MarginalSystem(plan: from.plan, rowSums: from.rowSums, columnSums: from.columnSums)
    let (u, v) = system.solve(p, q, floor: 1e-60)
    let largest = (0..<from.plan.rows).reduce(0.0) { max($0, abs(u[$1])) }
    let shift = (0..<from.plan.columns).reduce(0.0) { max($0, abs(v[$1])) }
    guard (largest + shift).isFinite else { return nil }
    let slope = p.dot(u) + q.dot(v)
    let linear = row * u.array.reduce(0, +) + column * v.array.reduce(0, +)
    var length = min(1, 20 / max(largest + shift, 1e-300))
    for _ in 0..<30 {
      let trial = point(stepped(from.f, u, length * epsilon), stepped(from.g, v, length * epsilon))
      let gain = length * linear - (trial.mass - from.mass)
      if trial.error < from.error || gain > 1e-4 * length * slope { return trial }
      length /= 2
    }
    return nil
  }

  /// dL/dC of L = <P*(C), C>: G = P - P (C - u - v) / eps, u and v such that its second part has no marginals.
  func implicitDerivative(at point: Point) -> Tensor<Double> {
    let weighted = Tensor<Double>(uninitialised: cost.shape)
    weighted.setProduct(point.plan, cost)
    let p = Tensor<Double>(uninitialised: [cost.rows])
    let q = Tensor<Double>(uninitialised: [cost.columns])
    weighted.marginals(rowSums: p, columnSums: q)
    let system = MarginalSystem(plan: point.plan, rowSums: point.rowSums, columnSums: point.columnSums)
    let (u, v) = system.solve(p, q, floor: 1e-18)
    let result = Tensor<Double>(uninitialised: cost.shape)
    result.setImplicitDerivative(plan: point.plan, cost: cost, u: u, v: v, inverseEpsilon: 1 / epsilon)
    return result
  }
}
