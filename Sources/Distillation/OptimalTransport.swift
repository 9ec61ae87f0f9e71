import Autograd
import Foundation
import Tensors

/// The solved transport of one sample's visual tokens.
public struct TransportSolution<Element: Scalar> {
  /// P: [n, m], teacher's tokens by student's.
  public let plan: Tensor<Element>
  /// dL/dC of <P, C>, [n, m]: the plan itself, or the implicit derivative; nil where the gradient is 0.
  let derivative: Tensor<Element>?
  /// <P, C>
  public let cost: Double
  /// eps in the units of the cost; 0 for a problem whose mean cost is 0 under a relative eps.
  public let epsilon: Double
  /// -sum P log P
  public let entropy: Double
  /// Sum of |row sum - 1/n| and |column sum - 1/m|.
  public let marginalError: Double
  public let sweeps: Int
  public let newtonSteps: Int
  /// Dual potentials [n] and [m], mean(f) = 0, P = e^((f + g - C) / eps).
  public let f: Tensor<Double>
  public let g: Tensor<Double>

  /// <P, C> + eps sum P (log P - 1)
  public var entropicCost: Double { cost + epsilon * (-entropy - plan.widened().array.reduce(0, +)) }
}

/// What a shard's transport problems amount to; sums over problems divided by the global number of problems.
public struct TransportLoss<Element: Scalar> {
  public var value = 0.0
  public var sweeps = 0.0
  public var marginalError = 0.0
  public var entropy = 0.0
  /// Newton steps behind the sweeps, where convergence was asked for.
  public var newtonSteps = 0.0
  public var solutions: [TransportSolution<Element>] = []
}

extension Tape {
  /// Entropic optimal transport between visual tokens: C_ij = |t_i - s_j|^2, uniform marginals,
  /// P* = argmin <P, C> - eps H(P) by Sinkhorn, L_ot = 1/B sum_b <P*, C>.
  ///
  /// teacher: t [rows of `teacherTokens`, Dv], student: s [rows of `studentTokens`, Dv], valid tokens only; problem b
  /// joins sequence b of both. Gradients dL/ds_j = 2 (sum_i G_ij s_j - sum_i G_ij t_i) and likewise by t,
  /// with G = dL/dC; a side that needs none gets none. A relative eps is a constant for the gradient. Mean cost 0 gives
  /// the product of the marginals, loss 0, gradient 0; costs that are no finite numbers likewise, with the loss NaN.
  /// Source: EVL-ECG (arXiv 2605.29977), losses.md "Optimal transport".
  /// - Parameters:
  ///   - problems: B, the problems of the global batch.
  ///   - weight: factor of the gradient, not of the value.
  /// - Throws: `UserError` (badInput) for an eps so far below a problem's mean cost that costs have no digit beside it.
  /// - Complexity: 2 n m Dv for the costs, one pass over [n, m] a sweep, 2 n m Dv a side backward; keeps the plans.
  public func transportLoss(
    teacher: Variable<Element>, student: Variable<Element>, teacherTokens: Segments, studentTokens: Segments,
    problems: Int, weight: Double, settings: TransportSettings
  ) throws -> TransportLoss<Element> {
    precondition(teacherTokens.count == studentTokens.count && teacher.value.columns == student.value.columns)
    precondition(teacherTokens.total == teacher.value.rows && studentTokens.total == student.value.rows)
    var loss = TransportLoss<Element>()
    for index in 0..<teacherTokens.count {
      let before = index % settings.chain == 0 ? nil : loss.solutions.last?.g
      let solution = try TransportProblem(
        index: index, teacher: teacher.value.slice(teacherTokens[index]),
        student: student.value.slice(studentTokens[index]), settings: settings, pool: pool
      ).solve(from: before?.count == studentTokens[index].count ? before : nil)
      loss.value += solution.cost / Double(problems)
      loss.sweeps += Double(solution.sweeps) / Double(problems)
      loss.marginalError += solution.marginalError / Double(problems)
      loss.entropy += solution.entropy / Double(problems)
      loss.newtonSteps += Double(solution.newtonSteps) / Double(problems)
      loss.solutions.append(solution)
    }
    let solutions = loss.solutions
    recordLoss { [pool] in
      let factor = Element(2 * weight / Double(problems))
      let dt = teacher.needsGradient ? pool.zeros(teacher.shape) : nil
      let ds = student.needsGradient ? pool.zeros(student.shape) : nil
      for (index, solution) in solutions.enumerated() {
        guard let derivative = solution.derivative else { continue }
        TransportProblem<Element>.backward(
          teacher: teacher.value.slice(teacherTokens[index]), student: student.value.slice(studentTokens[index]),
          derivative: derivative, factor: factor, teacherShare: dt?.slice(teacherTokens[index]),
          studentShare: ds?.slice(studentTokens[index]), pool: pool)
      }
      if let dt { teacher.accumulate(dt, pool: pool) }
      if let ds { student.accumulate(ds, pool: pool) }
    }
    return loss
  }
}

