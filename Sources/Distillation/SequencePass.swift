import Autograd
import Tensors

extension DistillationObjective {
  /// Alignment and relations, sequence after sequence, each forward and at once backward, so that what one sequence
  /// needs in between (queries, keys, values, probabilities, distances) is held for one sequence only.
  ///
  /// The maps' gradients are formed here; those of the hidden states are handed to the tape. What enters each sequence
  /// are its valid rows. - Precondition: the arena's `beginBackward` came before, when the tape records.
  func compareSequences(
    student: DistillationStates<Element>, teacher: DistillationStates<Element>, alignment: AlignmentWeights<Element>,
    globalSequences: Int, factors: LossFactors, tape: Tape<Element>
  ) throws -> LossParts {
    let queries = try ValidRows(student.sequences, mask: student.hiddenMask, what: "student")
    let keys = try ValidRows(teacher.sequences, mask: teacher.hiddenMask, what: "teacher")
    let (pool, hidden, target) = (tape.pool, student.hidden, teacher.hidden)
    let studentShare = tape.isRecording && hidden.needsGradient ? pool.zeros(hidden.shape) : nil
    let teacherShare = tape.isRecording && target.needsGradient ? pool.zeros(target.shape) : nil
    if tape.isRecording { alignment.parameters.forEach { $0.openShares() } }
    var parts = LossParts()
    for index in 0..<queries.segments.count {
      let (rows, columns) = (queries.rows(ofSequence: index), keys.rows(ofSequence: index))
      let inner = tape.part()
      let own = Variable(rows.gathered(from: hidden.value, pool: pool), needsGradient: studentShare != nil)
      let other = Variable(columns.gathered(from: target.value, pool: pool), needsGradient: teacherShare != nil)
      let tokens = Segments(lengths: [rows.count])
      let aligned = inner.crossAttention(
        student: own, teacher: other, weights: alignment, heads: heads, queries: tokens,
        keys: Segments(lengths: [columns.count]))
      parts += compare(own, aligned, tokens, sequences: globalSequences, factors: factors, tape: inner)
      inner.backward()
      if let studentShare, let gradient = own.gradient { rows.scatter(gradient, into: studentShare) }
      if let teacherShare, let gradient = other.gradient { columns.scatter(gradient, into: teacherShare) }
    }
    if tape.isRecording { alignment.parameters.forEach { $0.closeShares() } }
    tape.recordLoss {
      if let studentShare { hidden.accumulate(studentShare, pool: pool) }
      if let teacherShare { target.accumulate(teacherShare, pool: pool) }
    }
    return parts
  }
}

/// The rows of one sequence that count, as indices into the rows of all sequences.
struct SequenceRows {
  let indices: ArraySlice<Int>

  var count: Int { indices.count }

  /// The rows as a range where there are no holes between them.
  private var range: Range<Int>? {
    guard let first = indices.first, let last = indices.last, last - first + 1 == count else { return nil }
    return first..<last + 1
  }

  /// The rows of x; without holes they share its memory.
  func gathered<Element: Scalar>(from x: Tensor<Element>, pool: BufferPool<Element>) -> Tensor<Element> {
    if let range { return x.slice(range) }
    let result = pool.tensor([count, x.columns])
    for (row, index) in indices.enumerated() { result.setRow(row, toRow: index, of: x) }
    return result
  }

  /// Overwrites these rows of y.
  func scatter<Element: Scalar>(_ x: Tensor<Element>, into y: Tensor<Element>) {
    if let range { return y.slice(range).copy(from: x) }
    for (row, index) in indices.enumerated() { y.setRow(index, toRow: row, of: x) }
  }
}
