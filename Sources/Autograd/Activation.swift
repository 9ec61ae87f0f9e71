import Tensors

/// The activations of the model families, under the names of transformers' `hidden_act`.
public enum Activation: String, CaseIterable, Sendable {
  /// 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
  case geluTanh = "gelu_pytorch_tanh"
  /// x Phi(x)
  case gelu
  /// x sigmoid(1.702 x)
  case quickGELU = "quick_gelu"
  /// x sigmoid(x)
  case silu

  /// Slope of the sigmoid in x sigmoid(slope x); nil for the others.
  fileprivate var slope: Double? {
    switch self {
    case .quickGELU: 1.702
    case .silu: 1
    case .geluTanh, .gelu: nil
    }
  }
}

extension Tape {
  /// y = f(x), element by element.
  public func activation(_ x: Variable<Element>, _ function: Activation) -> Variable<Element> {
    if let slope = function.slope { return swish(x, slope: slope) }
    return function == .geluTanh ? gelu(x) : geluExact(x)
  }

  private func swish(_ x: Variable<Element>, slope: Double) -> Variable<Element> {
    elementwise(x) {
      $0.setSwish($1, slope: slope)
    } backward: {
      $0.setSwishBackward($1, slope: slope, $2)
    }
  }

  private func geluExact(_ x: Variable<Element>) -> Variable<Element> {
    elementwise(x) {
      $0.setGELUExact($1)
    } backward: {
      $0.setGELUExactBackward($1, $2)
    }
  }

  /// y = f(x); backward needs x alone.
  ///
  /// - Parameters:
  ///   - forward: sets y from x.
  ///   - backward: sets dx from x and dy.
  func elementwise(
    _ x: Variable<Element>, _ forward: @escaping (_ y: Tensor<Element>, _ x: Tensor<Element>) -> Void,
    backward: @escaping (_ dx: Tensor<Element>, _ x: Tensor<Element>, _ dy: Tensor<Element>) -> Void
  ) -> Variable<Element> {
    let value = { [pool] in
      let y = pool.tensor(x.shape)
      forward(y, x.value)
      return y
    }
    return result(value(), needsGradient: x.needsGradient, recompute: value) { [pool] dy in
      let dx = pool.tensor(x.shape)
      backward(dx, x.value, dy)
      x.accumulate(dx, pool: pool)
    }
  }

  /// y = x z, element by element, of equal shapes: a gate and what it lets through.
  public func product(_ x: Variable<Element>, _ z: Variable<Element>) -> Variable<Element> {
    let y = pool.tensor(x.shape)
    y.setProduct(x.value, z.value)
    return result(y, needsGradient: x.needsGradient || z.needsGradient) { [pool] dy in
      for (operand, other) in [(x, z), (z, x)] where operand.needsGradient {
        let share = pool.tensor(x.shape)
        share.setProduct(dy, other.value)
        operand.accumulate(share, pool: pool)
      }
    }
  }
}
