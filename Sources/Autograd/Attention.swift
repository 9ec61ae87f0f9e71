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
  ///
  /// Probabilities are kept for backward where they are few; otherwise they are formed block of query rows by block,
  /// forward and again backward, so that no large [queries, keys] matrix exists (as in Dao et al. 2022).
  /// - Parameter keptScores: queries times keys of a sequence up to which probabilities are kept.
  /// - Complexity: 4 heads width times the sum over sequences of queries * keys, twice that backward, half as much
  ///   again where probabilities are formed anew.
  public func attention(
    _ q: Variable<Element>, _ k: Variable<Element>, _ v: Variable<Element>, heads: Int, keyValueHeads: Int,
    queries: Segments, keys: Segments, mask: AttentionMask, keptScores: Int = 1 << 14
  ) -> Variable<Element> {
    let shape = AttentionShape(
      q: q.value, k: k.value, v: v.value, heads: heads, keyValueHeads: keyValueHeads, keptScores: keptScores,
      products: products)
    precondition(queries.count == keys.count && queries.total == q.value.rows && keys.total == k.value.rows)
    let output = pool.tensor([queries.total, heads * shape.valueWidth])
    func sequence(_ index: Int) -> AttentionSequence<Element> {
      AttentionSequence(
        q: q.operand(products).rows(queries[index]), k: k.operand(products).rows(keys[index]),
        v: v.operand(products).rows(keys[index]), visible: mask.keys.map { Array($0[keys[index]]) },
        causal: mask.causal, branches: mask.branches?[index] ?? [])
    }
    var kept: [Tensor<Element>?] = []
    for index in 0..<queries.count {
      let sequence = sequence(index)
      let probabilities =
        isRecording && sequence.scores <= keptScores
        ? pool.tensor([heads, sequence.q.rows, sequence.k.rows]) : nil
      shape.forward(sequence, kept: probabilities, output: output.matrix.rows(queries[index]), pool: pool)
      kept.append(probabilities)
    }
    let needsGradient = q.needsGradient || k.needsGradient || v.needsGradient
    return result(output, needsGradient: needsGradient) { [pool, products] dOutput in
      let dq = pool.tensor(q.shape)
      let dk = pool.tensor(k.shape)
      let dv = pool.tensor(v.shape)
      let share = products.prepared(dOutput.matrix)
      for index in 0..<queries.count {
        shape.backward(
          sequence(index), kept: kept[index], dOutput: share.rows(queries[index]), dq: dq.matrix.rows(queries[index]),
          dk: dk.matrix.rows(keys[index]), dv: dv.matrix.rows(keys[index]), pool: pool)
      }
      q.accumulate(dq, pool: pool)
      k.accumulate(dk, pool: pool)
      v.accumulate(dv, pool: pool)
    }
  }
}

/// One sequence's rows of queries, keys and values, and what its queries may see.
private struct AttentionSequence<Element: Scalar> {
  let q: Operand<Element>
  let k: Operand<Element>
  let v: Operand<Element>
  let visible: [UInt8]?
  let causal: Bool
  let branches: [Range<Int>]

  /// Scores of one head.
  var scores: Int { q.rows * k.rows }
}

/// The widths of one attention and its arithmetic on one sequence.
private struct AttentionShape<Element: Scalar> {
  let heads: Int
  let group: Int
  let width: Int
  let valueWidth: Int
  let keptScores: Int
  let products: MixedProducts<Element>
  var scale: Element { 1 / Element(width).squareRoot() }

  /// About as many scores as a block has where they are not kept: half a megabyte in single precision.
  static var blockScores: Int { 1 << 17 }

  init(
    q: Tensor<Element>, k: Tensor<Element>, v: Tensor<Element>, heads: Int, keyValueHeads: Int, keptScores: Int,
    products: MixedProducts<Element>
  ) {
    precondition(heads % keyValueHeads == 0 && q.columns % heads == 0, "\(heads) heads, \(keyValueHeads) for keys")
    self.heads = heads
    self.keptScores = keptScores
    self.products = products
    group = heads / keyValueHeads
    width = q.columns / heads
    valueWidth = v.columns / keyValueHeads
    precondition(k.columns == keyValueHeads * width && v.rows == k.rows, "keys \(k.shape), values \(v.shape)")
  }

  private func queryColumns(_ head: Int) -> Range<Int> { head * width..<(head + 1) * width }
  private func keyColumns(_ head: Int) -> Range<Int> { head / group * width..<(head / group + 1) * width }
  private func valueColumns(_ head: Int) -> Range<Int> { head / group * valueWidth..<(head / group + 1) * valueWidth }
  private func outputColumns(_ head: Int) -> Range<Int> { head * valueWidth..<(head + 1) * valueWidth }

