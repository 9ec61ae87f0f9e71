import Tensors

extension Tape {
  /// Attention scores before the softmax, the mean over heads: S = 1/heads sum_h Q_h K_h^T / sqrt(width), sequence by
  /// sequence, with keys grouped as in `attention`.
  ///
  /// q: [rows of `sequences`, heads * width], k: [rows of `sequences`, keyValueHeads * width], result: the sequences'
  /// [L, L] maps one after another, as [sum of L^2, 1]. Entries that a causal mask hides are formed like the others.
  /// - Complexity: 2 heads width L^2 a sequence, twice that backward.
  public func meanAttentionScores(
    _ q: Variable<Element>, _ k: Variable<Element>, heads: Int, keyValueHeads: Int, sequences: Segments
  ) -> Variable<Element> {
    let width = q.value.columns / heads
    precondition(heads % keyValueHeads == 0 && k.value.columns == keyValueHeads * width)
    precondition(sequences.total == q.value.rows && k.value.rows == q.value.rows)
    let maps = Segments(lengths: sequences.lengths.map { $0 * $0 })
    let scale = 1 / (Element(heads) * Element(width).squareRoot())
    func map(_ all: Tensor<Element>, _ index: Int) -> Matrix<Element> {
      all.slice(maps[index]).reshaped([sequences[index].count, sequences[index].count]).matrix
    }
    func head(_ x: Tensor<Element>, _ index: Int, _ head: Int) -> Matrix<Element> {
      x.matrix.rows(sequences[index]).columns(head * width..<(head + 1) * width)
    }
    let group = heads / keyValueHeads
    let scores = pool.tensor([maps.total, 1])
    for index in 0..<sequences.count {
      for h in 0..<heads {
        multiply(
          head(q.value, index, h), head(k.value, index, h / group), transposeB: true, alpha: scale,
          beta: h == 0 ? 0 : 1, into: map(scores, index))
      }
    }
    return result(scores, needsGradient: q.needsGradient || k.needsGradient) { [pool] dScores in
      let dq = pool.zeros(q.shape)
      let dk = pool.zeros(k.shape)
      for index in 0..<sequences.count {
        let share = map(dScores, index)
        for h in 0..<heads {
          multiply(share, head(k.value, index, h / group), alpha: scale, into: head(dq, index, h))
          multiply(
            share, head(q.value, index, h), transposeA: true, alpha: scale, beta: 1, into: head(dk, index, h / group))
        }
      }
      q.accumulate(dq, pool: pool)
      k.accumulate(dk, pool: pool)
    }
  }
}
