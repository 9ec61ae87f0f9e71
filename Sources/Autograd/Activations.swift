import Tensors

extension Tape {
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
    let forward = { [pool] in
      let y = pool.tensor(gate.shape)
      y.setSwiGLU(gate: gate.value, up: up.value)
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

  /// y = x + z, the residual connection. Equal shapes.
  public func add(_ x: Variable<Element>, _ z: Variable<Element>) -> Variable<Element> {
    let y = pool.tensor(x.shape)
    y.setSum(x.value, z.value)
    let (left, right) = (x.cotangent, z.cotangent)
    return result(y, needsGradient: left.isWanted || right.isWanted) { [pool] dy in
      left.accumulate(dy, owned: false, pool: pool)
      right.accumulate(dy, owned: false, pool: pool)
    }
  }
}
