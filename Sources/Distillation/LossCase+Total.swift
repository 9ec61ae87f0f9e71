import Autograd
import Tensors

extension LossCase {
  /// Kind total: the weighted sum through the training objective itself, envelope gradient; `grad_otfull` with the
  /// implicit one where transport is solved to convergence.
  func evaluateTotal<Element: Scalar>(_ inputs: LossCaseInputs<Element>) throws -> LossCaseResult<Element> {
    let weights = LossWeights(
      alpha: try inputs.number("alpha"), alignment: try inputs.number("lambda_mhca"),
      relation: try inputs.number("lambda_rel"), transport: try inputs.number("lambda_ot"))
    var configuration = ObjectiveConfiguration()
    configuration.mhca.heads = try inputs.integer("heads")
    let isTraining = try configure(&configuration, inputs)
    var result = LossCaseResult<Element>()
    let run = try CaseTotal(inputs, configuration: configuration, weights: weights, stopping: isTraining)
    if file.metadata["eps"] != nil { result.add("out.eps", try inputs.positive("eps")) }
    run.describe(into: &result)
    if !isTraining {
      configuration.transport.gradient = TransportSettings.Gradient.implicit.rawValue
      let exact = try CaseTotal(inputs, configuration: configuration, weights: weights, stopping: false)
      for (name, gradient) in exact.transportGradients { result.add("out.grad_otfull.\(name)", gradient) }
    }
    return result
  }

  /// Takes over how a training step ran its transport; false when the case asks for convergence.
  private func configure<Element: Scalar>(
    _ configuration: inout ObjectiveConfiguration, _ inputs: LossCaseInputs<Element>
  ) throws -> Bool {
    if file.metadata["lambda_ot"].flatMap(Double.init) == 0 { return true }
    if file.metadata["epsilon_relative"] != nil {
      configuration.transport.epsilon = try inputs.positive("epsilon_relative")
      configuration.transport.relative = true
    } else {
      configuration.transport.epsilon = try inputs.positive("eps")
      configuration.transport.relative = false
    }
    if let gradient = file.metadata["gradient"] { configuration.transport.gradient = gradient }
    guard file.metadata["sweeps"] != nil else { return false }
    configuration.transport.sweeps = try inputs.integer("sweeps")
    configuration.transport.tolerance = file.metadata["tolerance"] == nil ? 0 : try inputs.number("tolerance")
    configuration.transport.converged = file.metadata["converged"] == "true"
    configuration.transport.warmStart = file.metadata["warm_start"] != nil
    if configuration.transport.warmStart { _ = try inputs.positive("warm_start") }
    let found = configuration.problems()
    guard found.isEmpty else { throw inputs.fault("its metadata are wrong: \(found.joined(separator: "; "))") }
    return true
  }
}

/// One forward and backward of a total case; terms of weight 0 need no inputs.
private struct CaseTotal<Element: Scalar> {
  private let logits: CaseRows<Element>
  private let states: (student: CaseRows<Element>, teacher: CaseRows<Element>)?
  private let visual: (student: CaseRows<Element>, teacher: CaseRows<Element>)?
  private let arena: ParameterArena<Element>
  private let parts: LossParts
  private let weights: LossWeights