  /// Query rows computed together: all of them where the probabilities are kept.
  private func blocks(_ sequence: AttentionSequence<Element>) -> [Range<Int>] {
    let rows = sequence.q.rows
    guard sequence.scores > keptScores else { return [0..<rows] }
    let step = max(16, Self.blockScores / sequence.k.rows)
    return stride(from: 0, to: rows, by: step).map { $0..<min($0 + step, rows) }
  }

  /// softmax(Q K^T / sqrt(width)) of one head's query rows, [rows, keys].
  private func setProbabilities(
    _ p: Tensor<Element>, of sequence: AttentionSequence<Element>, head: Int, rows: Range<Int>
  ) {
    let keys = sequence.k.rows
    products(
      sequence.q.rows(rows).columns(queryColumns(head)), sequence.k.columns(keyColumns(head)), transposeB: true,
      into: p.matrix)
    for branch in sequence.branches.dropFirst() {
      let hidden = sequence.branches[0].lowerBound..<branch.lowerBound
      let common = branch.clamped(to: rows)
      p.matrix.rows(common.lowerBound - rows.lowerBound..<common.upperBound - rows.lowerBound).columns(hidden)
        .fill(-.infinity)
    }
    products.shareRows(of: p) { part in
      p.slice(part).softmaxRows(
        scale: scale, mask: sequence.visible, causal: sequence.causal,
        shift: sequence.causal ? keys - sequence.q.rows + rows.lowerBound + part.lowerBound : 0)
    }
  }

  /// - Parameter kept: receives the probabilities [heads, queries, keys]; nil where none are kept.
  func forward(
    _ sequence: AttentionSequence<Element>, kept: Tensor<Element>?, output: Matrix<Element>, pool: BufferPool<Element>
  ) {
    let blocks = blocks(sequence)
    // Threads that take heads of their own need scratch of their own; one that rounds its operands uses the pool, which is
    // one thread's.
    let byHeads = kept == nil && products.hasTeam && products.precision == .f32
    let memory = kept ?? pool.tensor([byHeads ? heads : 1, blocks[0].count, sequence.k.rows])
    let body = { (heads: Range<Int>) in
      for head in heads {
        for rows in blocks {
          let p = place(memory, head: byHeads ? heads.lowerBound : head, rows: rows)
          setProbabilities(p, of: sequence, head: head, rows: rows)
          products(
            .exact(p.matrix), sequence.v.columns(valueColumns(head)),
            into: output.rows(rows).columns(outputColumns(head)))
        }
      }
    }
    if byHeads { products.share(heads, body) } else { body(0..<heads) }
  }

  /// Where a head's probabilities of a block of rows lie: among the kept ones, or in scratch that all share.
  private func place(_ memory: Tensor<Element>, head: Int, rows: Range<Int>) -> Tensor<Element> {
    let head = memory.shape[0] == 1 ? 0 : head
    return memory.slice(head..<head + 1).reshaped(Array(memory.shape.dropFirst())).slice(0..<rows.count)
  }

  /// Overwrites dq, dk and dv: dV = P^T dO, dS = P (dO V^T - rowsum), dQ = dS K, dK = dS^T Q.
  func backward(
    _ sequence: AttentionSequence<Element>, kept: Tensor<Element>?, dOutput: Operand<Element>, dq: Matrix<Element>,
    dk: Matrix<Element>, dv: Matrix<Element>, pool: BufferPool<Element>
  ) {
    let blocks = blocks(sequence)
    let memory = kept ?? pool.tensor([1, blocks[0].count, sequence.k.rows])
    let dScores = pool.tensor([blocks[0].count, sequence.k.rows])
    for head in 0..<heads {
      for rows in blocks {
        // The heads and blocks that read one key-value head add up; the first of them overwrites.
        let beta: Element = head % group == 0 && rows.lowerBound == 0 ? 0 : 1
        let p = place(memory, head: head, rows: rows)
        if kept == nil { setProbabilities(p, of: sequence, head: head, rows: rows) }
        let share = dOutput.rows(rows).columns(outputColumns(head))
        products(.exact(p.matrix), share, transposeA: true, beta: beta, into: dv.columns(valueColumns(head)))
        let ds = dScores.slice(0..<rows.count)
        products(share, sequence.v.columns(valueColumns(head)), transposeB: true, into: ds.matrix)
        ds.softmaxBackwardRows(probabilities: p, scale: scale)
        let dsOperand = products.prepared(ds.matrix)
        products(dsOperand, sequence.k.columns(keyColumns(head)), into: dq.rows(rows).columns(queryColumns(head)))
        products(
          dsOperand, sequence.q.rows(rows).columns(queryColumns(head)), transposeA: true, beta: beta,
          into: dk.columns(keyColumns(head)))
      }
    }
  }
}
