import Tensors

/// A trained correction of a frozen linear layer: y += s (x A^T) B^T, with A: [rank, in], B: [out, rank].
///
/// B begins at zero, so training begins at the frozen layer. Source: Hu et al. 2022, LoRA.
public struct LowRankAdapter<Element: Scalar> {
  /// A, onto the few numbers between.
  public let down: Parameter<Element>
  /// B, from there to the outputs.
  public let up: Parameter<Element>
  /// s
  public let scale: Element

  public static func downName(_ layer: String) -> String { layer + ".lora_A.weight" }
  public static func upName(_ layer: String) -> String { layer + ".lora_B.weight" }

  /// Appends the adapter of a layer whose matrix is [outputs, inputs].
  public static func declare(
    _ layer: String, _ inputs: Int, _ outputs: Int, rank: Int, into layout: inout ParameterLayout
  ) {
    // The variance of PEFT's uniform initialisation.
    layout.add(downName(layer), [rank, inputs], .normal(1 / Double(3 * inputs).squareRoot()))
    layout.add(upName(layer), [outputs, rank], .constant(0))
  }
}

extension ParameterArena {
  /// The adapter of a layer; nil where it has none.
  public func adapter(of layer: String) -> LowRankAdapter<Element>? {
    typealias Adapter = LowRankAdapter<Element>
    guard holds(Adapter.downName(layer)) else { return nil }
    return Adapter(down: self[Adapter.downName(layer)], up: self[Adapter.upName(layer)], scale: adapterScale)
  }

  /// A tensor's weights as the model computes with them: exact, and with what its adapter adds.
  ///
  /// - Complexity: a copy where the tensor is kept in sixteen bits alone or has an adapter; otherwise none.
  public func effectiveValue(of name: String) -> Tensor<Element> {
    let parameter = self[name]
    guard let adapter = adapter(of: parameter.entry.layer) else { return parameter.kept.exact() }
    let merged = parameter.kept.copy()
    multiply(adapter.up.value.matrix, adapter.down.value.matrix, alpha: adapter.scale, beta: 1, into: merged.matrix)
    return merged
  }
}

/// The way through an adapter in one forward, to be gone back.
struct AdapterDetour<Element: Scalar> {
  fileprivate let adapter: LowRankAdapter<Element>
  /// s x A^T, [n, rank]
  fileprivate let middle: Tensor<Element>
  fileprivate let products: MixedProducts<Element>
  fileprivate let pool: BufferPool<Element>
  fileprivate let trainsDown: Bool
  fileprivate let trainsUp: Bool

  var trains: Bool { trainsDown || trainsUp }

  /// dB = dy^T (s x A^T); with d = s dy B: dA = d^T x, dx += d A.
  ///
  /// - Parameters:
  ///   - input: x; needed where the adapter trains.
  ///   - dx: nil where no derivative by the input is wanted.
  func backward(_ dy: Operand<Element>, input: Variable<Element>?, dx: Tensor<Element>?) {
    if trainsUp {
      let value = products.prepared(middle.matrix)
      adapter.up.contribute { rows, target, beta in
        products(dy.columns(rows), value, transposeA: true, beta: beta, into: target.matrix)
      }
    }
    let inner = pool.tensor(middle.shape)
    products(dy, adapter.up.operand(products), alpha: adapter.scale, into: inner.matrix)
    let share = products.prepared(inner.matrix)
    if trainsDown, let input {
      let value = input.operand(products)
      adapter.down.contribute { rows, target, beta in
        products(share.columns(rows), value, transposeA: true, beta: beta, into: target.matrix)
      }
    }
    if let dx { products(share, adapter.down.operand(products), beta: 1, into: dx.matrix) }
  }
}

extension Tape {
  /// Adds what an adapter makes of x to y.
  func add(_ adapter: LowRankAdapter<Element>, of x: Variable<Element>, to y: Tensor<Element>) -> AdapterDetour<Element>
  {
    let middle = pool.tensor(x.shape.dropLast() + [adapter.down.rows])
    products(
      x.operand(products), adapter.down.operand(products), transposeB: true, alpha: adapter.scale, into: middle.matrix)
    products(.exact(middle.matrix), adapter.up.operand(products), transposeB: true, beta: 1, into: y.matrix)
    return AdapterDetour(
      adapter: adapter, middle: middle, products: products, pool: pool, trainsDown: uses(adapter.down),
      trainsUp: uses(adapter.up))
  }
}
