import Foundation
import Tensors

/// Cosines and sines of rotary positions: angle = position theta^(-2 i / width) (Su et al. 2021).
public struct RotaryTable<Element: Scalar> {
  /// [rows, width / 2]
  public let cosine: Tensor<Element>
  public let sine: Tensor<Element>

  /// Angles are formed in single precision, as Hugging Face does, whatever the scalar type.
  public init(positions: [Int], width: Int, theta: Double, scaling: RotaryScaling = .none) {
    let half = width / 2
    let frequencies = scaling.frequencies(width: width, theta: theta)
    cosine = Tensor(uninitialised: [positions.count, half])
    sine = Tensor(uninitialised: [positions.count, half])
    for (row, position) in positions.enumerated() {
      for (index, frequency) in frequencies.enumerated() {
        let angle = Float(position) * frequency
        cosine[row * half + index] = Element(cosf(angle))
        sine[row * half + index] = Element(sinf(angle))
      }
    }
  }
}

extension Tape {
  /// Turns each head's pairs (i, i + width/2) by the position's angle. Works in place: x may not be used afterwards.
  ///
  /// x: [n, heads * width], table: n rows.
  public func rotary(_ x: Variable<Element>, heads: Int, table: RotaryTable<Element>) -> Variable<Element> {
    let width = x.value.columns / heads
    x.value.rotate(heads: heads, width: width, cosine: table.cosine, sine: table.sine)
    let input = x.cotangent
    return result(x.value, needsGradient: input.isWanted) { [pool] dy in
      let dx = pool.tensor(input.shape)
      dx.copy(from: dy)
      dx.rotate(heads: heads, width: width, cosine: table.cosine, sine: table.sine, inverse: true)
      input.accumulate(dx, pool: pool)
    }
  }
}
