import Autograd
import Tensors

/// What one side shows to the objective: hidden states and visual tokens of a shard's sequences, laid end to end.
public struct DistillationStates<Element: Scalar> {
  /// [rows of `sequences`, width]
  public var hidden: Variable<Element>
  public var sequences: Segments
  /// [rows of `visualTokens`, visual width]
  public var visual: Variable<Element>
  public var visualTokens: Segments
  /// One byte per row, 0 = padding (holes may lie anywhere); nil = every row counts.
  public var hiddenMask: [UInt8]?
  public var visualMask: [UInt8]?
  /// Absent where the method does not need them, or no answer of the shard is used.
  public var answers: AnswerLogits<Element>?
  /// Absent where the method does not need them.
  public var layers: LayerStates<Element>?

  public init(
    hidden: Variable<Element>, sequences: Segments, visual: Variable<Element>, visualTokens: Segments,
    hiddenMask: [UInt8]? = nil, visualMask: [UInt8]? = nil
  ) {
    self.hidden = hidden
    self.sequences = sequences
    self.visual = visual
    self.visualTokens = visualTokens
    self.hiddenMask = hiddenMask
    self.visualMask = visualMask
  }

  /// A side that is fixed: no gradient is formed for it.
  public init(
    hidden: Tensor<Element>, sequences: Segments, visual: Tensor<Element>, visualTokens: Segments,
    hiddenMask: [UInt8]? = nil, visualMask: [UInt8]? = nil
  ) {
    self.init(
      hidden: Variable(hidden, needsGradient: false), sequences: sequences,
      visual: Variable(visual, needsGradient: false), visualTokens: visualTokens, hiddenMask: hiddenMask,
      visualMask: visualMask)
  }
}

/// Rows that count, and where each sequence lies among them.
struct ValidRows {
  let indices: [Int]
  let segments: Segments

  /// - Throws: `UserError` naming `what` when a sequence has no valid row.
  init(_ segments: Segments, mask: [UInt8]?, what: String) throws {
    precondition((mask?.count ?? segments.total) == segments.total, "a mask of other length than its rows")
    var indices: [Int] = []
    var lengths: [Int] = []
    for sequence in 0..<segments.count {
      let valid = segments[sequence].filter { row in mask.map { $0[row] != 0 } ?? true }
      guard !valid.isEmpty else {
        throw UserError(
          .badInput, "sequence \(sequence) has no valid \(what) token",
          remedy: "leave the sequence out or correct its mask")
      }
      indices += valid
      lengths.append(valid.count)
    }
    self.indices = indices
    self.segments = Segments(lengths: lengths)
  }

  /// The rows of one sequence.
  func rows(ofSequence index: Int) -> SequenceRows { SequenceRows(indices: indices[segments[index]]) }

  /// The rows of x that count; x itself when all do.
  func rows<Element: Scalar>(of x: Variable<Element>, tape: Tape<Element>) -> Variable<Element> {
    indices.count == x.value.rows ? x : tape.gatherRows(x, indices)
  }
}

/// The distillation objective of EVL-ECG with its trainable maps Wq, Wk, Wv, Wo, Wp and bp.
///
/// L = (1 - alpha) L_CE + alpha (lambda_m L_mhca + lambda_r L_rel + lambda_ot L_ot). The relations compare Hhat, the
/// cross-attention's output, with H_s; gradients flow through both. Source: arXiv 2605.29977, losses.md.
public final class DistillationObjective<Element: Scalar>: DistillationMethod {
  public let configuration: ObjectiveConfiguration
  public let widths: ObjectiveWidths
  public let weights: LossWeights
  public let heads: Int
  /// Absent when neither alignment nor relations are on.
  public let alignment: AlignmentWeights<Element>?
  /// Wp [Dvs, Dv] and bp [Dv]: student visual tokens to the teacher's width; absent when transport is off.
  public let projection: (weight: Parameter<Element>, bias: Parameter<Element>)?
  private let transportSettings: TransportSettings

