import Autograd
import Tensors

/// An affine map under torch's names: `<name>.weight` [out, in] and, with a bias, `<name>.bias` [out]; with the adapter
/// that the arena holds for it.
struct Linear<Element: Scalar> {
  private let weight: Parameter<Element>
  private let bias: Parameter<Element>?
  private let adapter: LowRankAdapter<Element>?

  static func declare(
    _ name: String, _ inputs: Int, _ outputs: Int, deviation: Double, hasBias: Bool = false,
    into layout: inout ParameterLayout
  ) {
    layout.add(name + ".weight", [outputs, inputs], .normal(deviation), isLinear: true)
    if hasBias { layout.add(name + ".bias", [outputs], .constant(0)) }
  }

  init(_ name: String, arena: ParameterArena<Element>) {
    weight = arena[name + ".weight"]
    bias = arena.contains(name + ".bias") ? arena[name + ".bias"] : nil
    adapter = arena.adapter(of: name)
  }

  func callAsFunction(_ x: Variable<Element>, tape: Tape<Element>) -> Variable<Element> {
    tape.linear(x, weight, bias: bias, adapter: adapter)
  }
}

/// A layer normalisation under torch's names: `<name>.weight` and `<name>.bias`, both [width].
struct LayerNorm<Element: Scalar> {
  private let weight: Parameter<Element>
  private let bias: Parameter<Element>
  private let epsilon: Double

  static func declare(_ name: String, _ width: Int, into layout: inout ParameterLayout) {
    layout.add(name + ".weight", [width], .constant(1))
    layout.add(name + ".bias", [width], .constant(0))
  }

  init(_ name: String, epsilon: Double, arena: ParameterArena<Element>) {
    weight = arena[name + ".weight"]
    bias = arena[name + ".bias"]
    self.epsilon = epsilon
  }

  func callAsFunction(_ x: Variable<Element>, tape: Tape<Element>) -> Variable<Element> {
    tape.layerNorm(x, weight, bias: bias, epsilon: epsilon)
  }
}

/// A root-mean-square normalisation: `<name>.weight` [width].
struct RMSNorm<Element: Scalar> {
  private let weight: Parameter<Element>
  private let epsilon: Double

  static func declare(_ name: String, _ width: Int, into layout: inout ParameterLayout) {
    layout.add(name + ".weight", [width], .constant(1))
  }

  init(_ name: String, epsilon: Double, arena: ParameterArena<Element>) {
    weight = arena[name + ".weight"]
    self.epsilon = epsilon
  }

  func callAsFunction(_ x: Variable<Element>, tape: Tape<Element>) -> Variable<Element> {
    tape.rmsNorm(x, weight, epsilon: epsilon)
  }
}