  /// - Parameter stopping: whether sweeps and tolerance of the configuration hold; otherwise the transport converges.
  init(
    _ inputs: LossCaseInputs<Element>, configuration: ObjectiveConfiguration, weights: LossWeights, stopping: Bool
  ) throws {
    self.weights = weights
    logits = try inputs.rows("in.logits")
    let batch = logits.shape[0]
    func pair(_ student: String, _ teacher: String, _ isOn: Bool) throws -> (CaseRows<Element>, CaseRows<Element>)? {
      guard isOn else { return nil }
      return (try inputs.rows(student, batch: batch), try inputs.rows(teacher, batch: batch))
    }
    states = try pair("in.H_s", "in.H_t", weights.ofAlignment != 0 || weights.ofRelation != 0)
    visual = try pair("in.s_vis", "in.t_vis", weights.ofTransport != 0)
    let widths = ObjectiveWidths(
      student: states?.student.shape[2] ?? 1, teacher: states?.teacher.shape[2] ?? 1,
      studentVisual: visual?.student.shape[2] ?? 1, teacherVisual: visual?.teacher.shape[2] ?? 1)
    let maps: [(name: String, extents: [Int?])] =
      visual == nil ? [] : [("Wp", [widths.studentVisual, widths.teacherVisual]), ("bp", [widths.teacherVisual])]
    arena =
      states == nil
      ? try inputs.arena(maps)
      : try inputs.alignmentArena(
        student: widths.student, teacher: widths.teacher, heads: configuration.mhca.heads, and: maps)
    var settings = configuration.transportSettings
    if !stopping { settings.stopping = .converged }
    if configuration.transport.warmStart { settings.chain = try inputs.integer("warm_start") }
    let objective = DistillationObjective(
      configuration: configuration, widths: widths, weights: weights,
      alignment: states == nil ? nil : arena.alignmentWeights,
      projection: visual == nil ? nil : (arena["Wp"], arena["bp"]), transport: settings)
    let tape = Tape(pool: BufferPool<Element>())
    let student = try Self.side(inputs, states?.student, "in.s_mask", visual?.student, "in.s_vis_mask")
    let teacher = try Self.side(inputs, states?.teacher, "in.t_mask", visual?.teacher, "in.t_vis_mask")
    let targets = try inputs.shiftedLabels(for: logits)
    let predicted = logits.variable
    parts = try arena.differentiate(tape) {
      var parts = try objective.apply(student: student, teacher: teacher, globalSequences: batch, tape: tape)
      parts[.crossEntropy] = try objective.crossEntropy(
        tape.gatherRows(predicted, targets.rows), labels: targets.labels, globalAnswerTokens: targets.labels.count,
        tape: tape)
      return parts
    }
  }

  /// One side's states; what is off is empty.
  private static func side(
    _ inputs: LossCaseInputs<Element>, _ hidden: CaseRows<Element>?, _ mask: String, _ visual: CaseRows<Element>?,
    _ visualMask: String
  ) throws -> DistillationStates<Element> {
    let empty = Variable(Tensor<Element>(zeros: [0, 1]), needsGradient: false)
    return DistillationStates(
      hidden: hidden?.variable ?? empty, sequences: hidden?.segments ?? Segments(lengths: []),
      visual: visual?.variable ?? empty, visualTokens: visual?.segments ?? Segments(lengths: []),
      hiddenMask: try hidden.flatMap { try inputs.mask(mask, for: $0) },
      visualMask: try visual.flatMap { try inputs.mask(visualMask, for: $0) })
  }

  func describe(into result: inout LossCaseResult<Element>) {
    for (name, value) in [
      ("total", weights.factors.total(parts)), ("ce", parts[.crossEntropy]), ("mhca", parts[.alignment]),
      ("rel", parts[.relation]), ("rel_D", parts["rel_D"]), ("rel_A", parts["rel_A"]), ("ot", parts[.transport]),
    ] { result.add("out.\(name).perseq", value) }
    result.add("out.grad.logits.perseq", logits.gradient)
    if let states {
      result.add("out.grad.H_s.perseq", states.student.gradient)
      result.add("out.grad.H_t.perseq", states.teacher.gradient)
      for name in ["Wq", "Wk", "Wv", "Wo"] { result.add("out.grad.\(name).perseq", arena.gradient(name)) }
    }
    for (name, gradient) in transportGradients { result.add("out.grad.\(name).perseq", gradient) }
  }

  /// Gradients of what only transport sees.
  var transportGradients: [(String, Tensor<Element>)] {
    guard let visual else { return [] }
    return [
      ("t_vis", visual.teacher.gradient), ("s_vis", visual.student.gradient), ("Wp", arena.gradient("Wp")),
      ("bp", arena.gradient("bp")),
    ]
  }
}
