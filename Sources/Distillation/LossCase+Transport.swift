import Autograd
import Tensors

extension LossCase {
  /// Kind ot: the converged solution with both gradients, and the states after 10, 50 and 100 sweeps.
  func evaluateTransport<Element: Scalar>(_ inputs: LossCaseInputs<Element>) throws -> LossCaseResult<Element> {
    let epsilon = try inputs.positive("eps")
    var result = LossCaseResult<Element>()
    result.add("out.eps", epsilon)
    for gradient in TransportSettings.Gradient.allCases {
      let settings = TransportSettings(
        epsilon: epsilon, isRelative: false, stopping: .converged, gradient: gradient)
      let run = try CaseTransport(inputs, settings: settings)
      if gradient == .envelope { run.describe(into: &result) }
      let name = gradient == .envelope ? "out.grad_const" : "out.grad_full"
      result.add("\(name).t", run.teacher.gradient)
      result.add("\(name).s", run.student.gradient)
    }
    for sweeps in [10, 50, 100] {
      let settings = TransportSettings(epsilon: epsilon, isRelative: false, stopping: .sweeps(sweeps))
      let run = try CaseTransport(inputs, settings: settings)
      result.add("out.iter\(sweeps).loss", run.loss.value)
      result.add("out.iter\(sweeps).grad_const.s", run.student.gradient)
    }
    return result
  }
}

/// One forward and backward of a transport case.
private struct CaseTransport<Element: Scalar> {
  let teacher: CaseRows<Element>
  let student: CaseRows<Element>
  let rows: ValidRows
  let columns: ValidRows
  let loss: TransportLoss<Element>

  init(_ inputs: LossCaseInputs<Element>, settings: TransportSettings) throws {
    teacher = try inputs.rows("in.t")
    student = try inputs.rows("in.s", batch: teacher.shape[0], width: teacher.shape[2])
    rows = try ValidRows(teacher.segments, mask: try inputs.mask("in.t_mask", for: teacher), what: "teacher")
    columns = try ValidRows(student.segments, mask: try inputs.mask("in.s_mask", for: student), what: "student")
    let tape = Tape(pool: BufferPool<Element>())
    loss = try tape.transportLoss(
      teacher: rows.rows(of: teacher.variable, tape: tape), student: columns.rows(of: student.variable, tape: tape),
      teacherTokens: rows.segments, studentTokens: columns.segments, problems: teacher.shape[0], weight: 1,
      settings: settings)
    tape.backward()
  }

  /// Values, plan and potentials, scattered to the padded shapes.
  func describe(into result: inout LossCaseResult<Element>) {
    let (batch, n, m) = (teacher.shape[0], teacher.shape[1], student.shape[1])
    let plan = Tensor<Element>(zeros: [batch, n, m])
    let f = Tensor<Element>(zeros: [batch, n])
    let g = Tensor<Element>(zeros: [batch, m])
    for (index, solution) in loss.solutions.enumerated() {
      let left = rows.indices[rows.segments[index]]
      let right = columns.indices[columns.segments[index]].map { $0 - index * m }
      for (i, row) in left.enumerated() {
        f[row] = Element(solution.f[i])
        for (j, column) in right.enumerated() { plan[row * m + column] = solution.plan[i * right.count + j] }
      }
      for (j, column) in right.enumerated() { g[index * m + column] = Element(solution.g[j]) }
    }
    result.add("out.loss", loss.value)
    result.add("out.per_problem", Tensor(loss.solutions.map { Element($0.cost) }, [batch]))
    result.add("out.entropic_per_problem", Tensor(loss.solutions.map { Element($0.entropicCost) }, [batch]))
    result.add("out.plan", plan)
    result.add("out.f", f)
    result.add("out.g", g)
  }
}