/// One transport problem: costs, solution, gradient.
private struct TransportProblem<Element: Scalar> {
  /// Its number within the shard.
  let index: Int
  let teacher: Tensor<Element>
  let student: Tensor<Element>
  let settings: TransportSettings
  let pool: BufferPool<Element>
  private var n: Int { teacher.rows }
  private var m: Int { student.rows }

  init(
    index: Int, teacher: Tensor<Element>, student: Tensor<Element>, settings: TransportSettings,
    pool: BufferPool<Element>
  ) {
    precondition(teacher.rows > 0 && student.rows > 0, "a transport problem without tokens")
    self.index = index
    self.teacher = teacher
    self.student = student
    self.settings = settings
    self.pool = pool
  }

  /// Both clouds less the teacher's mean, which differences do not see and products do.
  private static func centred(
    _ teacher: Tensor<Element>, _ student: Tensor<Element>, pool: BufferPool<Element>
  ) -> (teacher: Tensor<Element>, student: Tensor<Element>) {
    let centre = pool.tensor([teacher.columns])
    centre.setRowMean(of: teacher)
    let (t, s) = (pool.tensor(teacher.shape), pool.tensor(student.shape))
    t.setCentred(teacher, centre: centre)
    s.setCentred(student, centre: centre)
    return (t, s)
  }

  private func costs() -> (cost: Tensor<Element>, mean: Double) {
    let (t, s) = Self.centred(teacher, student, pool: pool)
    let cost = pool.tensor([n, m])
    multiply(t.matrix, s.matrix, transposeB: true, into: cost.matrix)
    let (tt, ss) = (pool.tensor([n]), pool.tensor([m]))
    tt.setRowSquares(of: t)
    ss.setRowSquares(of: s)
    let sum = cost.setSquaredDistances(teacher, student, xSquares: tt, ySquares: ss)
    return (cost, sum / Double(n * m))
  }

  /// - Parameter start: the student's potentials to start from, [m]; nil for 0.
  func solve(from start: Tensor<Double>?) throws -> TransportSolution<Element> {
    let (cost, mean) = costs()
    let epsilon = settings.isRelative ? settings.epsilon * mean : settings.epsilon
    // The loss says that its inputs are no numbers; whoever trains decides what follows.
    guard mean.isFinite else { return productOfMarginals(epsilon: epsilon, cost: .nan) }
    guard epsilon >= TransportSettings.smallestRelativeEpsilon * mean else {
      throw UserError(
        .badInput,
        "transport problem \(index) has an eps of \(epsilon) at a mean cost of \(mean); below "
          + "\(TransportSettings.smallestRelativeEpsilon) of it the plan is rounding alone",
        remedy: "raise objective.transport.epsilon, or give it relative to the mean cost")
    }
    guard epsilon >= Double(Element.leastNormalMagnitude) else {
      return productOfMarginals(epsilon: settings.isRelative ? 0 : epsilon)
    }
    var iteration = SinkhornIteration(cost: cost, epsilon: epsilon, start: start, pool: pool)
    if settings.stopping == .converged || settings.gradient == .implicit {
      iteration.run(.converged)
      return converged(iteration, cost: cost, epsilon: epsilon, mean: mean)
    }
    iteration.run(settings.stopping)
    let (rows, columns) = (pool.tensor([n]), pool.tensor([m]))
    let (f, g) = iteration.potentials()
    let value = iteration.kernel.becomePlan(
      a: iteration.a, b: iteration.b, cost: cost, rowSums: rows, columnSums: columns)
    let (r, c) = (rows.widened(), columns.widened())
    let error =
      r.array.reduce(0) { $0 + abs($1 - 1 / Double(n)) } + c.array.reduce(0) { $0 + abs($1 - 1 / Double(m)) }
    return solution(
      plan: iteration.kernel, derivative: mean > 0 ? iteration.kernel : nil, cost: value, epsilon: epsilon, rows: r,
      columns: c, error: error, sweeps: iteration.sweeps, newtonSteps: 0, f: f, g: g)
  }