  /// Declares the objective's parameters behind the student's; terms that are switched off declare none.
  ///
  /// "objective.mhca.q|k|v|o" and "objective.transport.projection|bias", W as [in, out], normal with deviation
  /// 1 / sqrt(in), bias 0. - Throws: `UserError` listing every problem of the configuration.
  public static func declare(
    _ configuration: ObjectiveConfiguration, widths: ObjectiveWidths, into layout: inout ParameterLayout
  ) throws {
    let weights = configuration.weights(for: widths)
    try configuration.validate(studentWidth: Self.needsAlignment(weights) ? widths.student : nil)
    func matrix(_ name: String, _ rows: Int, _ columns: Int) {
      layout.add(name, [rows, columns], .normal(1 / Double(rows).squareRoot()))
    }
    if Self.needsAlignment(weights) {
      let inner = configuration.mhca.heads * (configuration.mhca.dk ?? widths.student / configuration.mhca.heads)
      matrix("objective.mhca.q", widths.student, inner)
      matrix("objective.mhca.k", widths.teacher, inner)
      matrix("objective.mhca.v", widths.teacher, inner)
      matrix("objective.mhca.o", inner, widths.student)
    }
    if weights.ofTransport > 0 {
      matrix("objective.transport.projection", widths.studentVisual, widths.teacherVisual)
      layout.add("objective.transport.bias", [widths.teacherVisual], .constant(0))
    }
  }

  private static func needsAlignment(_ weights: LossWeights) -> Bool {
    weights.ofAlignment > 0 || weights.ofRelation > 0
  }

  /// - Precondition: the arena's layout was declared with the same configuration and widths.
  public convenience init(
    configuration: ObjectiveConfiguration, widths: ObjectiveWidths, arena: ParameterArena<Element>
  ) {
    let weights = configuration.weights(for: widths)
    let alignment =
      Self.needsAlignment(weights)
      ? AlignmentWeights(
        query: arena["objective.mhca.q"], key: arena["objective.mhca.k"], value: arena["objective.mhca.v"],
        output: arena["objective.mhca.o"]) : nil
    let projection =
      weights.ofTransport > 0
      ? (weight: arena["objective.transport.projection"], bias: arena["objective.transport.bias"]) : nil
    self.init(
      configuration: configuration, widths: widths, weights: weights, alignment: alignment, projection: projection)
  }

  init(
    configuration: ObjectiveConfiguration, widths: ObjectiveWidths, weights: LossWeights,
    alignment: AlignmentWeights<Element>?, projection: (weight: Parameter<Element>, bias: Parameter<Element>)?,
    transport settings: TransportSettings? = nil
  ) {
    self.configuration = configuration
    self.widths = widths
    self.weights = weights
    heads = configuration.mhca.heads
    self.alignment = alignment
    self.projection = projection
    transportSettings = settings ?? configuration.transportSettings
  }

  /// Whether any teacher state is needed at all.
  public var needsTeacher: Bool { alignment != nil || projection != nil }

  public var factors: LossFactors { weights.factors }
  public var needs: ObservedStates { [] }
  /// The terms, and beside them L_D and L_A of the relations and, of the transport's solver, means over the batch's
  /// problems: sweeps, L1 error of the marginals, entropy of the plan in nats and, at convergence, Newton steps.
  public var partNames: [String] {
    let newton = transportSettings.stopping == .converged ? ["newton_steps"] : []
    let diagnostics: [LossTerm: [String]] = [
      .relation: ["rel_D", "rel_A"], .transport: ["sweeps", "marginal_error", "plan_entropy"] + newton,
    ]
    return factors.terms.filter { $0 != .crossEntropy }.flatMap { [$0.rawValue] + (diagnostics[$0] ?? []) }
  }

  /// Adds the distillation terms of one shard to the tape with the factors of `weights`.
  public func apply(
    student: DistillationStates<Element>, teacher: DistillationStates<Element>, globalSequences: Int,
    tape: Tape<Element>
  ) throws -> LossParts {
    try apply(
      student: student, teacher: teacher, counts: GlobalCounts(sequences: globalSequences, answerTokens: 0),
      factors: factors, tape: tape)
  }

