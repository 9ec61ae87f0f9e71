/// Factors of the terms: L = (1 - alpha) L_CE + alpha (alignment L_mhca + relation L_rel + transport L_ot).
public struct LossWeights: Codable, Sendable, Equatable {
  public var alpha: Double
  /// lambda_m, lambda_r, lambda_ot
  public var alignment: Double
  public var relation: Double
  public var transport: Double

  public init(alpha: Double, alignment: Double, relation: Double, transport: Double) {
    self.alpha = alpha
    self.alignment = alignment
    self.relation = relation
    self.transport = transport
  }

  /// Factor of each term in the total.
  public var ofCrossEntropy: Double { 1 - alpha }
  public var ofAlignment: Double { alpha * alignment }
  public var ofRelation: Double { alpha * relation }
  public var ofTransport: Double { alpha * transport }
}

/// The unweighted loss parts of one shard, each already divided by its global count, so that shards add up to the
/// batch.
public struct LossParts: Codable, Sendable, Equatable {
  public var crossEntropy = 0.0
  /// L_mhca
  public var alignment = 0.0
  /// L_D and L_A
  public var relationDistance = 0.0
  public var relationAngle = 0.0
  /// L_ot
  public var transport = 0.0
  /// Mean over the batch's transport problems: sweeps, L1 error of the marginals, entropy of the plan.
  public var sweeps = 0.0
  public var marginalError = 0.0
  public var planEntropy = 0.0

  public init() {}

  /// L_rel = (L_D + L_A) / 2
  public var relation: Double { (relationDistance + relationAngle) / 2 }

  /// The total; a term of weight 0 counts nothing even where its value is not finite.
  public func total(_ weights: LossWeights) -> Double {
    [
      (weights.ofCrossEntropy, crossEntropy), (weights.ofAlignment, alignment), (weights.ofRelation, relation),
      (weights.ofTransport, transport),
    ].reduce(0) { $1.0 == 0 ? $0 : $0 + $1.0 * $1.1 }
  }

  /// Adds another shard's parts; fold shards in shard order for the same bits on any number of ranks.
  public static func += (sum: inout LossParts, part: LossParts) {
    sum.crossEntropy += part.crossEntropy
    sum.alignment += part.alignment
    sum.relationDistance += part.relationDistance
    sum.relationAngle += part.relationAngle
    sum.transport += part.transport
    sum.sweeps += part.sweeps
    sum.marginalError += part.marginalError
    sum.planEntropy += part.planEntropy
  }
}
