import Autograd
import Tensors

/// LLaVA's way from the tower to the decoder: linear_2(activation(linear_1 x)). Source: LlavaMultiModalProjector.
struct Projector<Element: Scalar> {
  private let first: Linear<Element>
  private let second: Linear<Element>
  private let activation: Activation

  /// The second map's weight, below the projector's prefix.
  static var weightName: String { "linear_2.weight" }

  static func declare(_ c: LlavaConfiguration, prefix: String, into layout: inout ParameterLayout) {
    let deviation = c.text.initializerRange
    Linear<Element>.declare(
      prefix + "linear_1", c.vision.hiddenSize * c.featureLayers.count, c.text.hiddenSize, deviation: deviation,
      hasBias: c.projectorHasBias, into: &layout)
    Linear<Element>.declare(
      prefix + "linear_2", c.text.hiddenSize, c.text.hiddenSize, deviation: deviation, hasBias: c.projectorHasBias,
      into: &layout)
  }

  init(_ c: LlavaConfiguration, prefix: String, arena: ParameterArena<Element>) {
    first = Linear(prefix + "linear_1", arena: arena)
    second = Linear(prefix + "linear_2", arena: arena)
    activation = c.projectorActivation
  }

  /// x: [n, width of the tower times feature layers], result: [n, text width].
  func forward(_ x: Variable<Element>, tape: Tape<Element>, observe: StateObserver<Element>?) -> Variable<Element> {
    let inner = first(x, tape: tape)
    observe?("projector.linear_1", inner)
    let result = second(tape.activation(inner, activation), tape: tape)
    observe?("connector", result)
    return result
  }
}
