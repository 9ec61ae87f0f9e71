import Foundation

/// Adaptive weights of the distillation terms (GradNorm, Chen et al. 2018): terms that have learned less are given more
/// gradient.
///
/// The objective stays L = (factor of cross-entropy) L_CE + sum_i w_i f_i L_i with f_i the configured factors, alpha in
/// them, and sum w_i = the number of terms, w_i = 1 at the start. At a measurement G_i = |d(w_i f_i L_i)/dW|, W the
/// student's connector weight, over the global batch:
///  - relative inverse training rate r_i = (L_i / L_i(0)) / mean_j (L_j / L_j(0)), L_i(0) the loss of the first step,
///  - target norm T_i = mean_j G_j * r_i^a, a = `objective.gradnorm.asymmetry`,
///  - w_i <- w_i (T_i / G_i)^rate, rate = `objective.gradnorm.rate`, then all are scaled to keep their sum.
///
/// Chen et al. descend sum_i |G_i - T_i| by a small step every iteration. G_i is proportional to w_i, so the minimum for
/// given targets is known, w_i T_i / G_i; with measurements many steps apart a share of the way there is gone each time,
/// and no weight can become negative. A term without gradient, or whose first loss was 0, keeps its share as it is.
public struct GradNorm: Sendable, Equatable {
  /// What goes into a checkpoint.
  public struct State: Codable, Sendable, Equatable {
    /// w_i by the name of its term.
    public var weights: [String: Double]
    /// L_i(0); empty before the first step.
    public var initialLosses: [String: Double]
  }

  public let asymmetry: Double
  public let rate: Double
  /// The terms that are balanced.
  public let terms: [LossTerm]
  public private(set) var state: State

  /// - Parameter terms: all terms of the objective; cross-entropy's part is alpha's to say and stays.
  public init(terms: [LossTerm], asymmetry: Double, rate: Double) {
    self.asymmetry = asymmetry
    self.rate = rate
    self.terms = terms.filter { $0 != .crossEntropy }
    state = State(
      weights: Dictionary(uniqueKeysWithValues: self.terms.map { ($0.rawValue, 1) }), initialLosses: [:])
  }

  /// Goes on from a saved state; one of other terms is left aside.
  public mutating func restore(_ saved: State) {
    if Set(saved.weights.keys) == Set(state.weights.keys) { state = saved }
  }

  /// w_i
  public var weights: [LossTerm: Double] {
    Dictionary(uniqueKeysWithValues: terms.map { ($0, state.weights[$0.rawValue] ?? 1) })
  }

  /// Takes the first step's losses as L_i(0); later ones are not looked at.
  public mutating func observe(_ losses: LossParts) {
    guard state.initialLosses.isEmpty else { return }
    for term in terms { state.initialLosses[term.rawValue] = losses[term] }
  }

  /// Moves the weights by the losses and gradient norms of one step; `norms` are G_i, weighted.
  public mutating func update(losses: LossParts, norms: [LossTerm: Double]) {
    let active = terms.filter { term in
      let (norm, initial) = (norms[term] ?? 0, state.initialLosses[term.rawValue] ?? 0)
      return norm > 0 && norm.isFinite && initial > 0 && losses[term] > 0 && losses[term].isFinite
    }
    guard active.count > 1 else { return }
    let ratios = active.map { losses[$0] / (state.initialLosses[$0.rawValue] ?? 1) }
    let gradients = active.map { norms[$0] ?? 0 }
    let count = Double(active.count)
    let (meanRatio, meanNorm) = (ratios.reduce(0, +) / count, gradients.reduce(0, +) / count)
    let before = active.map { state.weights[$0.rawValue] ?? 1 }
    let moved = active.indices.map { index in
      let target = meanNorm * pow(ratios[index] / meanRatio, asymmetry)
      return before[index] * pow(target / gradients[index], rate)
    }
    let scale = before.reduce(0, +) / moved.reduce(0, +)
    for (term, weight) in zip(active, moved) { state.weights[term.rawValue] = weight * scale }
  }
}
