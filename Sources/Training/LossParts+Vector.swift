import Distillation

extension LossParts {
  /// The parts as numbers in a fixed order, to be folded over shards.
  var vector: [Double] {
    [
      crossEntropy, alignment, relationDistance, relationAngle, transport, sweeps, marginalError, planEntropy,
    ]
  }

  /// - Precondition: as many numbers as `vector` gives.
  init(vector: [Double]) {
    self.init()
    crossEntropy = vector[0]
    alignment = vector[1]
    relationDistance = vector[2]
    relationAngle = vector[3]
    transport = vector[4]
    sweeps = vector[5]
    marginalError = vector[6]
    planEntropy = vector[7]
  }

  /// The total under `loss` and the unweighted parts that take part, by the names of the log.
  func named(weights: LossWeights) -> [String: Double] {
    var result = ["loss": total(weights)]
    if weights.ofCrossEntropy > 0 { result["ce"] = crossEntropy }
    if weights.ofAlignment > 0 { result["mhca"] = alignment }
    if weights.ofRelation > 0 {
      result["rel"] = relation
      result["rel_D"] = relationDistance
      result["rel_A"] = relationAngle
    }
    if weights.ofTransport > 0 {
      result["ot"] = transport
      result["sweeps"] = sweeps
      result["marginal_error"] = marginalError
      result["plan_entropy"] = planEntropy
    }
    return result
  }
}

extension ObjectiveConfiguration {
  /// Whether any term looks at a teacher.
  public var needsTeacher: Bool { method != Method.ce.rawValue && alpha > 0 }
}
