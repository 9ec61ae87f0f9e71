import Autograd
import Tensors

/// Values of the two relation losses.
public struct RelationLoss: Sendable, Equatable {
  /// L_D: distances divided by their mean.
  public var distance = 0.0
  /// L_A: cosines.
  public var angle = 0.0
}

extension Tape {
  /// Geometric relations between the tokens of a sequence: psi_D_ij = |h_i - h_j| / mean over pairs of different tokens,
  /// psi_A_ij = cos(h_i, h_j); L_k = 1/B sum_b 1/n_b^2 sum_ij (psi_k(Hhat)_ij - psi_k(H_s)_ij)^2.
  ///
  /// aligned: Hhat, student: H_s, both [rows of `tokens`, D], valid tokens only. Derivative of the distance at 0 is 0; one
  /// token or mean distance 0 gives psi_D = 0; a token of norm <= 1e-12 has no direction (cosine 0, gradient 0).
  ///
  /// Distances come from one product of the centred rows; pairs that would cancel are subtracted directly, and cosines
  /// are compared through 1 - cos = (d^2 - (|i| - |j|)^2) / (2 |i| |j|), so near-identical tokens keep their digits in
  /// single precision. Where the two sides' relations hardly differ, so that single precision would keep few digits of
  /// the difference, the sequence is computed in double. Backward is one product with an [n, n] matrix for each side.
  /// Source: EVL-ECG (arXiv 2605.29977), losses.md "Geometric relations"; Park et al. 2019 (relational distillation).
  /// - Complexity: 4 n^2 D forward and 4 n^2 D backward a sequence; keeps two [n, n] matrices.
  /// - Parameters:
  ///   - sequences: B, the sequences of the global batch.
  ///   - distanceWeight, angleWeight: factors of the gradients of L_D and L_A, not of the values.
  public func relationLoss(
    aligned: Variable<Element>, student: Variable<Element>, tokens: Segments, sequences: Int, distanceWeight: Double,
    angleWeight: Double
  ) -> RelationLoss {
    precondition(aligned.value.rows == tokens.total && student.value.count == aligned.value.count)
    var loss = RelationLoss()
    var parts: [any RelationPart<Element>] = []
    for index in 0..<tokens.count where !tokens[index].isEmpty {
      let (x, y) = (aligned.value.slice(tokens[index]), student.value.slice(tokens[index]))
      var part: any RelationPart<Element> = SequenceRelation(x: x, y: y, rows: tokens[index], pool: pool)
      if part.isLostInRounding { part = WidenedRelation(x: x, y: y, rows: tokens[index], pool: pool) }
      loss.distance += part.sums.distance / part.pairs / Double(sequences)
      loss.angle += part.sums.angle / part.pairs / Double(sequences)
      if isRecording { parts.append(part) }
    }
    recordLoss { [pool] in
      let alignedShare = pool.zeros(aligned.shape)
      let studentShare = pool.zeros(student.shape)
      for part in parts {
        part.backward(
          distanceWeight: distanceWeight / Double(sequences), angleWeight: angleWeight / Double(sequences),
          x: alignedShare.slice(part.rows), y: studentShare.slice(part.rows), pool: pool)
      }
      parts = []
      aligned.accumulate(alignedShare, pool: pool)
      student.accumulate(studentShare, pool: pool)
    }
    return loss
  }
}

/// One sequence's relations and their gradient.
private protocol RelationPart<Element> {
  associatedtype Element: Scalar

  var sums: RelationSums { get }
  /// The sequence's tokens among all rows.
  var rows: Range<Int> { get }

  /// Adds dL/dx and dL/dy [n, d].
  func backward(
    distanceWeight: Double, angleWeight: Double, x xShare: Tensor<Element>, y yShare: Tensor<Element>,
    pool: BufferPool<Element>)
}

extension RelationPart {
  /// n^2, the ordered pairs the loss is the mean of.
  var pairs: Double { Double(rows.count * rows.count) }

  /// Whether a mean square of differences is so small that rounding of the relations, about 1e-7, shows in its fifth
  /// digit.
  var isLostInRounding: Bool {
    let smallest = min(sums.distance, sums.angle) / pairs
    return MemoryLayout<Element>.size == 4 && smallest < 1e-4 && max(sums.distance, sums.angle) > 0
  }
}

/// Relations of single-precision tokens in double.
private struct WidenedRelation<Element: Scalar>: RelationPart {
  private let part: SequenceRelation<Double>
  private let pool: BufferPool<Double>

