import Autograd
import Foundation
import Tensors
import Testing

@testable import Distillation

/// Where the losses are easily wrong: holes, padding, saturation, potentials to start from, odd extents.
@Suite struct EdgeTests {
  private func random(_ shape: [Int], _ purpose: String) -> Tensor<Double> { normal(shape, purpose) }

  /// Rows and columns that fill none, one and several of the blocks the loops work in.
  @Test(arguments: [(15, 7), (16, 64), (17, 65), (33, 130), (48, 200), (5, 16)]) func singlePrecisionSweepsFollowDouble(
    _ shape: (Int, Int)
  ) throws {
    let (t, s) = (random([shape.0, 6], "t \(shape)"), random([shape.1, 6], "s \(shape)"))
    for relative in [0.01, 0.05, 1] {
      let settings = TransportSettings(epsilon: relative, isRelative: true, stopping: .sweeps(50))
      let exact = try transport(t, s, settings)
      let tape = Tape(pool: BufferPool<Float>())
      let student = Variable(s.converted(to: Float.self), needsGradient: true)
      let loss = try tape.transportLoss(
        teacher: Variable(t.converted(to: Float.self), needsGradient: false), student: student,
        teacherTokens: Segments(lengths: [shape.0]), studentTokens: Segments(lengths: [shape.1]), problems: 1,
        weight: 1, settings: settings)
      tape.backward()
      let factor = max(1, 0.05 / relative)
      #expect(abs(loss.value - exact.solution.cost) < 1e-5 * factor * exact.solution.cost)
      let gradient = student.gradient?.converted(to: Double.self) ?? Tensor(zeros: s.shape)
      gradient.add(exact.ds, times: -1)
      #expect(gradient.sumOfSquares.squareRoot() < 1e-4 * factor * exact.ds.sumOfSquares.squareRoot())
      #expect(loss.solutions[0].sweeps == 50)
    }
  }

  @Test func aWarmStartSavesSweepsAndChangesNothingElse() throws {
    let (t, s) = (random([20, 4], "t"), random([9, 4], "s"))
    let near = Tensor<Double>(zip(t.array, random([20, 4], "noise").array).map { $0 + 0.01 * $1 }, t.shape)
    func solve(_ chain: Int, _ stopping: TransportSettings.Stopping) throws -> [TransportSolution<Double>] {
      let settings = TransportSettings(epsilon: 0.05, isRelative: true, stopping: stopping, chain: chain)
      return try Tape(pool: BufferPool<Double>(), recording: false).transportLoss(
        teacher: fixed(Tensor(t.array + near.array + t.array, [60, 4])),
        student: fixed(Tensor(s.array + s.array + s.array, [27, 4])),
        teacherTokens: Segments(count: 3, length: 20), studentTokens: Segments(count: 3, length: 9), problems: 3,
        weight: 1, settings: settings
      ).solutions
    }
    let tolerance = TransportSettings.Stopping.tolerance(1e-6, maximum: 2000)
    let (cold, warm, pairs) = (try solve(1, tolerance), try solve(3, tolerance), try solve(2, tolerance))
    #expect(cold[0].plan.array == warm[0].plan.array && cold[0].plan.array == cold[2].plan.array)
    #expect(warm[1].sweeps < cold[1].sweeps && warm[2].sweeps < cold[2].sweeps)
    #expect(pairs[1].sweeps == warm[1].sweeps && pairs[2].sweeps == cold[2].sweeps, "a chain of two begins anew")
    let (exact, same) = (try solve(1, .converged), try solve(3, .converged))
    for (left, right) in zip(exact, same) {
      #expect(zip(left.plan.array, right.plan.array).allSatisfy { abs($0 - $1) < 1e-13 })
    }
    #expect(abs(warm[1].cost - exact[1].cost) < 1e-5 * exact[1].cost)
  }

