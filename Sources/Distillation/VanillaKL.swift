import Autograd
import Tensors

/// Vanilla knowledge distillation (Hinton et al. 2015): the student's answer distributions drawn to the teacher's.
///
/// L = (1 - alpha) L_CE + alpha T^2 KL(teacher || student) at temperature T (`objective.kl.temperature`), the mean over
/// the answer tokens of the global batch. Token v of the student must be token v of the teacher, and the answers must
/// stand at the same positions. A record without a label has no answer and adds nothing.
public final class VanillaKL<Element: Scalar>: DistillationMethod {
  public let factors: LossFactors
  public var needs: ObservedStates { .answers }
  private let temperature: Double

  public init(_ configuration: ObjectiveConfiguration) {
    factors = configuration.factors()
    temperature = configuration.kl.temperature
  }

  public func apply(
    student: DistillationStates<Element>, teacher: DistillationStates<Element>, counts: GlobalCounts,
    factors: LossFactors, tape: Tape<Element>
  ) throws -> LossParts {
    var parts = LossParts()
    guard factors[.divergence] > 0 else { return parts }
    parts[.divergence] = 0
    guard let own = student.answers, let target = teacher.answers else { return parts }
    let (vocabulary, other) = (own.logits.value.columns, target.logits.value.columns)
    guard vocabulary == other, own.answers == target.answers else {
      throw UserError(
        .usage,
        "objective.method kl compares token by token, but the student has a vocabulary of \(vocabulary) and answers of "
          + "\(own.answers.lengths) tokens, the teacher \(other) and \(target.answers.lengths)",
        remedy: "give both models one tokenizer, or choose objective.method uld, which needs none in common")
    }
    parts[.divergence] = tape.divergenceLoss(
      student: own.logits, teacher: target.logits.value, temperature: temperature, normaliser: counts.answerTokens,
      weight: factors[.divergence])
    return parts
  }
}

extension Tape {
  /// L = T^2 / N sum over rows of KL(p || q), p = softmax(teacher / T), q = softmax(student / T).
  ///
  /// student, teacher: logits [n, V]. The gradient by the student's logits is weight T / N (q - p). The student's logits
  /// are left as they are: cross-entropy may consume them afterwards.
  /// - Parameters:
  ///   - normaliser: N, the answer tokens of the *global* batch.
  ///   - weight: factor of the gradient, not of the value.
  /// - Returns: this shard's share of the mean.
  /// - Complexity: O(n V); keeps [n, V].
  public func divergenceLoss(
    student: Variable<Element>, teacher: Tensor<Element>, temperature: Double, normaliser: Int, weight: Double
  ) -> Double {
    precondition(student.value.count == teacher.count && student.value.columns == teacher.columns)
    let share = 1 / Double(max(1, normaliser))
    let gradient = pool.tensor(student.shape)
    var sum = 0.0
    for row in 0..<student.value.rows {
      sum += gradient.slice(row..<row + 1).setDivergence(
        student: student.value.slice(row..<row + 1), teacher: teacher.slice(row..<row + 1), scale: 1 / temperature,
        weight: weight * temperature * share)
    }
    recordLoss { [pool] in student.accumulate(gradient, pool: pool) }
    // Equal distributions may come out a rounding error below 0.
    return max(0, temperature * temperature * share * sum)
  }
}
