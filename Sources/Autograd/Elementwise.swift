import Tensors

extension Tape {
  /// y = f(x); backward needs x alone.
  ///
  /// - Parameters:
  ///   - forward: sets y from x.
  ///   - backward: sets dx from x and dy.
  func elementwise(
    _ x: Variable<Element>, _ forward: @escaping (_ y: Tensor<Element>, _ x: Tensor<Element>) -> Void,
    backward: @escaping (_ dx: Tensor<Element>, _ x: Tensor<Element>, _ dy: Tensor<Element>) -> Void
  ) -> Variable<Element> {
    let value = { [pool, products] in
      let y = pool.tensor(x.shape)
      products.shareRows(of: y) { forward(y.slice($0), x.value.slice($0)) }
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

  /// y = x + z, the residual connection. Equal shapes.
  public func add(_ x: Variable<Element>, _ z: Variable<Element>) -> Variable<Element> {
    let y = pool.tensor(x.shape)
    products.shareRows(of: y) { y.slice($0).setSum(x.value.slice($0), z.value.slice($0)) }
    let (left, right) = (x.cotangent, z.cotangent)
    return result(y, needsGradient: left.isWanted || right.isWanted) { [pool] dy in
      left.accumulate(dy, owned: false, pool: pool)
      right.accumulate(dy, owned: false, pool: pool)
    }
  }
}