  private func converged(
    _ iteration: SinkhornIteration<Element>, cost: Tensor<Element>, epsilon: Double, mean: Double
  ) -> TransportSolution<Element> {
    let (f, g) = iteration.potentials()
    let newton = DualNewton(cost: cost.widened(), epsilon: epsilon)
    // Near the solution Newton finishes; far from it the small eps is approached from larger ones.
    var (point, steps) = (newton.point(f, g), 0)
    if point.error < 1e-3 {
      (point, steps) = newton.solve(f: f, g: g)
    } else {
      (point, steps) = DualNewton.annealed(cost: newton.cost, epsilon: epsilon)
    }
    let plan = pool.tensor([n, m])
    plan.setNarrowed(point.plan)
    var derivative: Tensor<Element>?
    if mean > 0 {
      derivative = plan
      if settings.gradient == .implicit {
        let exact = pool.tensor([n, m])
        exact.setNarrowed(newton.implicitDerivative(at: point))
        derivative = exact
      }
    }
    return solution(
      plan: plan, derivative: derivative, cost: point.plan.dot(newton.cost), epsilon: epsilon,
      rows: point.rowSums, columns: point.columnSums, error: point.error, sweeps: iteration.sweeps,
      newtonSteps: steps, f: point.f, g: point.g)
  }

  /// Entropy by sum P log P = (<R, f> + <Q, g> - <P, C>) / eps, and the potentials brought to mean(f) = 0.
  private func solution(
    plan: Tensor<Element>, derivative: Tensor<Element>?, cost: Double, epsilon: Double, rows: Tensor<Double>,
    columns: Tensor<Double>, error: Double, sweeps: Int, newtonSteps: Int, f: Tensor<Double>, g: Tensor<Double>
  ) -> TransportSolution<Element> {
    let entropy = (cost - rows.dot(f) - columns.dot(g)) / epsilon
    let mean = f.array.reduce(0, +) / Double(n)
    return TransportSolution(
      plan: plan, derivative: derivative, cost: cost, epsilon: epsilon, entropy: entropy, marginalError: error,
      sweeps: sweeps, newtonSteps: newtonSteps, f: Tensor(f.array.map { $0 - mean }, f.shape),
      g: Tensor(g.array.map { $0 + mean }, g.shape))
  }

  private func productOfMarginals(epsilon: Double, cost: Double = 0) -> TransportSolution<Element> {
    let plan = pool.tensor([n, m])
    plan.fill(1 / (Element(n) * Element(m)))
    return TransportSolution(
      plan: plan, derivative: nil, cost: cost, epsilon: epsilon, entropy: log(Double(n)) + log(Double(m)),
      marginalError: 0,
      sweeps: 0, newtonSteps: 0, f: Tensor(zeros: [n]), g: Tensor(zeros: [m]))
  }

  /// Writes factor (sum_j G_ij t_i - sum_j G_ij s_j) and factor (sum_i G_ij s_j - sum_i G_ij t_i).
  static func backward(
    teacher: Tensor<Element>, student: Tensor<Element>, derivative: Tensor<Element>, factor: Element,
    teacherShare: Tensor<Element>?, studentShare: Tensor<Element>?, pool: BufferPool<Element>
  ) {
    let (t, s) = centred(teacher, student, pool: pool)
    let (rows, columns) = (pool.tensor([teacher.rows]), pool.tensor([student.rows]))
    derivative.marginals(rowSums: rows, columnSums: columns)
    if let teacherShare {
      teacherShare.setScaledRows(t, by: rows)
      multiply(derivative.matrix, s.matrix, alpha: -factor, beta: factor, into: teacherShare.matrix)
    }
    if let studentShare {
      studentShare.setScaledRows(s, by: columns)
      multiply(derivative.matrix, t.matrix, transposeA: true, alpha: -factor, beta: factor, into: studentShare.matrix)
    }
  }
}
