import Autograd
import Foundation
import Tensors
import Testing

@testable import Distillation

/// Properties of transport, and a plain log-domain Sinkhorn as its reference.
@Suite struct TransportTests {
  static let shapes =
    [(1, 1), (1, 5), (6, 1), (4, 4), (17, 33), (40, 9)]
    + (0..<6).map { draw in
      var random = CounterRandom(seed: 8, purpose: "shapes", sample: UInt64(draw))
      return (1 + random.integer(below: 70), 1 + random.integer(below: 70))
    }

  private func clouds(_ shape: (Int, Int), scale: Double = 1) -> (Tensor<Double>, Tensor<Double>) {
    (normal([shape.0, 5], "t \(shape)", scale: scale), normal([shape.1, 5], "s \(shape)", scale: scale))
  }

  private func costs(_ t: Tensor<Double>, _ s: Tensor<Double>) -> [[Double]] {
    (0..<t.rows).map { i in
      (0..<s.rows).map { j in zip(t.row(i), s.row(j)).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } }
    }
  }

  /// f_i = -eps log(m' sum_j e^((g_j - C_ij) / eps)), then g likewise: the textbook form, one exponential at a time.
  private func reference(_ cost: [[Double]], epsilon: Double, sweeps: Int) -> [[Double]] {
    let (n, m) = (cost.count, cost[0].count)
    var f = [Double](repeating: 0, count: n)
    var g = [Double](repeating: 0, count: m)
    func soft(_ values: [Double]) -> Double {
      let top = values.max() ?? 0
      return top + log(values.reduce(0) { $0 + exp($1 - top) })
    }
    for _ in 0..<sweeps {
      for i in 0..<n { f[i] = -epsilon * (log(Double(n)) + soft((0..<m).map { (g[$0] - cost[i][$0]) / epsilon })) }
      for j in 0..<m { g[j] = -epsilon * (log(Double(m)) + soft((0..<n).map { (f[$0] - cost[$0][j]) / epsilon })) }
    }
    return (0..<n).map { i in (0..<m).map { j in exp((f[i] + g[j] - cost[i][j]) / epsilon) } }
  }

  @Test(arguments: shapes, [0.002, 0.05, 1.0]) func aFixedNumberOfSweepsIsThatNumber(
    _ shape: (Int, Int), _ relative: Double
  ) throws {
    let (t, s) = clouds(shape)
    let cost = costs(t, s)
    let mean = cost.joined().reduce(0, +) / Double(shape.0 * shape.1)
    for sweeps in [1, 2, 37] {
      let settings = TransportSettings(epsilon: relative, isRelative: true, stopping: .sweeps(sweeps))
      let solution = try transport(t, s, settings).solution
      let plan = reference(cost, epsilon: relative * mean, sweeps: sweeps)
      let error = zip(solution.plan.array, plan.joined()).reduce(0) { $0 + abs($1.0 - $1.1) }
      #expect(error < 1e-10 && solution.sweeps == sweeps)
    }
  }

  @Test(arguments: shapes, [1e-4, 0.001, 0.05, 10]) func marginalsHoldAndMassIsOneAtConvergence(
    _ shape: (Int, Int), _ relative: Double
  ) throws {
    let (t, s) = clouds(shape)
    let solution = try transport(t, s, .init(epsilon: relative, isRelative: true, stopping: .converged)).solution
    #expect(solution.marginalError < 1e-10)
    #expect(abs(solution.plan.array.reduce(0, +) - 1) < 1e-12)
    #expect(solution.plan.array.allSatisfy { $0 >= 0 })
    #expect(abs(solution.f.array.reduce(0, +)) < 1e-9)
  }

  @Test func eachProblemStopsByItsOwnTolerance() throws {
    let (t, s) = clouds((12, 7))
    let settings = TransportSettings(epsilon: 0.05, isRelative: true, stopping: .tolerance(1e-4, maximum: 500))
    let alone = try transport(t, s, settings).solution
    #expect(alone.marginalError < 1e-4 && alone.sweeps < 500 && alone.sweeps > 1)
    let doubled = Tensor<Double>(t.array + normal([4, 5], "other").array, [16, 5])
    let students = Tensor<Double>(s.array + normal([3, 5], "more").array, [10, 5])
    let loss = try Tape(pool: BufferPool<Double>(), recording: false).transportLoss(
      teacher: fixed(doubled), student: fixed(students), teacherTokens: Segments(lengths: [12, 4]),
      studentTokens: Segments(lengths: [7, 3]), problems: 2, weight: 1, settings: settings)
    #expect(loss.solutions[0].plan.array == alone.plan.array)
  }

  @Test(arguments: shapes) func permutingTokensPermutesThePlan(_ shape: (Int, Int)) throws {
    let (t, s) = clouds(shape)
    var random = CounterRandom(seed: 8, purpose: "order")
    let order = (0..<shape.0).shuffled(using: &random)
    let permuted = Tensor<Double>(order.flatMap { t.row($0) }, t.shape)
    let settings = TransportSettings(epsilon: 0.1, isRelative: true, stopping: .converged)
    let (plan, moved) = (
      try transport(t, s, settings).solution.plan, try transport(permuted, s, settings).solution.plan
    )
    for (row, source) in order.enumerated() {
      #expect(zip(moved.row(row), plan.row(source)).allSatisfy { abs($0 - $1) < 1e-12 })
    }
  }

  @Test(arguments: [1e-4, 1e-2, 1, 1e3], [1e-6, 1.0, 1e6]) func extremeCostsStayFinite(
    _ relative: Double, _ scale: Double
  ) throws {
    let exact = clouds((20, 8), scale: scale)
    let (t, s) = (exact.0.converted(to: Float.self).widened(), exact.1.converted(to: Float.self).widened())
    for gradient in TransportSettings.Gradient.allCases {
      let settings = TransportSettings(
        epsilon: relative, isRelative: true, stopping: .sweeps(30), gradient: gradient)
      let double = try transport(t, s, settings)
      #expect(double.solution.plan.isFinite && double.ds.isFinite && double.dt.isFinite)
      let tape = Tape(pool: BufferPool<Float>())
      let student = Variable(s.converted(to: Float.self), needsGradient: true)
      let loss = try tape.transportLoss(
        teacher: Variable(t.converted(to: Float.self), needsGradient: false), student: student,
        teacherTokens: Segments(lengths: [20]), studentTokens: Segments(lengths: [8]), problems: 1, weight: 1,
        settings: settings)
      tape.backward()
      #expect(loss.value.isFinite && loss.entropy.isFinite && (student.gradient?.isFinite ?? false))
      #expect(abs(loss.value - double.solution.cost) < 1e-5 * max(1, 0.05 / relative) * double.solution.cost)
    }
  }

  @Test func identicalTokensHaveTheProductPlanAndNoGradient() throws {
    let same = Tensor<Double>([Double](repeating: 0.37, count: 12), [4, 3])
    let (solution, dt, ds) = try transport(
      same, same.slice(0..<2), .init(epsilon: 0.05, isRelative: true, stopping: .sweeps(9)))
    #expect(solution.plan.array.allSatisfy { $0 == 0.125 } && solution.cost == 0)
    #expect(dt.sumOfSquares == 0 && ds.sumOfSquares == 0)
  }

  /// Pairs of near tokens far from all others: at a small eps the plan falls into parts that exchange next to nothing,
  /// and the implicit gradient's system with them.
  @Test(arguments: [1e-4, 1e-3, 0.01], [3, 12]) func aPlanInPartsHasAFiniteImplicitGradient(
    _ relative: Double, _ parts: Int
  ) throws {
    let centres = normal([parts, 3], "centres", scale: 30)
    func cloud(_ purpose: String) -> Tensor<Double> {
      let noise = normal([2 * parts, 3], purpose, scale: 0.1)
      return Tensor((0..<6 * parts).map { centres[$0 / 6 * 3 + $0 % 3] + noise[$0] }, [2 * parts, 3])
    }
    let (t, s) = (cloud("t"), cloud("s"))
    let settings = TransportSettings(
      epsilon: relative, isRelative: true, stopping: .converged, gradient: .implicit)
    let (solution, dt, ds) = try transport(t, s, settings)
    #expect(solution.plan.isFinite && dt.isFinite && ds.isFinite)
    #expect(solution.marginalError < 1e-9)
    // Neither cloud can lower its cost by moving with the other.
    for column in 0..<3 {
      let pull = (0..<2 * parts).reduce(0.0) { $0 + dt[$1 * 3 + column] + ds[$1 * 3 + column] }
      #expect(abs(pull) < 1e-9)
    }
  }
}