  @Test func aStartFarFromTheSolutionStillConverges() {
    let cost = Tensor<Double>((0..<60).map { Double(($0 * 37) % 19) }, [12, 5])
    let start = Tensor<Double>([900, -900, 0, 50, 1e6], [5])
    var iteration = SinkhornIteration(cost: cost, epsilon: 0.5, start: start, pool: BufferPool())
    iteration.run(.tolerance(1e-9, maximum: 5000))
    var plain = SinkhornIteration(cost: cost, epsilon: 0.5, pool: BufferPool())
    plain.run(.tolerance(1e-9, maximum: 5000))
    func plan(_ iteration: SinkhornIteration<Double>) -> [Double] {
      _ = iteration.kernel.becomePlan(
        a: iteration.a, b: iteration.b, cost: cost, rowSums: Tensor(zeros: [12]), columnSums: Tensor(zeros: [5]))
      return iteration.kernel.array
    }
    #expect(zip(plan(iteration), plan(plain)).allSatisfy { abs($0 - $1) < 1e-8 })
  }

  /// The same tokens with padding and holes between them cost the same and are pulled the same way.
  @Test(arguments: 0..<6) func paddingAndHolesChangeNothing(_ draw: Int) throws {
    var keyed = CounterRandom(seed: 5, purpose: "holes", sample: UInt64(draw))
    let widths = ObjectiveWidths(student: 6, teacher: 5, studentVisual: 4, teacherVisual: 3)
    var configuration = ObjectiveConfiguration()
    configuration.mhca.heads = 3
    var layout = ParameterLayout()
    try DistillationObjective<Double>.declare(configuration, widths: widths, into: &layout)
    func masked(_ purpose: String, _ width: Int) -> (rows: Tensor<Double>, segments: Segments, mask: [UInt8]) {
      let lengths = (0..<3).map { _ in 2 + keyed.integer(below: 7) }
      let mask = lengths.flatMap { length in
        let kept = keyed.integer(below: length)
        return (0..<length).map { $0 == kept || keyed.uniform() < 0.6 ? UInt8(1) : 0 }
      }
      let segments = Segments(lengths: lengths)
      return (random([segments.total, width], "\(purpose) \(draw)"), segments, mask)
    }
    let parts = [masked("h", 6), masked("ht", 5), masked("v", 4), masked("vt", 3)]
    func run(compact: Bool) throws -> (LossParts, [[Double]]) {
      let arena = ParameterArena<Double>(layout: layout, trainable: true)
      arena.initialise(seed: 2)
      let sides = parts.map { part -> (Variable<Double>, Segments, [UInt8]?) in
        guard compact else { return (Variable(part.rows.copy(), needsGradient: true), part.segments, part.mask) }
        let kept = part.mask.indices.filter { part.mask[$0] == 1 }
        let lengths = (0..<3).map { sequence in part.segments[sequence].count { part.mask[$0] == 1 } }
        let rows = Tensor<Double>(kept.flatMap { part.rows.row($0) }, [kept.count, part.rows.columns])
        return (Variable(rows, needsGradient: true), Segments(lengths: lengths), nil)
      }
      let objective = DistillationObjective(configuration: configuration, widths: widths, arena: arena)
      let tape = Tape(pool: BufferPool<Double>())
      func states(_ hidden: Int, _ visual: Int) -> DistillationStates<Double> {
        DistillationStates(
          hidden: sides[hidden].0, sequences: sides[hidden].1, visual: sides[visual].0, visualTokens: sides[visual].1,
          hiddenMask: sides[hidden].2, visualMask: sides[visual].2)
      }
      let loss = try arena.differentiate(tape) {
        try objective.apply(student: states(0, 2), teacher: states(1, 3), globalSequences: 3, tape: tape)
      }
      let gradients = zip(sides, parts).map { side, part -> [Double] in
        let gradient = side.0.gradient ?? Tensor(zeros: side.0.shape)
        guard !compact else { return gradient.array }
        return part.mask.indices.filter { part.mask[$0] == 1 }.flatMap { gradient.row($0) }
      }
      return (loss, gradients + arena.parameters.map { $0.gradient?.array ?? [] })
    }
    let (padded, compact) = (try run(compact: false), try run(compact: true))
    #expect(padded.0 == compact.0)
    #expect(padded.1 == compact.1)
    #expect(padded.0[.alignment] > 0 && padded.0[.relation] > 0 && padded.0[.transport] > 0)
  }

