import Tensors

/// Compares derivatives from a tape with central finite differences, in double precision.
public struct GradientCheck {
  /// Step of the difference quotient.
  public var step: Double
  /// Elements checked per tensor, drawn by key; tensors with fewer are checked whole.
  public var elementsPerTensor: Int

  public init(step: Double = 1e-5, elementsPerTensor: Int = 24) {
    self.step = step
    self.elementsPerTensor = elementsPerTensor
  }

  /// The largest |analytic - numeric| / max(1, |numeric|) over inputs and parameters.
  ///
  /// - Parameters:
  ///   - inputs: values to differentiate by, besides the arena's parameters.
  ///   - loss: builds the loss on a tape from the inputs and returns its value; called once per perturbed element.
  public func largestError(
    inputs: [Tensor<Double>], arena: ParameterArena<Double>? = nil,
    loss: (Tape<Double>, [Variable<Double>]) throws -> Double
  ) rethrows -> Double {
    let pool = BufferPool<Double>()
    let tape = Tape(pool: pool)
    let variables = inputs.map { Variable($0.copy(), needsGradient: true) }
    arena?.beginBackward()
    _ = try loss(tape, variables)
    arena?.settleUses()
    tape.backward()
    arena?.endBackward()
    var pairs = variables.map { ($0.value, $0.gradient?.copy() ?? Tensor(zeros: $0.shape)) }
    for parameter in arena?.parameters ?? [] {
      if let gradient = parameter.gradient { pairs.append((parameter.value, gradient.copy())) }
    }
    func value() throws -> Double {
      try loss(
        Tape(pool: pool, recording: false), variables.map { Variable($0.value.copy(), needsGradient: false) })
    }
    var worst = 0.0
    for (number, (tensor, analytic)) in pairs.enumerated() {
      var random = CounterRandom(seed: 1, purpose: "gradient check", sample: UInt64(number))
      let all = tensor.count <= elementsPerTensor
      for draw in 0..<min(tensor.count, elementsPerTensor) {
        let index = all ? draw : random.integer(below: tensor.count)
        let before = tensor[index]
        tensor[index] = before + step
        let above = try value()
        tensor[index] = before - step
        let below = try value()
        tensor[index] = before
        let numeric = (above - below) / (2 * step)
        worst = max(worst, abs(analytic[index] - numeric) / max(1, abs(numeric)))
      }
    }
    return worst
  }
}

extension Tape {
  /// A linear probe of a value, sum of w x, as a loss: for gradient checks and tests.
  public func weightedSum(_ x: Variable<Element>, _ weights: Tensor<Element>) -> Double {
    recordLoss { [pool] in x.accumulate(weights, owned: false, pool: pool) }
    return x.value.dot(weights)
  }
}
