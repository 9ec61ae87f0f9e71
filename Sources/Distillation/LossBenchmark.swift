import Autograd
import Foundation
import Tensors

/// Times the losses through the functions that training calls; inputs are keyed random numbers.
public struct LossBenchmark: Sendable {
  /// Wall-clock seconds of several runs.
  public struct Timing: Codable, Sendable {
    public let minimum: Double
    public let median: Double
    public let maximum: Double
    public let runs: Int
    /// Memory taken beyond the inputs, gradients included, in bytes.
    public let memoryBytes: Int
    /// Memory requests of the last run that the pool could not serve; 0 in a steady state.
    public let lateMisses: Int
  }

  /// Shapes of the three losses.
  public struct Shapes: Sendable {
    public var batch = 8
    /// Ls, Lt, Ds, Dt, heads
    public var studentLength = 192
    public var teacherLength = 384
    public var studentWidth = 576
    public var teacherWidth = 1024
    public var heads = 9
    /// Visual tokens of teacher and student and their common width.
    public var teacherTokens = 256
    public var studentTokens = 64
    public var visualWidth = 576
    public var sweeps = 50

    public init() {}
  }

  /// Timed runs, after one that warms up.
  public var runs: Int

  public init(runs: Int = 7) { self.runs = runs }

  private func random<Element: Scalar>(_ shape: [Int], _ purpose: String) -> Tensor<Element> {
    var random = CounterRandom(seed: 11, purpose: purpose)
    return Tensor((0..<shape.reduce(1, *)).map { _ in Element(random.normal()) }, shape)
  }

  private func time<Element: Scalar>(
    pool: BufferPool<Element>, gradients: Tensor<Element>? = nil, _ body: () throws -> Void
  ) rethrows -> Timing {
    try body()
    var seconds: [Double] = []
    var misses = 0
    for _ in 0..<max(1, runs) {
      let before = pool.misses
      let start = DispatchTime.now().uptimeNanoseconds
      try body()
      seconds.append(Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9)
      misses = pool.misses - before
    }
    seconds.sort()
    return Timing(
      minimum: seconds[0], median: seconds[seconds.count / 2], maximum: seconds[seconds.count - 1],
      runs: seconds.count,
      memoryBytes: pool.bytesHeld + (gradients?.count ?? 0) * MemoryLayout<Element>.stride, lateMisses: misses)
  }

  /// Sinkhorn from given costs to plan and value: `problems` of [rows, columns], exactly `sweeps` sweeps.
  public func sinkhorn<Element: Scalar>(
    problems: Int = 32, rows: Int = 256, columns: Int = 64, sweeps: Int = 100, epsilon: Double = 0.05,
    as type: Element.Type = Element.self
  ) -> Timing {
    let pool = BufferPool<Element>()
    let costs: [Tensor<Element>] = (0..<problems).map { index in
      let cost: Tensor<Element> = random([rows, columns], "cost \(index)")
      cost.setProduct(cost, cost)
      return cost
    }
    return time(pool: pool) {
      for cost in costs {
        var iteration = SinkhornIteration(cost: cost, epsilon: epsilon, pool: pool)
        iteration.run(.sweeps(sweeps))
        _ = iteration.kernel.becomePlan(
          a: iteration.a, b: iteration.b, cost: cost, rowSums: pool.tensor([rows]), columnSums: pool.tensor([columns]))
      }
    }
  }

  /// All three losses, forward and backward, with the trainable maps' gradients; the teacher's side is fixed.
  public func losses<Element: Scalar>(
    _ shapes: Shapes = Shapes(), as type: Element.Type = Element.self
  ) throws -> Timing {
    var configuration = ObjectiveConfiguration()
    configuration.mhca.heads = shapes.heads
    configuration.transport.sweeps = shapes.sweeps
    configuration.transport.tolerance = 0
    let widths = ObjectiveWidths(
      student: shapes.studentWidth, teacher: shapes.teacherWidth, studentVisual: shapes.visualWidth,
      teacherVisual: shapes.visualWidth)
    var layout = ParameterLayout()
    try DistillationObjective<Element>.declare(configuration, widths: widths, into: &layout)
    let arena = ParameterArena<Element>(layout: layout, trainable: true)
    arena.initialise(seed: 11)
    let objective = DistillationObjective(configuration: configuration, widths: widths, arena: arena)
    let pool = BufferPool<Element>()
    func states(_ name: String, _ length: Int, _ width: Int, _ tokens: Int) -> (Tensor<Element>, Tensor<Element>) {
      (
        random([shapes.batch * length, width], "\(name) hidden"),
        random([shapes.batch * tokens, shapes.visualWidth], name)
      )
    }
    let student = states("student", shapes.studentLength, shapes.studentWidth, shapes.studentTokens)
    let teacher = states("teacher", shapes.teacherLength, shapes.teacherWidth, shapes.teacherTokens)
    return try time(pool: pool, gradients: arena.gradients) {
      let tape = Tape(pool: pool)
      _ = try arena.differentiate(tape) {
        try objective.apply(
          student: DistillationStates(
            hidden: Variable(student.0, needsGradient: true),
            sequences: Segments(count: shapes.batch, length: shapes.studentLength),
            visual: Variable(student.1, needsGradient: true),
            visualTokens: Segments(count: shapes.batch, length: shapes.studentTokens)),
          teacher: DistillationStates(
            hidden: teacher.0, sequences: Segments(count: shapes.batch, length: shapes.teacherLength),
            visual: teacher.1, visualTokens: Segments(count: shapes.batch, length: shapes.teacherTokens)),
          globalSequences: shapes.batch, tape: tape)
      }
    }
  }
}
