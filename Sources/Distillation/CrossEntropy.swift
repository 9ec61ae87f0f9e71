import Autograd
import Tensors

extension Tape {
  /// Cross-entropy of rows of logits: L = 1/N sum over rows of (log sum_v e^(z_v) - z_label).
  ///
  /// logits: [n, V] of the tokens that predict an answer token, labels: [n], the token each predicts (already shifted);
  /// a negative label (-100) is ignored. The logits' memory becomes their gradient, weight / N (softmax(z) - onehot):
  /// nothing may read them afterwards.
  /// - Parameters:
  ///   - normaliser: N, the answer tokens of the *global* batch.
  ///   - weight: factor of the gradient, not of the value.
  /// - Returns: this shard's share of the mean.
  /// - Throws: `UserError` when a label is outside the vocabulary.
  /// - Complexity: O(n V), in place.
  public func crossEntropy(
    _ logits: Variable<Element>, labels: [Int], normaliser: Int, weight: Double
  ) throws -> Double {
    let rows = logits.value.reshaped([logits.value.rows, logits.value.columns])
    precondition(labels.count == rows.rows, "\(labels.count) labels for \(rows.rows) rows of logits")
    if let wrong = labels.first(where: { $0 >= rows.columns }) {
      throw UserError(
        .badInput, "label \(wrong) lies outside the vocabulary of \(rows.columns)",
        remedy: "use the tokenizer that belongs to the student")
    }
    let share = weight / Double(max(1, normaliser))
    var sum = 0.0
    for (row, label) in labels.enumerated() {
      if label < 0 {
        rows.slice(row..<row + 1).fill(0)
      } else {
        sum += rows.crossEntropyRow(row, label: label, weight: Element(share))
      }
    }
    recordLoss { [pool] in logits.accumulate(rows, pool: pool) }
    return sum / Double(max(1, normaliser))
  }
}
