import Autograd
import Tensors

extension LossCase {
  /// Kind mhca: Hhat, loss and all gradients.
  func evaluateAlignment<Element: Scalar>(_ inputs: LossCaseInputs<Element>) throws -> LossCaseResult<Element> {
    let student = try inputs.rows("in.H_s")
    let teacher = try inputs.rows("in.H_t", batch: student.shape[0])
    let heads = try inputs.integer("heads")
    let valid = try ValidRows(student.segments, mask: try inputs.mask("in.s_mask", for: student), what: "student")
    let keys = try ValidRows(teacher.segments, mask: try inputs.mask("in.t_mask", for: teacher), what: "teacher")
    let arena = try inputs.alignmentArena(student: student.shape[2], teacher: teacher.shape[2], heads: heads)
    let tape = Tape(pool: BufferPool<Element>())
    var result = LossCaseResult<Element>()
    let loss = arena.differentiate(tape) {
      let aligned = tape.crossAttention(
        student: student.variable, teacher: keys.rows(of: teacher.variable, tape: tape),
        weights: arena.alignmentWeights, heads: heads, queries: student.segments, keys: keys.segments)
      result.add("out.Hhat", aligned.value.reshaped(student.shape).copy())
      return tape.alignmentLoss(
        student: valid.rows(of: student.variable, tape: tape), aligned: valid.rows(of: aligned, tape: tape),
        tokens: valid.segments, sequences: student.shape[0], weight: 1)
    }
    result.add("out.loss.perseq", loss)
    result.add("out.grad.H_s.perseq", student.gradient)
    result.add("out.grad.H_t.perseq", teacher.gradient)
    for name in ["Wq", "Wk", "Wv", "Wo"] { result.add("out.grad.\(name).perseq", arena.gradient(name)) }
    return result
  }

  /// Kind rel: distance, angle and half sum, with the gradients of each.
  func evaluateRelations<Element: Scalar>(_ inputs: LossCaseInputs<Element>) throws -> LossCaseResult<Element> {
    var result = LossCaseResult<Element>()
    let variants = [
      (name: "out.grad_D", suffix: ".perseq.offdiag", distance: 1.0, angle: 0.0),
      (name: "out.grad_A", suffix: ".perseq", distance: 0.0, angle: 1.0),
      (name: "out.grad", suffix: ".perseq", distance: 0.5, angle: 0.5),
    ]
    let pool = BufferPool<Element>()
    for variant in variants {
      let aligned = try inputs.rows("in.Hhat")
      let student = try inputs.rows("in.H_s", batch: aligned.shape[0], width: aligned.shape[2])
      guard student.shape == aligned.shape else {
        throw inputs.fault("tensor in.H_s has shape \(student.shape), in.Hhat \(aligned.shape)")
      }
      let valid = try ValidRows(student.segments, mask: try inputs.mask("in.s_mask", for: student), what: "student")
      let tape = Tape(pool: pool)
      let loss = tape.relationLoss(
        aligned: valid.rows(of: aligned.variable, tape: tape), student: valid.rows(of: student.variable, tape: tape),
        tokens: valid.segments, sequences: student.shape[0], distanceWeight: variant.distance,
        angleWeight: variant.angle)
      tape.backward()
      if result.tensors.isEmpty {
        result.add("out.loss_D.perseq.offdiag", loss.distance)
        result.add("out.loss_A.perseq", loss.angle)
        result.add("out.loss.perseq", (loss.distance + loss.angle) / 2)
      }
      result.add("\(variant.name).Hhat\(variant.suffix)", aligned.gradient)
      result.add("\(variant.name).H_s\(variant.suffix)", student.gradient)
    }
    return result
  }

  /// Kind ce: tokens predict their successors; -100 is ignored.
  func evaluateCrossEntropy<Element: Scalar>(_ inputs: LossCaseInputs<Element>) throws -> LossCaseResult<Element> {
    let logits = try inputs.rows("in.logits")
    let targets = try inputs.shiftedLabels(for: logits)
    let tape = Tape(pool: BufferPool<Element>())
    let loss = try tape.crossEntropy(
      tape.gatherRows(logits.variable, targets.rows), labels: targets.labels, normaliser: targets.labels.count,
      weight: 1)
    tape.backward()
    var result = LossCaseResult<Element>()
    result.add("out.loss", loss)
    result.add("out.grad.logits", logits.gradient)
    result.add("out.n_tokens", Double(targets.labels.count))
    return result
  }
}

extension LossCaseInputs {
  /// The rows of the logits that predict a label, and those labels: row (b, t) predicts label (b, t + 1).
  func shiftedLabels(for logits: CaseRows<Element>) throws -> (rows: [Int], labels: [Int]) {
    let (batch, length, vocabulary) = (logits.shape[0], logits.shape[1], logits.shape[2])
    let labels = try integers("in.labels", shape: [batch, length])
    var rows: [Int] = []
    var kept: [Int] = []
    for row in 0..<batch * length where row % length + 1 < length && labels[row + 1] != -100 {
      guard (0..<vocabulary).contains(labels[row + 1]) else {
        throw fault("tensor in.labels holds \(labels[row + 1]), outside the \(vocabulary) columns of in.logits")
      }
      rows.append(row)
      kept.append(labels[row + 1])
    }
    return (rows, kept)
  }
}