  /// Adds the distillation terms of one shard to the tape, their gradients weighted, and returns their unweighted
  /// values.
  ///
  /// Sequence b of the student goes with sequence b of the teacher; so do their visual tokens, those of all images and
  /// tiles of a sequence being one cloud. A sequence without an image has no transport problem and adds 0 to the mean.
  /// - Throws: `UserError` when widths or counts of the two sides do not fit or a sequence has no valid token.
  /// - Complexity: see the terms.
  public func apply(
    student: DistillationStates<Element>, teacher: DistillationStates<Element>, counts: GlobalCounts,
    factors: LossFactors, tape: Tape<Element>
  ) throws -> LossParts {
    try check(student, teacher)
    var parts = LossParts()
    if let alignment, factors[.alignment] > 0 || factors[.relation] > 0 {
      parts = try compareSequences(
        student: student, teacher: teacher, alignment: alignment, globalSequences: counts.sequences,
        factors: factors, tape: tape)
    }
    if let projection, factors[.transport] > 0 {
      let loss = try transport(
        student: student, teacher: teacher, projection: projection, problems: counts.sequences,
        weight: factors[.transport], tape: tape)
      parts[.transport] = loss.value
      parts["sweeps"] = loss.sweeps
      parts["marginal_error"] = loss.marginalError
      parts["plan_entropy"] = loss.entropy
      if transportSettings.stopping == .converged { parts["newton_steps"] = loss.newtonSteps }
    }
    return parts
  }

  /// Cross-entropy of the rows that predict answer tokens, weighted 1 - alpha; see `Tape.crossEntropy`.
  public func crossEntropy(
    _ logits: Variable<Element>, labels: [Int], globalAnswerTokens: Int, tape: Tape<Element>
  ) throws -> Double {
    try tape.crossEntropy(
      logits, labels: labels, normaliser: globalAnswerTokens, weight: weights.ofCrossEntropy)
  }

  /// Alignment and relations of valid rows.
  func compare(
    _ hidden: Variable<Element>, _ aligned: Variable<Element>, _ tokens: Segments, sequences: Int,
    factors: LossFactors, tape: Tape<Element>
  ) -> LossParts {
    var parts = LossParts()
    if factors[.alignment] > 0 {
      parts[.alignment] = tape.alignmentLoss(
        student: hidden, aligned: aligned, tokens: tokens, sequences: sequences, weight: factors[.alignment])
    }
    if factors[.relation] > 0 {
      let relation = tape.relationLoss(
        aligned: aligned, student: hidden, tokens: tokens, sequences: sequences,
        distanceWeight: factors[.relation] / 2, angleWeight: factors[.relation] / 2)
      parts[.relation] = (relation.distance + relation.angle) / 2
      parts["rel_D"] = relation.distance
      parts["rel_A"] = relation.angle
    }
    return parts
  }

  private func transport(
    student: DistillationStates<Element>, teacher: DistillationStates<Element>,
    projection: (weight: Parameter<Element>, bias: Parameter<Element>), problems: Int, weight: Double,
    tape: Tape<Element>
  ) throws -> TransportLoss<Element> {
    let shown = (0..<student.visualTokens.count).filter {
      !student.visualTokens[$0].isEmpty || !teacher.visualTokens[$0].isEmpty
    }
    guard !shown.isEmpty else { return TransportLoss() }
    func clouds(_ all: Segments) -> Segments { Segments(lengths: shown.map { all[$0].count }) }
    let rows = try ValidRows(clouds(teacher.visualTokens), mask: teacher.visualMask, what: "visual teacher")
    let columns = try ValidRows(clouds(student.visualTokens), mask: student.visualMask, what: "visual student")
    let projected = tape.linear(
      columns.rows(of: student.visual, tape: tape), projection.weight, bias: projection.bias, layout: .inputByOutput)
    return try tape.transportLoss(
      teacher: rows.rows(of: teacher.visual, tape: tape), student: projected, teacherTokens: rows.segments,
      studentTokens: columns.segments, problems: problems, weight: weight, settings: transportSettings)
  }

  private func check(_ student: DistillationStates<Element>, _ teacher: DistillationStates<Element>) throws {
    func demand(_ what: String, _ found: Int, _ expected: Int) throws {
      guard found == expected else {
        throw UserError(
          .badInput, "\(what) is \(found), the objective was set up for \(expected)",
          remedy: "use the teacher that the run was configured with")
      }
    }
    if alignment != nil {
      try demand("the student's hidden width", student.hidden.value.columns, widths.student)
      try demand("the teacher's hidden width", teacher.hidden.value.columns, widths.teacher)
      try demand("the teacher's number of sequences", teacher.sequences.count, student.sequences.count)
    }
    if projection != nil {
      try demand("the student's visual width", student.visual.value.columns, widths.studentVisual)
      try demand("the teacher's visual width", teacher.visual.value.columns, widths.teacherVisual)
      try demand("the teacher's number of images", teacher.visualTokens.count, student.visualTokens.count)
    }
  }
}
