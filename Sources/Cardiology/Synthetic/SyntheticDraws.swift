import Foundation
import Tensors

/// Distributions the synthetic patients are drawn from.
extension CounterRandom {
  /// A normal number cut off at `range`, so that no patient leaves the plausible.
  mutating func normal(mean: Double, deviation: Double, in range: ClosedRange<Double>) -> Double {
    min(max(mean + deviation * normal(), range.lowerBound), range.upperBound)
  }

  /// A factor exp(deviation * n), n normal within +-2.
  mutating func factor(_ deviation: Double) -> Double {
    exp(deviation * normal(mean: 0, deviation: 1, in: -2...2))
  }

  mutating func chance(_ probability: Double) -> Bool { uniform() < probability }

  /// One of the weighted choices; the last where rounding leaves none.
  /// - Precondition: at least one choice.
  mutating func pick<Choice>(_ choices: [(Choice, weight: Double)]) -> Choice {
    var remaining = uniform() * choices.reduce(0) { $0 + $1.weight }
    for choice in choices {
      remaining -= choice.weight
      if remaining < 0 { return choice.0 }
    }
    return choices[choices.count - 1].0
  }

  /// A number of roughly normal distribution, variance 1, from one word: four 16-bit uniforms summed (Irwin-Hall).
  /// Noise needs thousands of them a record; the tails beyond 3.5 are cut.
  mutating func quickNormal() -> Double {
    let word = next()
    let sum = (word & 0xFFFF) + (word >> 16 & 0xFFFF) + (word >> 32 & 0xFFFF) + word >> 48
    return (Double(sum) / 65535 - 2) * 1.732_050_807_568_877
  }
}
