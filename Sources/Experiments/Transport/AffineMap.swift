import Evaluation
import Tensors

/// x W + b, from the student's visual tokens to the teacher's width.
struct AffineMap {
  /// [Dvs, Dv]
  let weight: Tensor<Float>
  /// [Dv]
  let bias: Tensor<Float>

  /// x: [m, Dvs], result: [m, Dv].
  func callAsFunction(_ x: Tensor<Float>) -> Tensor<Float> {
    let y = Tensor<Float>(uninitialised: [x.rows, weight.columns])
    multiply(x.matrix, weight.matrix, into: y.matrix)
    y.addBias(bias)
    return y
  }
}

/// The affine map that, in the least squares, takes each student token to the mean of the teacher tokens of the same place.
///
/// It stands in for Wp and bp where a run has learned none, so that students trained with and without the transport term
/// can be compared through one map that neither of them shaped. The target of student token j is sum_i w_ij t_i, w_ij the
/// share of j's cell, in relative coordinates of the image, that teacher token i's cell covers. Solved are the normal
/// equations (X^T X + r I) [W; b] = X^T Y, X with a column of ones, in double precision; r = 1e-6 of the mean of the
/// diagonal keeps them positive definite.
struct LeastSquaresMap {
  private let widths: (student: Int, teacher: Int)
  private let shares: Tensor<Float>
  /// X^T X [Dvs + 1, Dvs + 1] and X^T Y [Dvs + 1, Dv].
  private let gram: Tensor<Double>
  private let moments: Tensor<Double>

  init(student: TokenGrid, teacher: TokenGrid, studentWidth: Int, teacherWidth: Int) {
    widths = (studentWidth, teacherWidth)
    shares = Self.shares(student: student, teacher: teacher)
    gram = Tensor(zeros: [studentWidth + 1, studentWidth + 1])
    moments = Tensor(zeros: [studentWidth + 1, teacherWidth])
  }

  /// w [m, n]: each row sums to 1.
  static func shares(student: TokenGrid, teacher: TokenGrid) -> Tensor<Float> {
    let scale = teacher.imageSize / student.imageSize
    let sources = teacher.cells
    let result = Tensor<Float>(uninitialised: [student.count, teacher.count])
    for (j, cell) in student.cells.enumerated() {
      let place = cell.scaled(by: scale)
      for (i, source) in sources.enumerated() {
        result[j * teacher.count + i] = Float(place.overlap(with: source) / (place.width * place.height))
      }
    }
    return result
  }

  /// Counts one recording. student: [m, Dvs], teacher: [n, Dv].
  func add(student: Tensor<Float>, teacher: Tensor<Float>) {
    let (rows, width) = (student.rows, widths.student)
    let target = Tensor<Float>(uninitialised: [rows, widths.teacher])
    multiply(shares.matrix, teacher.matrix, into: target.matrix)
    let x = Tensor<Double>(uninitialised: [rows, width + 1])
    for row in 0..<rows {
      for column in 0..<width { x[row * (width + 1) + column] = Double(student[row * width + column]) }
      x[row * (width + 1) + width] = 1
    }
    multiply(x.matrix, x.matrix, transposeA: true, beta: 1, into: gram.matrix)
    multiply(x.matrix, target.converted(to: Double.self).matrix, transposeA: true, beta: 1, into: moments.matrix)
  }

  /// The map of all that was added.
  func solution() -> AffineMap {
    let size = widths.student + 1
    let mean = (0..<size).reduce(0) { $0 + gram[$1 * size + $1] } / Double(size)
    let factor = gram.copy()
    for index in 0..<size { factor[index * size + index] += max(1e-6 * mean, Double.leastNormalMagnitude) }
    Self.factorise(factor.matrix)
    let solved = moments.copy()
    Self.substitute(factor.matrix, into: solved.matrix)
    return AffineMap(
      weight: solved.slice(0..<widths.student).converted(to: Float.self),
      bias: solved.slice(widths.student..<size).reshaped([widths.teacher]).converted(to: Float.self))
  }

  /// Cholesky: overwrites the lower triangle of A with L, A = L L^T. - Complexity: n^3 / 3.
  private static func factorise(_ a: Matrix<Double>) {
    for column in 0..<a.rows {
      for row in column..<a.rows {
        var sum = a[row, column]
        for k in 0..<column { sum -= a[row, k] * a[column, k] }
        a[row, column] = row == column ? sum.squareRoot() : sum / a[column, column]
      }
    }
  }

  /// Solves L L^T X = B in place.
  private static func substitute(_ l: Matrix<Double>, into b: Matrix<Double>) {
    func eliminate(_ row: Int, _ others: Range<Int>, _ factor: (Int) -> Double) {
      for other in others {
        let value = factor(other)
        for column in 0..<b.columns { b[row, column] -= value * b[other, column] }
      }
      for column in 0..<b.columns { b[row, column] /= l[row, row] }
    }
    for row in 0..<b.rows { eliminate(row, 0..<row) { l[row, $0] } }
    for row in (0..<b.rows).reversed() { eliminate(row, row + 1..<b.rows) { l[$0, row] } }
  }
}
