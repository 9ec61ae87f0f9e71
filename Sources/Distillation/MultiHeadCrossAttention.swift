import Autograd
import Tensors

/// The trainable maps of the alignment; W is [in, out], head i owns columns i dk ..< (i+1) dk.
public struct AlignmentWeights<Element: Scalar> {
  /// Wq: [Ds, heads dk]
  public let query: Parameter<Element>
  /// Wk: [Dt, heads dk]
  public let key: Parameter<Element>
  /// Wv: [Dt, heads dv]
  public let value: Parameter<Element>
  /// Wo: [heads dv, Ds]
  public let output: Parameter<Element>

  public init(
    query: Parameter<Element>, key: Parameter<Element>, value: Parameter<Element>, output: Parameter<Element>
  ) {
    self.query = query
    self.key = key
    self.value = value
    self.output = output
  }

  var parameters: [Parameter<Element>] { [query, key, value, output] }
}

extension Tape {
  /// The teacher's states read by the student's queries:
  /// head_i = softmax((H_s Wq_i)(H_t Wk_i)^T / sqrt(dk)) (H_t Wv_i), Hhat = concat(head_1 .. head_h) Wo, without biases.
  ///
  /// student: H_s [rows of `queries`, Ds], teacher: H_t [rows of `keys`, Dt], result: Hhat [rows of `queries`, Ds].
  /// Rows of the teacher that are padding must not be among `keys`. The derivative by H_t is formed only when it is
  /// wanted. Source: EVL-ECG (arXiv 2605.29977), losses.md "MHCA".
  /// - Complexity: products 2 Ls Ds (h dk + h dv) + 2 Lt Dt (h dk + h dv) + 2 Ls Lt h (dk + dv) a sequence; backward
  ///   twice.
  public func crossAttention(
    student: Variable<Element>, teacher: Variable<Element>, weights: AlignmentWeights<Element>, heads: Int,
    queries: Segments, keys: Segments
  ) -> Variable<Element> {
    let q = linear(student, weights.query, layout: .inputByOutput)
    let k = linear(teacher, weights.key, layout: .inputByOutput)
    let v = linear(teacher, weights.value, layout: .inputByOutput)
    // Backward follows at once (`compareSequences`), so that probabilities are held for one sequence only.
    let attended = attention(
      q, k, v, heads: heads, keyValueHeads: heads, queries: queries, keys: keys, mask: AttentionMask(causal: false),
      keptScores: 1 << 20)
    return linear(attended, weights.output, layout: .inputByOutput)
  }

  /// L_mhca = 1/B sum_b 1/n_b sum over tokens of |H_s - Hhat|^2; gradients 2 (H_s - Hhat) / (n_b B) and its negative.
  ///
  /// student, aligned: [rows of `tokens`, Ds], valid tokens only; n_b is the length of sequence b.
  /// - Parameters:
  ///   - sequences: B, the sequences of the global batch.
  ///   - weight: factor of the gradient, not of the value.
  /// - Returns: this shard's share of the mean.
  public func alignmentLoss(
    student: Variable<Element>, aligned: Variable<Element>, tokens: Segments, sequences: Int, weight: Double
  ) -> Double {
    precondition(student.value.rows == tokens.total && aligned.value.count == student.value.count)
    let residual = pool.tensor(student.shape)
    residual.copy(from: student.value)
    residual.add(aligned.value, times: -1)
    var sum = 0.0
    for index in 0..<tokens.count where !tokens[index].isEmpty {
      sum += residual.slice(tokens[index]).sumOfSquares / Double(tokens[index].count)
    }
    recordLoss { [pool] in
      for index in 0..<tokens.count where !tokens[index].isEmpty {
        residual.slice(tokens[index]).scale(
          by: Element(2 * weight / (Double(tokens[index].count) * Double(sequences))))
      }
      if aligned.needsGradient {
        let negative = pool.zeros(residual.shape)
        negative.add(residual, times: -1)
        aligned.accumulate(negative, pool: pool)
      }
      student.accumulate(residual, pool: pool)
    }
    return sum / Double(sequences)
  }
}
