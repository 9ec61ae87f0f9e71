import Tensors

/// Cross-attention between the image tokens of two models, read as a transport plan.
///
/// A = mean over heads of softmax((H_s Wq_i)(H_t Wk_i)^T / sqrt(dk)), the attention of the alignment term (EVL-ECG,
/// arXiv 2605.29977, "MHCA", which reads it as an entropic plan with one free marginal). Of A are kept the rows of the
/// student's image tokens and the columns of the teacher's; each kept row is scaled to 1 / r, of the r rows with any
/// attention on the image: all m of them, unless it underflows. So the student's marginal is uniform over these as in the
/// transport plan, the teacher's is free, and the mass is 1.
public struct AttentionPlan<Element: Scalar> {
  /// [n teacher image tokens, m student image tokens].
  public let plan: Tensor<Element>
  /// Share of the student image tokens' attention that falls on image tokens of the teacher; the rest reads its text.
  public let imageShare: Double

  /// - Parameters:
  ///   - student: H_s [Ls, Ds].
  ///   - teacher: H_t [Lt, Dt], without padding.
  ///   - query: Wq [Ds, heads dk].
  ///   - key: Wk [Dt, heads dk].
  ///   - studentRows: rows of the student's image tokens, m of them.
  ///   - teacherRows: rows of the teacher's image tokens, n of them.
  /// - Complexity: 2 (m Ds + Lt Dt + m Lt) heads dk.
  public init(
    student: Tensor<Element>, teacher: Tensor<Element>, query: Tensor<Element>, key: Tensor<Element>, heads: Int,
    studentRows: [Int], teacherRows: [Int]
  ) {
    precondition(heads > 0 && query.columns == key.columns && query.columns % heads == 0, "\(heads) heads")
    let chosen = Tensor<Element>(uninitialised: [studentRows.count, student.columns])
    for (row, source) in studentRows.enumerated() { chosen.setRow(row, toRow: source, of: student) }
    let q = Tensor<Element>(uninitialised: [studentRows.count, query.columns])
    multiply(chosen.matrix, query.matrix, into: q.matrix)
    let k = Tensor<Element>(uninitialised: [teacher.rows, key.columns])
    multiply(teacher.matrix, key.matrix, into: k.matrix)
    let width = query.columns / heads
    let attention = Tensor<Element>(zeros: [studentRows.count, teacher.rows])
    let scores = Tensor<Element>(uninitialised: attention.shape)
    for head in 0..<heads {
      let columns = head * width..<(head + 1) * width
      multiply(q.matrix.columns(columns), k.matrix.columns(columns), transposeB: true, into: scores.matrix)
      scores.softmaxRows(scale: 1 / Element(width).squareRoot())
      attention.add(scores, times: 1 / Element(heads))
    }
    self.init(attention: attention, teacherRows: teacherRows)
  }

  /// - Parameter attention: A of the student's image tokens, [m, Lt], rows of sum 1.
  init(attention: Tensor<Element>, teacherRows: [Int]) {
    let (m, n) = (attention.rows, teacherRows.count)
    let sums = (0..<m).map { row in teacherRows.reduce(0.0) { $0 + Double(attention.matrix[row, $1]) } }
    // A row whose image tokens all underflow says nothing of them; the others share the mass.
    let rows = sums.count { $0 > 0 }
    plan = Tensor(zeros: [n, m])
    for (student, sum) in sums.enumerated() where sum > 0 {
      for (teacher, row) in teacherRows.enumerated() {
        plan[teacher * m + student] = Element(Double(attention.matrix[student, row]) / (sum * Double(rows)))
      }
    }
    imageShare = m > 0 ? sums.reduce(0, +) / Double(m) : 0
  }
}
