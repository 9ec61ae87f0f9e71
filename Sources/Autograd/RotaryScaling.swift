import Foundation

/// How the rotary frequencies theta^(-2 i / width) are stretched for texts longer than those of the first training.
///
/// All arithmetic is in single precision, as Hugging Face's. Source: modeling_rope_utils of transformers.
public enum RotaryScaling: Equatable, Sendable {
  case none
  /// Every frequency divided by the factor (Chen et al. 2023).
  case linear(factor: Double)
  /// Waves longer than positions / low are stretched by the factor, those shorter than positions / high not at all, and
  /// between the two the frequency is interpolated (Llama 3.1).
  case llama3(factor: Double, low: Double, high: Double, positions: Int)

  /// One frequency per pair of a head of `width` columns: [width / 2].
  public func frequencies(width: Int, theta: Double) -> [Float] {
    let plain = (0..<width / 2).map { 1 / powf(Float(theta), Float(2 * $0) / Float(width)) }
    switch self {
    case .none: return plain
    case .linear(let factor): return plain.map { $0 / Float(factor) }
    case .llama3(let factor, let low, let high, let positions):
      let longest = Float(Double(positions) / low)
      let shortest = Float(Double(positions) / high)
      return plain.map { frequency in
        let wave = Float(2 * Double.pi) / frequency
        if wave > longest { return frequency / Float(factor) }
        if wave < shortest { return frequency }
        let share = (Float(positions) / wave - Float(low)) / Float(high - low)
        return (1 - share) * frequency / Float(factor) + share * frequency
      }
    }
  }
}
