/// Settings of the methods to compare with and of the weighting.
extension ObjectiveConfiguration {
  /// Vanilla KL.
  public struct Divergence: Codable, Sendable, Equatable {
    /// T: both distributions are softened by it.
    public var temperature: Double = 2

    public init() {}
  }

  /// TinyBERT; a weight of 0 switches its term off.
  public struct LayerByLayer: Codable, Sendable, Equatable {
    public var hiddenWeight: Double = 1
    public var embeddingWeight: Double = 1
    public var attentionWeight: Double = 1

    public init() {}
  }

  /// Cross-tokenizer distillation.
  public struct SortedProbabilities: Codable, Sendable, Equatable {
    /// Factor beside cross-entropy's 1; alpha has no part in it.
    public var weight: Double = 1.5

    public init() {}
  }

  /// RKD; a weight of 0 switches its term off.
  public struct Samples: Codable, Sendable, Equatable {
    public var distanceWeight: Double = 1
    public var angleWeight: Double = 2

    /// Samples of a shard below which there are too few triples to compare.
    public static let fewest = 4

    public init() {}
  }

  /// Gradient norms of the loss parts.
  public struct Norms: Codable, Sendable, Equatable {
    /// Steps between two measurements; 0: never.
    public var every: Int = 50

    public init() {}
  }

  /// GradNorm, with `weighting` gradnorm.
  public struct Balance: Codable, Sendable, Equatable {
    /// a: how much more gradient a term that has learned less is given.
    public var asymmetry: Double = 1.5
    /// Share of the way to the target, on a logarithmic scale, that a measurement moves the weights.
    public var rate: Double = 0.5

    public init() {}
  }

  /// The method chosen; nil for a name that is none.
  public var chosen: Method? { Method(rawValue: method) }

  /// Whether any term looks at a teacher.
  public var needsTeacher: Bool {
    switch chosen {
    case .ce, nil: false
    case .uld: uld.weight > 0
    case .evl, .kl, .tinybert, .rkd: alpha > 0
    }
  }

  /// Factors of all terms of the chosen method.
  /// - Parameter widths: what EVL-ECG's default weights depend on; the other methods need none.
  public func factors(
    for widths: ObjectiveWidths = ObjectiveWidths(student: 1, teacher: 1, studentVisual: 1, teacherVisual: 1)
  ) -> LossFactors {
    func mixed(_ terms: [LossTerm: Double]) -> LossFactors {
      LossFactors(terms.mapValues { alpha * $0 }.merging([.crossEntropy: 1 - alpha]) { $1 })
    }
    return switch chosen {
    case .evl: weights(for: widths).factors
    case .ce, nil: LossFactors([.crossEntropy: 1])
    case .kl: mixed([.divergence: 1])
    case .tinybert:
      mixed([
        .hidden: tinybert.hiddenWeight, .embedding: tinybert.embeddingWeight, .attention: tinybert.attentionWeight,
      ])
    case .uld: LossFactors([.crossEntropy: 1, .sortedProbabilities: uld.weight])
    case .rkd: mixed([.distance: rkd.distanceWeight, .angle: rkd.angleWeight])
    }
  }

  /// The rules of these settings that are broken.
  func methodProblems() -> [String] {
    var found: [String] = []
    func check(_ rule: Bool, _ message: String) { if !rule { found.append(message) } }
    check(
      kl.temperature > 0 && kl.temperature.isFinite, "objective.kl.temperature: \(kl.temperature) is not above 0")
    for (key, weight) in [
      ("tinybert.hidden_weight", tinybert.hiddenWeight), ("tinybert.embedding_weight", tinybert.embeddingWeight),
      ("tinybert.attention_weight", tinybert.attentionWeight), ("uld.weight", uld.weight),
      ("rkd.distance_weight", rkd.distanceWeight), ("rkd.angle_weight", rkd.angleWeight),
      ("gradnorm.asymmetry", gradnorm.asymmetry),
    ] { check(weight >= 0 && weight.isFinite, "objective.\(key): \(weight) is not a number of at least 0") }
    check(norms.every >= 0, "objective.norms.every: \(norms.every) is negative; 0 measures none")
    check(
      gradnorm.rate > 0 && gradnorm.rate <= 1, "objective.gradnorm.rate: \(gradnorm.rate) is not above 0 and up to 1")
    let names = Weighting.allCases.map(\.rawValue)
    check(
      names.contains(weighting),
      "objective.weighting: '\(weighting)' is not available; \(names.joined(separator: ", "))")
    if adaptsWeights {
      check(norms.every > 0, "objective.weighting: gradnorm needs gradient norms; set objective.norms.every above 0")
      check(
        factors().terms.count { $0 != .crossEntropy } > 1,
        "objective.weighting: gradnorm balances distillation terms, and objective.method \(method) has fewer than two on"
      )
    }
    return found
  }
}
