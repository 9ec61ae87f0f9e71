import Tensors

/// How a weight matrix lies in memory.
public enum WeightLayout: Sendable {
  /// [out, in] as in torch.nn.Linear: y = x W^T + b.
  case outputByInput
  /// [in, out] as in the losses' formulas: y = x W + b.
  case inputByOutput
}

extension Tape {
  /// Affine map of the rows of x: y = x W^T + b, and with an adapter y = x W^T + b + s (x A^T) B^T.
  ///
  /// x: [n, in], weight: [out, in] (or [in, out], see `WeightLayout`), bias: [out], result: [n, out].
  /// - Complexity: 2 n in out operations forward, twice that backward (once where the weight is frozen).
  public func linear(
    _ x: Variable<Element>, _ weight: Parameter<Element>, bias: Parameter<Element>? = nil,
    adapter: LowRankAdapter<Element>? = nil, layout: WeightLayout = .outputByInput
  ) -> Variable<Element> {
    let byOutput = layout == .outputByInput
    let (rows, columns) = (weight.rows, weight.entry.range.count / weight.rows)
    let outputs = byOutput ? rows : columns
    let y = pool.tensor(x.shape.dropLast() + [outputs])
    products(x.operand(products), weight.operand(products), transposeB: byOutput, into: y.matrix)
    if let bias { products.shareRows(of: y) { y.slice($0).addBias(bias.value) } }
    let detour = adapter.map { add($0, of: x, to: y) }

    let weightTrains = uses(weight)
    let biasTrains = uses(bias)
    // The input itself is needed for the gradients of weight and adapter alone.
    let (input, kept) = (x.cotangent, weightTrains || detour?.trains == true ? x : nil)
    let needsGradient = input.isWanted || weightTrains || biasTrains || detour?.trains == true
    return result(y, needsGradient: needsGradient) { [pool, products] dy in
      if biasTrains { bias?.contributeSum { $0.addRows(of: dy) } }
      let share = products.prepared(dy.matrix)
      if input.isWanted {
        let dx = pool.tensor(input.shape)
        products(share, weight.operand(products), transposeB: !byOutput, into: dx.matrix)
        detour?.backward(share, input: kept, dx: dx)
        input.accumulate(dx, pool: pool)
      } else {
        detour?.backward(share, input: kept, dx: nil)
      }
      if weightTrains, let kept {
        let value = kept.operand(products)
        weight.contribute { rows, target, beta in
          let (left, right) = byOutput ? (share.columns(rows), value) : (value.columns(rows), share)
          products(left, right, transposeA: true, beta: beta, into: target.matrix)
        }
      }
    }
  }
}
