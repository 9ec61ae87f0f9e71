import Tensors

/// What attention may see, apart from the sequence it belongs to.
public struct AttentionMask: Sendable {
  /// Query i of m sees keys 0 ... i + (n - m) of n: causal, with the queries at the end.
  public var causal: Bool
  /// One byte per key row, 0 = hidden; nil = all visible.
  public var keys: [UInt8]?
  /// Per sequence, rows that go on from a common beginning without seeing each other: several questions about one image
  /// share its rows. Consecutive, up to the sequence's end; empty = none.
  public var branches: [[Range<Int>]]?

  public init(causal: Bool, keys: [UInt8]? = nil, branches: [[Range<Int>]]? = nil) {
    self.causal = causal
    self.keys = keys
    self.branches = branches
  }
}

extension Tape {
  /// Multi-head attention within sequences: head_i = softmax(Q_i K_i^T / sqrt(width)) V_i (Vaswani et al. 2017), with
  /// grouped keys and values: query head h reads key-value head h / (heads / keyValueHeads) (Ainslie et al. 2023).
  ///
  /// q: [rows of queries, heads * width], k, v: [rows of keys, keyValueHeads * width (v: its own width)],
  /// result: [rows of queries, heads * width of v]. Sequence i of the queries attends to sequence i of the keys.
  /// - Complexity: 4 heads width times the sum over sequences of queries * keys; keeps the probabilities for backward.
  public func attention(
    _ q: Variable<Element>, _ k: Variable<Element>, _ v: Variable<Element>, heads: Int, keyValueHeads: Int,
    queries: Segments, keys: Segments, mask: AttentionMask
  ) -> Variable<Element> {
    let shape = AttentionShape(q: q.value, k: k.value, v: v.value, heads: heads, keyValueHeads: keyValueHeads)
    precondition(queries.count == keys.count && queries.total == q.value.rows && keys.total == k.value.rows)
    let output = pool.tensor([queries.total, heads * shape.valueWidth])
    var kept: [Tensor<Element>] = []
    for index in 0..<queries.count {
      let probabilities = pool.tensor([heads, queries[index].count, keys[index].count])
      shape.forward(
        q.value.matrix.rows(queries[index]), k.value.matrix.rows(keys[index]), v.value.matrix.rows(keys[index]),
        mask: mask, sequence: index, keyRows: keys[index], probabilities: probabilities,
        output: output.matrix.rows(queries[index]))
      if isRecording { kept.append(probabilities) }
    }
    let needsGradient = q.needsGradient || k.needsGradient || v.needsGradient
    return result(output, needsGradient: needsGradient) { [pool] dOutput in
      let dq = pool.tensor(q.shape)
      let dk = pool.tensor(k.shape)
      let dv = pool.tensor(v.shape)
      for index in 0..<queries.count {
        shape.backward(
          q.value.matrix.rows(queries[index]), k.value.matrix.rows(keys[index]), v.value.matrix.rows(keys[index]),
          probabilities: kept[index], dOutput: dOutput.matrix.rows(queries[index]),
          dq: dq.matrix.rows(queries[index]), dk: dk.matrix.rows(keys[index]), dv: dv.matrix.rows(keys[index]),
          scratch: pool.tensor([queries[index].count, keys[index].count]))
      }
      q.accumulate(dq, pool: pool)
      k.accumulate(dk, pool: pool)
      v.accumulate(dv, pool: pool)
    }
  }
}

/// The widths of one attention and its arithmetic on one sequence.
private struct AttentionShape<Element: Scalar> {
  let heads: Int
  let group: Int
  let width: Int
  let valueWidth: Int
  var scale: Element { 1 / Element(width).squareRoot() }

  init(q: Tensor<Element>, k: Tensor<Element>, v: Tensor<Element>, heads: Int, keyValueHeads: Int) {
    precondition(heads % keyValueHeads == 0 && q.columns % heads == 0, "\(heads) heads, \(keyValueHeads) for keys")
    self.heads = heads
    group = heads / keyValueHeads
    width = q.columns / heads
    valueWidth = v.columns / keyValueHeads
    precondition(k.columns == keyValueHeads * width && v.rows == k.rows, "keys \(k.shape), values \(v.shape)")
  }

  private func queryColumns(_ head: Int) -> Range<Int> { head * width..<(head + 1) * width }
  private func keyColumns(_ head: Int) -> Range<Int> { head / group * width..<(head / group + 1) * width }
  private func valueColumns(_ head: Int) -> Range<Int> { head / group * valueWidth..<(head / group + 1) * valueWidth }
  private func outputColumns(_ head: Int) -> Range<Int> { head * valueWidth..<(head + 1) * valueWidth }

  func forward(
    _ q: Matrix<Element>, _ k: Matrix<Element>, _ v: Matrix<Element>, mask: AttentionMask, sequence: Int,
    keyRows: Range<Int>, probabilities: Tensor<Element>, output: Matrix<Element>
  ) {
    let visible = mask.keys.map { Array($0[keyRows]) }
    let branches = mask.branches?[sequence] ?? []
    for head in 0..<heads {
      let p = probabilities.slice(head..<head + 1).reshaped([q.rows, k.rows])
      multiply(q.columns(queryColumns(head)), k.columns(keyColumns(head)), transposeB: true, into: p.matrix)
      for branch in branches.dropFirst() {
        p.matrix.rows(branch).columns(branches[0].lowerBound..<branch.lowerBound).fill(-.infinity)
      }
      p.softmaxRows(scale: scale, mask: visible, causal: mask.causal, shift: mask.causal ? k.rows - q.rows : 0)
      multiply(p.matrix, v.columns(valueColumns(head)), into: output.columns(outputColumns(head)))
    }
  }

  /// Overwrites dq, dk and dv: dV = P^T dO, dS = P (dO V^T - rowsum), dQ = dS K, dK = dS^T Q.
  func backward(
    _ q: Matrix<Element>, _ k: Matrix<Element>, _ v: Matrix<Element>, probabilities: Tensor<Element>,
    dOutput: Matrix<Element>, dq: Matrix<Element>, dk: Matrix<Element>, dv: Matrix<Element>, scratch: Tensor<Element>
  ) {
    for head in 0..<heads {
      // The heads that read one key-value head add up; the first of them overwrites.
      let beta: Element = head % group == 0 ? 0 : 1
      let p = probabilities.slice(head..<head + 1).reshaped([q.rows, k.rows])
      let share = dOutput.columns(outputColumns(head))
      multiply(p.matrix, share, transposeA: true, beta: beta, into: dv.columns(valueColumns(head)))
      multiply(share, v.columns(valueColumns(head)), transposeB: true, into: scratch.matrix)
      scratch.softmaxBackwardRows(probabilities: p, scale: scale)
      multiply(scratch.matrix, k.columns(keyColumns(head)), into: dq.columns(queryColumns(head)))
      multiply(
        scratch.matrix, q.columns(queryColumns(head)), transposeA: true, beta: beta, into: dk.columns(keyColumns(head)))
    }
  }
}
