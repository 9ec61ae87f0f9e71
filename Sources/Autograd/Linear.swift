import Tensors

/// How a weight matrix lies in memory.
public enum WeightLayout: Sendable {
  /// [out, in] as in torch.nn.Linear: y = x W^T + b.
  case outputByInput
  /// [in, out] as in the losses' formulas: y = x W + b.
  case inputByOutput
}

extension Tape {
  /// Affine map of the rows of x: y = x W^T + b.
  ///
  /// x: [n, in], weight: [out, in] (or [in, out], see `WeightLayout`), bias: [out], result: [n, out].
  /// - Complexity: 2 n in out operations forward, twice that backward.
  public func linear(
    _ x: Variable<Element>, _ weight: Parameter<Element>, bias: Parameter<Element>? = nil,
    layout: WeightLayout = .outputByInput
  ) -> Variable<Element> {
    let byOutput = layout == .outputByInput
    let w = weight.value.reshaped([weight.value.shape[0], weight.value.count / weight.value.shape[0]]).matrix
    let outputs = byOutput ? w.rows : w.columns
    let input = x.value.matrix
    let y = pool.tensor(x.shape.dropLast() + [outputs])
    multiply(input, w, transposeB: byOutput, into: y.matrix)
    if let bias { y.addBias(bias.value) }

    let weightTrains = uses(weight)
    let biasTrains = uses(bias)
    return result(y, needsGradient: x.needsGradient || weightTrains || biasTrains) { [pool] dy in
      if biasTrains { bias?.contributeSum { $0.addRows(of: dy) } }
      if x.needsGradient {
        let dx = pool.tensor(x.shape)
        multiply(dy.matrix, w, transposeB: !byOutput, into: dx.matrix)
        x.accumulate(dx, pool: pool)
      }
      if weightTrains {
        weight.contribute(rowLength: w.columns) { rows, target, beta in
          let (left, right) =
            byOutput ? (dy.matrix.columns(rows), input) : (input.columns(rows), dy.matrix)
          multiply(left, right, transposeA: true, beta: beta, into: target)
        }
      }
    }
  }
}
