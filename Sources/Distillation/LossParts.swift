/// The terms an objective can be the sum of, by their names in the log, in the order they are added and shown.
public enum LossTerm: String, CaseIterable, Codable, Sendable {
  case crossEntropy = "ce"
  /// EVL-ECG: alignment, relations between tokens, transport of visual tokens.
  case alignment = "mhca"
  case relation = "rel"
  case transport = "ot"
  /// Vanilla KL.
  case divergence = "kl"
  /// TinyBERT: hidden states, embeddings, attention scores.
  case hidden
  case embedding
  case attention
  /// Cross-tokenizer distillation.
  case sortedProbabilities = "uld"
  /// RKD: distances and angles between samples.
  case distance
  case angle
}

/// The factor of each term in the total, L = sum of factor * value; a term without one is off.
public struct LossFactors: Sendable, Equatable {
  private var factors: [LossTerm: Double]

  /// - Parameter factors: of at least 0; 0 switches a term off.
  public init(_ factors: [LossTerm: Double]) { self.factors = factors.filter { $0.value != 0 } }

  public subscript(term: LossTerm) -> Double { factors[term] ?? 0 }

  /// The terms that are on, in their order.
  public var terms: [LossTerm] { LossTerm.allCases.filter { factors[$0] != nil } }

  /// All terms but this one switched off.
  public func only(_ term: LossTerm) -> LossFactors { LossFactors(factors.filter { $0.key == term }) }

  /// Each term's factor times its multiplier; a term without one keeps its factor.
  public func scaled(by multipliers: [LossTerm: Double]) -> LossFactors {
    LossFactors(factors.reduce(into: [:]) { $0[$1.key] = $1.value * (multipliers[$1.key] ?? 1) })
  }

  /// The total; a term that is off counts nothing even where its value is not finite.
  public func total(_ parts: LossParts) -> Double { terms.reduce(0) { $0 + self[$1] * parts[$1] } }

  /// The factors by the terms' names.
  public var named: [String: Double] { Dictionary(uniqueKeysWithValues: factors.map { ($0.key.rawValue, $0.value) }) }
}

/// The unweighted loss parts of one shard by name, each already divided by its global count, so that shards add up to
/// the batch: the terms, and beside them diagnostics such as the Sinkhorn sweeps.
public struct LossParts: Sendable, Equatable {
  public private(set) var named: [String: Double] = [:]

  public init() {}

  /// - Precondition: as many values as names.
  public init(names: [String], values: [Double]) {
    precondition(names.count == values.count, "\(values.count) values for \(names)")
    named = Dictionary(uniqueKeysWithValues: zip(names, values))
  }

  /// A part's value; 0 for one that was never set.
  public subscript(name: String) -> Double {
    get { named[name] ?? 0 }
    set { named[name] = newValue }
  }

  public subscript(term: LossTerm) -> Double {
    get { self[term.rawValue] }
    set { self[term.rawValue] = newValue }
  }

  /// The values in the order of the names, to be folded over shards.
  public func values(_ names: [String]) -> [Double] { names.map { self[$0] } }

  /// Adds another shard's parts; fold shards in shard order for the same bits on any number of ranks.
  public static func += (sum: inout LossParts, part: LossParts) {
    for (name, value) in part.named { sum[name] += value }
  }
}

/// Factors of the terms of EVL-ECG: L = (1 - alpha) L_CE + alpha (alignment L_mhca + relation L_rel + transport L_ot).
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

  public var factors: LossFactors {
    LossFactors([
      .crossEntropy: ofCrossEntropy, .alignment: ofAlignment, .relation: ofRelation, .transport: ofTransport,
    ])
  }
}