  /// An eps with no digit beside the costs is refused, not answered with rounding.
  @Test(arguments: [1e-44, 1e-30, 1e-9]) func anEpsilonBelowThePrecisionIsRefused(_ epsilon: Double) throws {
    var configuration = ObjectiveConfiguration()
    configuration.mhca.heads = 1
    configuration.transport.relative = false
    configuration.transport.epsilon = epsilon
    let widths = ObjectiveWidths(student: 3, teacher: 3, studentVisual: 3, teacherVisual: 3)
    var layout = ParameterLayout()
    try DistillationObjective<Float>.declare(configuration, widths: widths, into: &layout)
    let arena = ParameterArena<Float>(layout: layout, trainable: true)
    arena.initialise(seed: 2)
    let objective = DistillationObjective(configuration: configuration, widths: widths, arena: arena)
    let x = random([5, 3], "x").converted(to: Float.self)
    let states = DistillationStates(
      hidden: x, sequences: Segments(lengths: [5]), visual: x, visualTokens: Segments(lengths: [5]))
    #expect {
      try objective.apply(
        student: states, teacher: states, globalSequences: 1, tape: Tape(pool: BufferPool(), recording: false))
    } throws: { "\($0)".contains("mean cost") }
    configuration.transport.relative = true
    #expect(configuration.problems().contains { $0.contains("objective.transport.epsilon") })
  }

  /// Asked for convergence, the envelope's plan is finished by Newton steps where sweeps would hardly move.
  @Test func convergenceIsFinishedByNewtonStepsWithEitherGradient() throws {
    var configuration = ObjectiveConfiguration()
    configuration.transport.epsilon = 1e-3
    configuration.transport.converged = true
    let (t, s) = (random([40, 4], "t"), random([17, 4], "s"))
    let solution = try transport(t, s, configuration.transportSettings).solution
    #expect(solution.marginalError < 1e-12 && solution.newtonSteps > 0)
    configuration.transport.converged = false
    configuration.transport.tolerance = 0
    #expect(try transport(t, s, configuration.transportSettings).solution.sweeps == 100)
  }

  /// Scores so large that every row of the softmax is one-hot: the head copies a teacher's row, gradients are finite.
  @Test func saturatedAttentionCopiesOneTokenAndStaysFinite() {
    let identity = Tensor<Double>((0..<16).map { $0 % 5 == 0 ? 1 : 0 }, [4, 4])
    var layout = ParameterLayout()
    for name in ["Wq", "Wk", "Wv", "Wo"] { layout.add(name, [4, 4], .constant(0)) }
    let arena = ParameterArena<Float>(layout: layout, trainable: true)
    for name in ["Wq", "Wk", "Wv", "Wo"] { arena[name].value.copy(from: identity.converted(to: Float.self)) }
    let scale: Float = 1e4
    let student = Variable(Tensor<Float>((0..<16).map { $0 % 5 == 0 ? scale : 0 }, [4, 4]), needsGradient: true)
    let teacher = Variable(Tensor<Float>((0..<16).map { $0 % 5 == 0 ? 3 : 1 }, [4, 4]), needsGradient: true)
    let tape = Tape(pool: BufferPool<Float>())
    arena.differentiate(tape) {
      let aligned = tape.crossAttention(
        student: student, teacher: teacher, weights: arena.alignmentWeights, heads: 1, queries: Segments(lengths: [4]),
        keys: Segments(lengths: [4]))
      #expect(aligned.value.array == teacher.value.array)
      _ = tape.alignmentLoss(
        student: student, aligned: aligned, tokens: Segments(lengths: [4]), sequences: 1, weight: 1)
    }
    for gradient in [student.gradient, teacher.gradient] + arena.parameters.map(\.gradient) {
      #expect(gradient?.isFinite == true)
    }
  }

  /// The fixed side costs no backward: nothing is formed for it unless asked.
  @Test func theFixedSideGetsNoGradient() throws {
    let settings = TransportSettings(epsilon: 0.1, isRelative: true, stopping: .sweeps(5))
    for asked in [false, true] {
      let tape = Tape(pool: BufferPool<Double>())
      let teacher = Variable(random([6, 3], "t"), needsGradient: asked)
      let student = Variable(random([4, 3], "s"), needsGradient: true)
      _ = try tape.transportLoss(
        teacher: teacher, student: student, teacherTokens: Segments(lengths: [6]),
        studentTokens: Segments(lengths: [4]), problems: 1, weight: 1, settings: settings)
      tape.backward()
      #expect((teacher.gradient != nil) == asked && student.gradient != nil)
    }
  }
}
