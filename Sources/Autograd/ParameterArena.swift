import Foundation
import Tensors

/// One named tensor of an arena: its weights and, when trainable, its gradient.
public final class Parameter<Element: Scalar> {
  public let entry: ParameterLayout.Entry
  /// The weights, whatever their form; exact unless the arena is frozen.
  public let kept: KeptWeights<Element>
  /// The gradient after `endBackward`, where the arena keeps it.
  public let gradient: Tensor<Element>?
  /// Exact weights rounded to bfloat16 for the products in it.
  private let rounded: Tensor<BFloat16>?
  weak var arena: ParameterArena<Element>?
  /// Place among the arena's parameters, and its entry's in the layout.
  public let index: Int
  public let isTrainable: Bool

  fileprivate init(
    entry: ParameterLayout.Entry, index: Int, kept: KeptWeights<Element>, rounded: Tensor<BFloat16>? = nil,
    isTrainable: Bool = false, gradient: Tensor<Element>? = nil
  ) {
    self.entry = entry
    self.index = index
    self.kept = kept
    self.rounded = rounded
    self.isTrainable = isTrainable
    self.gradient = gradient
  }

  public var name: String { entry.name }
  /// Extent of the first dimension.
  public var rows: Int { entry.shape[0] }
  /// Extent of the last dimension.
  public var columns: Int { entry.shape[entry.shape.count - 1] }
  /// Whether the exact weights are kept.
  public var isExact: Bool { kept.isExact }

  /// The exact weights. - Precondition: `isExact`.
  public var value: Tensor<Element> {
    guard case .exact(let tensor) = kept else { preconditionFailure("\(name) is kept in sixteen bits alone") }
    return tensor
  }

  /// The weights as a side of products, the first dimension as rows.
  func operand(_ products: MixedProducts<Element>) -> Operand<Element> {
    let shape = [rows, entry.range.count / max(1, rows)]
    if let rounded, products.precision == .bf16 { return .rounded(rounded.reshaped(shape).matrix) }
    return kept.operand(shape)
  }
}

/// All tensors of a model (and of the objective) as views into one flat memory supplied by the caller.
///
/// Backward hands the gradient out in pieces of whole rows, smaller than large tensors, to a `GradientSink`: always in
/// descending order, on every rank alike. An arena with gradient memory of its own keeps it whole.
public final class ParameterArena<Element: Scalar> {
  public let layout: ParameterLayout
  /// Flat memory [layout.count]; empty in a frozen arena, whose tensors lie anywhere.
  public let weights: Tensor<Element>
  /// Flat memory [layout.count]: the weights rounded, for products in bfloat16. Current after `round`.
  public let rounded: Tensor<BFloat16>?
  /// How backward forms and hands out the gradient.
  public let gradientLayout: GradientLayout
  /// Flat memory [gradientLayout.count] of an arena that keeps its gradient; nil in others.
  public let gradients: Tensor<Element>?
  /// Whether gradients are formed.
  public let isTrainable: Bool
  public let parameters: [Parameter<Element>]
  /// The frozen model whose adapters this arena holds; names that are not this arena's own are looked up there.
  public let base: ParameterArena?
  /// Factor of the adapters' products.
  public let adapterScale: Element
  private let byName: [String: Int]
  private let pool = BufferPool<Element>()
  private var pass: GradientPass<Element>?

  /// - Parameters:
  ///   - base: the frozen model that the adapters in the layout stand beside.
  ///   - adapterScale: factor of the adapters' products.
  ///   - isTrainable: whether gradients are formed.
  ///   - gradients: where the whole gradient is kept, [`gradientLayout.count`]; nil where every pass is given a sink.
  ///   - pieceElements: the most elements of one piece of the gradient, unless a single row is longer.
  /// - Precondition: the other memories hold `layout.count` elements.
  public init(
    layout: ParameterLayout, weights: Tensor<Element>, rounded: Tensor<BFloat16>? = nil,
    base: ParameterArena? = nil, adapterScale: Element = 1, isTrainable: Bool = true,
    gradients: Tensor<Element>? = nil, pieceElements: Int = standardPieceElements
  ) {
    let gradientLayout = GradientLayout(layout, pieceElements: pieceElements)
    precondition(weights.count == layout.count && (rounded?.count ?? layout.count) == layout.count)
    precondition(gradients.map { $0.count == gradientLayout.count } ?? true)
    self.layout = layout
    self.weights = weights
    self.gradientLayout = gradientLayout
    self.gradients = gradients
    self.rounded = rounded
    self.base = base
    self.adapterScale = adapterScale
    self.isTrainable = isTrainable
    parameters = layout.entries.enumerated().map { index, entry in
      let share = gradientLayout.shares[gradientLayout.sharesOfEntry[index][0]].range
      return Parameter(
        entry: entry, index: index, kept: .exact(weights.range(entry.range).reshaped(entry.shape)),
        rounded: rounded?.range(entry.range).reshaped(entry.shape), isTrainable: isTrainable,
        gradient: gradients?.range(share).reshaped(entry.shape))
    }
    byName = Dictionary(uniqueKeysWithValues: layout.entries.enumerated().map { ($1.name, $0) })
    parameters.forEach { $0.arena = self }
  }