  var sums: RelationSums { part.sums }
  var rows: Range<Int> { part.rows }

  init(x: Tensor<Element>, y: Tensor<Element>, rows: Range<Int>, pool: BufferPool<Element>) {
    let wide = BufferPool<Double>(sharing: pool)
    func widened(_ narrow: Tensor<Element>) -> Tensor<Double> {
      let result = wide.tensor(narrow.shape)
      result.setWidened(narrow)
      return result
    }
    self.pool = wide
    part = SequenceRelation(x: widened(x), y: widened(y), rows: rows, pool: wide)
  }

  func backward(
    distanceWeight: Double, angleWeight: Double, x xShare: Tensor<Element>, y yShare: Tensor<Element>,
    pool: BufferPool<Element>
  ) {
    let (x, y) = (self.pool.zeros(xShare.shape), self.pool.zeros(yShare.shape))
    part.backward(distanceWeight: distanceWeight, angleWeight: angleWeight, x: x, y: y, pool: self.pool)
    for (wide, share) in [(x, xShare), (y, yShare)] {
      let narrowed = pool.tensor(share.shape)
      narrowed.setNarrowed(wide)
      share.add(narrowed)
    }
  }
}

/// Both sides' relations within one sequence of n tokens.
private struct SequenceRelation<Element: Scalar>: RelationPart {
  let x: RelationSide<Element>
  let y: RelationSide<Element>
  let sums: RelationSums
  let rows: Range<Int>

  init(x: Tensor<Element>, y: Tensor<Element>, rows: Range<Int>, pool: BufferPool<Element>) {
    self.rows = rows
    self.x = Self.side(x, pool: pool)
    self.y = Self.side(y, pool: pool)
    sums = RelationLoops.compare(self.x, self.y)
  }

  private static func side(_ tokens: Tensor<Element>, pool: BufferPool<Element>) -> RelationSide<Element> {
    let n = tokens.rows
    let (centred, _) = Self.centred(tokens, pool: pool)
    let squares = pool.tensor([n])
    squares.setRowSquares(of: centred)
    let distances = pool.tensor([n, n])
    multiply(centred.matrix, centred.matrix, transposeB: true, into: distances.matrix)
    _ = distances.setSquaredDistances(tokens, tokens, xSquares: squares, ySquares: squares)
    let total = distances.takeSquareRoots()
    let norms = pool.tensor([3, n])
    let views = (0..<3).map { norms.slice($0..<$0 + 1).reshaped([n]) }
    RelationLoops.norms(of: tokens, norms: views[0], inverseNorms: views[1], normOffsets: views[2])
    // The product form of the gradient loses |x| / d units; below a hundredth the difference is taken directly.
    _ = squares.takeSquareRoots()
    squares.scale(by: 0.01)
    let mean = n > 1 ? total / Double(n * (n - 1)) : 0
    return RelationSide(
      tokens: tokens, distances: distances, norms: views[0], inverseNorms: views[1], normOffsets: views[2],
      closeDistances: squares, scale: mean > 0 ? 1 / mean : 0)
  }

  private static func centred(
    _ tokens: Tensor<Element>, pool: BufferPool<Element>
  ) -> (rows: Tensor<Element>, centre: Tensor<Element>) {
    let centre = pool.tensor([tokens.columns])
    centre.setRowMean(of: tokens)
    let rows = pool.tensor(tokens.shape)
    rows.setCentred(tokens, centre: centre)
    return (rows, centre)
  }

  /// Adds dL/dx and dL/dy: M x' + t centre. The kept distances are used up.
  func backward(
    distanceWeight: Double, angleWeight: Double, x xShare: Tensor<Element>, y yShare: Tensor<Element>,
    pool: BufferPool<Element>
  ) {
    let n = rows.count
    let (centreX, centreY) = (pool.tensor([n]), pool.tensor([n]))
    RelationLoops.coefficients(
      x, y, sums: sums, distanceWeight: distanceWeight / pairs, angleWeight: angleWeight / pairs, centreX: centreX,
      centreY: centreY, gradientX: xShare, gradientY: yShare)
    for (side, factors, share) in [(x, centreX, xShare), (y, centreY, yShare)] {
      let (centred, centre) = Self.centred(side.tokens, pool: pool)
      multiply(side.distances.matrix, centred.matrix, beta: 1, into: share.matrix)
      multiply(
        factors.reshaped([n, 1]).matrix, centre.reshaped([1, centre.count]).matrix, beta: 1, into: share.matrix)
    }
  }
}
