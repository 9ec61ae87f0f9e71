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

  /// y = gelu(x), the tanh form (Hendrycks and Gimpel 2016).
  public func gelu(_ x: Variable<Element>) -> Variable<Element> {
    elementwise(x) {
      $0.setGELU($1)
    } backward: {
      $0.setGELUBackward($1, $2)
    }
  }

  /// y = silu(gate) * up, the gated unit of SwiGLU (Shazeer 2020). All of equal shape.
  public func swiglu(gate: Variable<Element>, up: Variable<Element>) -> Variable<Element> {
    let forward = { [pool, products] in
      let y = pool.tensor(gate.shape)
      products.shareRows(of: y) { y.slice($0).setSwiGLU(gate: gate.value.slice($0), up: up.value.slice($0)) }
      return y
    }
    return result(forward(), needsGradient: gate.needsGradient || up.needsGradient, recompute: forward) { [pool] dy in
      let gateShare = pool.tensor(gate.shape)
      let upShare = pool.tensor(gate.shape)
      Tensor.swigluBackward(
        gate: gate.value, up: up.value, dy, gateGradient: gateShare, upGradient: upShare)
      gate.accumulate(gateShare, pool: pool)
      up.accumulate(upShare, pool: pool)
    }
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
}
