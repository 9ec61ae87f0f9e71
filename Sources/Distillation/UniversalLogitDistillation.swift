import Autograd
import Tensors

/// Cross-tokenizer distillation (Boizard et al. 2025, Universal Logit Distillation): distributions are compared by their
/// sorted probabilities, so the vocabularies need have nothing in common.
///
/// L = L_CE + w L_uld with w = `objective.uld.weight` (1.5); alpha has no part in it. L_uld is the mean over the answer
/// positions k of the shorter of the two answers, of sum_v |p_(v) - q_(v)|, where p_(v) is the v-th largest probability
/// of the student's k-th answer token, q_(v) the teacher's, the shorter vocabulary continued with zeros. A record
/// without a label has no answer and adds nothing.
public final class UniversalLogitDistillation<Element: Scalar>: DistillationMethod {
  public let factors: LossFactors
  public var needs: ObservedStates { .answers }

  public init(_ configuration: ObjectiveConfiguration) { factors = configuration.factors() }

  public func apply(
    student: DistillationStates<Element>, teacher: DistillationStates<Element>, counts: GlobalCounts,
    factors: LossFactors, tape: Tape<Element>
  ) throws -> LossParts {
    var parts = LossParts()
    guard factors[.sortedProbabilities] > 0 else { return parts }
    parts[.sortedProbabilities] = 0
    guard let own = student.answers, let target = teacher.answers else { return parts }
    precondition(own.answers.count == target.answers.count)
    let pairs = (0..<own.answers.count).flatMap { sample in
      Array(zip(own.answers[sample], target.answers[sample]))
    }
    parts[.sortedProbabilities] = tape.sortedProbabilityLoss(
      student: own.logits, teacher: target.logits.value, pairs: pairs, normaliser: counts.sharedAnswerTokens,
      weight: factors[.sortedProbabilities])
    return parts
  }
}

extension Tape {
  /// L = 1/N sum over pairs of rows of sum_v |p_(v) - q_(v)|, p and q the softmax of the two rows, sorted descending.
  ///
  /// student: logits [n, V], teacher: logits [m, W]; the sorted vectors are continued with zeros to the longer one. With
  /// s_v the sign of the difference at the rank of token v, the gradient by the student's logits is
  /// weight / N p_v (s_v - sum_u p_u s_u). The student's logits are left as they are.
  /// - Parameters:
  ///   - pairs: rows compared, each row of the student once at most.
  ///   - normaliser: N, such pairs of the *global* batch.
  ///   - weight: factor of the gradient, not of the value.
  /// - Returns: this shard's share of the mean.
  /// - Complexity: O(pairs (V + W)), sorting by radix included; keeps [n, V].
  public func sortedProbabilityLoss(
    student: Variable<Element>, teacher: Tensor<Element>, pairs: [(Int, Int)], normaliser: Int, weight: Double
  ) -> Double {
    let share = 1 / Double(max(1, normaliser))
    let gradient = pool.zeros(student.shape)
    let p = pool.tensor([1, student.value.columns])
    let q = pool.tensor([1, teacher.columns])
    var (order, teacherOrder) = (DescendingOrder<Element>(), DescendingOrder<Element>())
    var sum = 0.0
    for (row, other) in pairs {
      let sign = gradient.slice(row..<row + 1)
      p.copy(from: student.value.slice(row..<row + 1))
      p.softmaxRows()
      q.copy(from: teacher.slice(other..<other + 1))
      q.softmaxRows()
      order.sort(p)
      teacherOrder.sort(q)
      sum += order.distance(p, to: q, order: teacherOrder, sign: sign)
      sign.softmaxBackwardRows(probabilities: p, scale: Element(weight * share))
    }
    recordLoss { [pool] in student.accumulate(gradient, pool: pool) }
    return share * sum
  }
}