  /// The most elements of one piece of the gradient: 4 MB of floats.
  public static var standardPieceElements: Int { 1 << 20 }

  /// A frozen arena, whose matrices may be kept in another form than exactly.
  ///
  /// - Parameter weights: gives each tensor, perhaps in memory mapped from a file; one of one dimension exactly.
  public init(
    frozen layout: ParameterLayout, _ weights: (ParameterLayout.Entry) throws -> KeptWeights<Element>
  ) rethrows {
    self.layout = layout
    self.weights = Tensor(zeros: [0])
    gradients = nil
    rounded = nil
    base = nil
    adapterScale = 1
    isTrainable = false
    gradientLayout = GradientLayout(ParameterLayout(), pieceElements: 1)
    parameters = try layout.entries.enumerated().map { index, entry in
      let kept = try weights(entry)
      precondition(entry.decays || kept.isExact, "\(entry.name) has one dimension and is not exact")
      return Parameter(entry: entry, index: index, kept: kept.reshaped(entry.shape))
    }
    byName = Dictionary(uniqueKeysWithValues: layout.entries.enumerated().map { ($1.name, $0) })
    parameters.forEach { $0.arena = self }
  }

  /// Gives frozen weights the place where they stay; makes them unless they are there.
  public typealias Keep = (
    ParameterLayout.Entry, _ make: () throws -> KeptWeights<Element>
  ) throws -> KeptWeights<Element>

  /// SHA-256 (hex) of all weights in their order, as they are kept; those of a base first.
  public func digest() -> String {
    var digest = Digest()
    if let base { digest.update(Data(base.digest().utf8)) }
    for parameter in parameters { parameter.kept.update(&digest) }
    return digest.finish()
  }

  /// Brings a stretch of the rounded weights up to date, where the arena keeps them.
  public func round(_ range: Range<Int>) { rounded?.range(range).setRounded(weights.range(range)) }

  /// An arena with memory of its own.
  public convenience init(
    layout: ParameterLayout, trainable: Bool, precision: Precision = .f32, pieceElements: Int = standardPieceElements
  ) {
    let gradientCount = GradientLayout(layout, pieceElements: pieceElements).count
    self.init(
      layout: layout, weights: Tensor(zeros: [layout.count]),
      rounded: precision == .bf16 ? Tensor(uninitialised: [layout.count]) : nil, isTrainable: trainable,
      gradients: trainable ? Tensor(zeros: [gradientCount]) : nil, pieceElements: pieceElements)
  }

  /// The parameter of a name, of this arena or else of its base. - Precondition: it was declared in a layout.
  public subscript(name: String) -> Parameter<Element> {
    if let index = byName[name] { return parameters[index] }
    guard let base else { preconditionFailure("no parameter is named \(name)") }
    return base[name]
  }

  /// Whether a parameter of this name is in the arena itself.
  public func holds(_ name: String) -> Bool { byName[name] != nil }

  /// Whether a parameter of this name is in the arena or its base.
  public func contains(_ name: String) -> Bool { holds(name) || base?.contains(name) ?? false }

  /// Whether anything is trained whose name begins so.
  public func trains(prefix: String) -> Bool {
    isTrainable && parameters.contains { $0.name.hasPrefix(prefix) }
  }

  /// Fills every tensor by its initialiser, from streams keyed by the seed and the tensor's name.
  public func initialise(seed: UInt64) {
    weights.fill(0)
    for parameter in parameters { parameter.entry.initialise(parameter.value, seed: seed) }
    round(0..<layout.count)
  }

  /// Prepares for one forward and backward pass; every gradient is formed anew.
  ///
  /// - Parameter sink: takes the pieces of the gradient, last first; nil = the arena's own memory.
  /// - Precondition: without a sink, the arena keeps its gradient, or is frozen.
  public func beginBackward(into sink: (any GradientSink<Element>)? = nil) {
    guard isTrainable else { return }
    guard let sink = sink ?? gradients.map({ WholeGradient(gradientLayout, memory: $0) }) else {
      preconditionFailure("a backward pass of an arena without gradient memory needs a sink")
    }
    pass = GradientPass(layout: gradientLayout, sink: sink, pool: pool)
  }

  /// Says that forward is over, before backward: tensors it has not used get gradient 0 in their turn.
  ///
  /// Without it the gradient comes out right too, but all of it waits for `endBackward`.
  public func settleUses() { pass?.settle() }

  /// Ends the pass: everything that is left is handed out. In memory of the arena's own, the shares of each tensor are
  /// then added to its first.
  public func endBackward() {
    guard let ending = pass else { return }
    ending.finish()
    pass = nil
    guard let gradients else { return }
    for shares in gradientLayout.sharesOfEntry {
      for later in shares.dropFirst() {
        gradients.range(gradientLayout.shares[shares[0]].range).add(
          gradients.range(gradientLayout.shares[later].range))
      }
    }
  }

  /// The most memory that contributions have waited in for their turn, bytes.
  public var waitingBytes: Int { pool.bytesHeld }

  /// The running pass. - Precondition: between `beginBackward` and `endBackward`.
  var currentPass: GradientPass<Element> {
    guard let pass else { preconditionFailure("a gradient is formed outside of a backward pass") }
    return pass
  }
}
