import CVectorKernels

/// One side of a relation loss: distances of one sequence's tokens and the norms its cosines need.
///
/// distances: [n, n]; norms, inverseNorms (0 for a zero token), normOffsets (norm less the first token's): [n].
public struct RelationSide<Element: Scalar> {
  public let tokens: Tensor<Element>
  public let distances: Tensor<Element>
  public let norms: Tensor<Element>
  public let inverseNorms: Tensor<Element>
  public let normOffsets: Tensor<Element>
  /// Distance below which a pair's gradient is taken from the tokens' difference, per token.
  public let closeDistances: Tensor<Element>
  /// 1 / mean distance; 0 when that is 0.
  public let scale: Double

  public init(
    tokens: Tensor<Element>, distances: Tensor<Element>, norms: Tensor<Element>, inverseNorms: Tensor<Element>,
    normOffsets: Tensor<Element>, closeDistances: Tensor<Element>, scale: Double
  ) {
    let n = tokens.rows
    precondition(distances.count == n * n)
    precondition([norms, inverseNorms, normOffsets, closeDistances].allSatisfy { $0.count == n })
    self.tokens = tokens
    self.distances = distances
    self.norms = norms
    self.inverseNorms = inverseNorms
    self.normOffsets = normOffsets
    self.closeDistances = closeDistances
    self.scale = scale
  }
}

/// Sums over ordered pairs that give the relation losses and the derivative of their normalisers.
public struct RelationSums {
  /// Sum of (dx / mean dx - dy / mean dy)^2.
  public let distance: Double
  /// Sum of (cos x - cos y)^2.
  public let angle: Double
  /// Sums of the difference of scaled distances times dx and times dy.
  public let momentX: Double
  public let momentY: Double
}

/// The loops of the relation loss over one sequence.
public enum RelationLoops<Element: Scalar> {
  /// Norms of the rows of `x`, their inverses and their differences from the first, formed in double.
  public static func norms(
    of x: Tensor<Element>, norms: Tensor<Element>, inverseNorms: Tensor<Element>, normOffsets: Tensor<Element>
  ) {
    precondition([norms, inverseNorms, normOffsets].allSatisfy { $0.count == x.rows })
    Element.lossKernels.relationNorms(x.rows, x.columns, x.base, norms.base, inverseNorms.base, normOffsets.base)
  }

  /// Compares the relations of the two sides.
  public static func compare(_ x: RelationSide<Element>, _ y: RelationSide<Element>) -> RelationSums {
    precondition(x.tokens.rows == y.tokens.rows)
    let sums = Element.lossKernels.relationCompare(
      x.tokens.rows, x.scale, y.scale, x.distances.base, y.distances.base, x.inverseNorms.base,
      y.inverseNorms.base, x.normOffsets.base, y.normOffsets.base)
    return RelationSums(distance: sums.distance, angle: sums.angle, momentX: sums.moment_x, momentY: sums.moment_y)
  }

  /// The distances of both sides become the matrices M of dL/dx_i = sum_j M_ij (x_j - centre) + t_i centre; t goes to
  /// `centreX`, `centreY` [n]; the share of pairs too close for that form is added to `gradientX`, `gradientY` [n, d].
  public static func coefficients(
    _ x: RelationSide<Element>, _ y: RelationSide<Element>, sums: RelationSums, distanceWeight: Double,
    angleWeight: Double, centreX: Tensor<Element>, centreY: Tensor<Element>, gradientX: Tensor<Element>,
    gradientY: Tensor<Element>
  ) {
    let n = x.tokens.rows
    precondition(y.tokens.rows == n && centreX.count == n && centreY.count == n)
    precondition(gradientX.count == x.tokens.count && gradientY.count == y.tokens.count)
    precondition(x.tokens.columns == y.tokens.columns)
    let pairs = Double(max(1, n * (n - 1)))
    var weights = evl_relation_weights(
      distance_weight: distanceWeight, angle_weight: angleWeight, scale_x: x.scale, scale_y: y.scale,
      shift_x: sums.momentX * x.scale / pairs, shift_y: sums.momentY * y.scale / pairs)
    Element.lossKernels.relationCoefficients(
      n, x.tokens.columns, &weights, x.distances.base, y.distances.base, x.norms.base, y.norms.base,
      x.inverseNorms.base, y.inverseNorms.base, x.normOffsets.base, y.normOffsets.base, x.closeDistances.base,
      y.closeDistances.base, x.tokens.base, y.tokens.base, centreX.base, centreY.base, gradientX.base, gradientY.base)
  }
}
