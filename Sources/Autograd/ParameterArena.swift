import Foundation
import Tensors

/// One named tensor of an arena: its weights and, when trainable, its gradient.
public final class Parameter<Element: Scalar> {
  public let entry: ParameterLayout.Entry
  /// The weights, whatever their form; exact unless the arena is frozen.
  public let kept: KeptWeights<Element>
  /// Absent when frozen.
  public let gradient: Tensor<Element>?
  /// Exact weights rounded to bfloat16 for the products in it.
  private let rounded: Tensor<BFloat16>?
  fileprivate weak var arena: ParameterArena<Element>?
  /// Operations of the running forward whose backward has not come yet.
  fileprivate var pendingUses = 0
  fileprivate var isWritten = false
  fileprivate var isPublished = false

  fileprivate init(
    entry: ParameterLayout.Entry, kept: KeptWeights<Element>, rounded: Tensor<BFloat16>? = nil,
    gradient: Tensor<Element>? = nil
  ) {
    self.entry = entry
    self.kept = kept
    self.rounded = rounded
    self.gradient = gradient
  }

  public var name: String { entry.name }
  public var isTrainable: Bool { gradient != nil }
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

  /// Announces one use in forward; each is answered by one `contribute` in backward.
  ///
  /// - Precondition: its gradient is not complete yet.
  func use() {
    precondition(!isPublished || arena?.isInBackward != true, "\(name) is used again after its gradient was handed out")
    pendingUses += 1
  }

  /// Keeps the gradient open for the shares of several tapes, until `closeShares`, before it is published.
  ///
  /// - Precondition: between the arena's `beginBackward` and `endBackward`.
  public func openShares() {
    precondition(gradient == nil || arena?.isInBackward == true, "shares of \(name) before beginBackward")
    use()
  }

  /// Ends what `openShares` began; without any share the gradient is 0.
  public func closeShares() {
    contributeSum { _ in }
  }

  /// Adds one use's share to the gradient, block of rows by block of rows, and publishes finished blocks.
  ///
  /// - Parameters:
  ///   - rowLength: columns of the tensor seen as a matrix.
  ///   - write: fills the given rows of the gradient; `beta` is 0 for the first share (overwrite) and 1 later.
  func contribute(
    rowLength: Int, _ write: (_ rows: Range<Int>, _ target: Matrix<Element>, _ beta: Element) -> Void
  ) {
    guard let gradient, let arena else { return }
    let matrix = gradient.reshaped([gradient.count / rowLength, rowLength]).matrix
    let step = max(1, arena.bucketElements / rowLength)
    pendingUses -= 1
    var row = 0
    while row < matrix.rows {
      let rows = row..<min(row + step, matrix.rows)
      write(rows, matrix.rows(rows), isWritten ? 1 : 0)
      if pendingUses == 0 {
        let start = entry.range.lowerBound + rows.lowerBound * matrix.columns
        arena.publish(start..<start + rows.count * matrix.columns)
      }
      row += step
    }
    isWritten = true
    isPublished = pendingUses == 0
  }

  /// Like `contribute`, for shares that are added to the whole tensor, which is zeroed before the first.
  func contributeSum(_ add: (Tensor<Element>) -> Void) {
    guard let gradient else { return }
    if !isWritten { gradient.fill(0) }
    isWritten = true
    add(gradient)
    pendingUses -= 1
    isPublished = pendingUses == 0
    if isPublished { arena?.publish(entry.range) }
  }
}

/// All tensors of a model (and of the objective) as views into one flat memory supplied by the caller.
///
/// The gradient memory is cut into buckets of fixed size, smaller than large tensors. During backward a bucket is
/// handed out as soon as it and all later ones are complete, so buckets always come in descending order, on every rank
/// alike.
public final class ParameterArena<Element: Scalar> {
  public let layout: ParameterLayout
  /// Flat memory [layout.count]; empty in a frozen arena, whose tensors lie anywhere.
  public let weights: Tensor<Element>
  /// Flat memory [layout.count]: the weights rounded, for products in bfloat16. Current after `round`.
  public let rounded: Tensor<BFloat16>?
  /// Flat memory [layout.count]; absent when the arena is frozen.
  public let gradients: Tensor<Element>?
  public let parameters: [Parameter<Element>]
  /// The frozen model whose adapters this arena holds; names that are not this arena's own are looked up there.
  public let base: ParameterArena?
  /// Factor of the adapters' products.
  public let adapterScale: Element
  /// Elements of one bucket; the last may be shorter.
  public let bucketElements: Int
  private let byName: [String: Int]
  private var missing: [Int] = []
  private var nextBucket = -1
  private var onBucket: ((Int) -> Void)?
  private var exchange: GradientMemoryExchange<Element>?
  fileprivate private(set) var isInBackward = false

  /// - Parameters:
  ///   - base: the frozen model that the adapters in the layout stand beside.
  ///   - adapterScale: factor of the adapters' products.
  /// - Precondition: the memories hold `layout.count` elements.
  public init(
    layout: ParameterLayout, weights: Tensor<Element>, gradients: Tensor<Element>?, rounded: Tensor<BFloat16>? = nil,
    base: ParameterArena? = nil, adapterScale: Element = 1, bucketElements: Int = 1 << 20
  ) {
    precondition(weights.count == layout.count && (gradients?.count ?? layout.count) == layout.count)
    precondition((rounded?.count ?? layout.count) == layout.count && bucketElements > 0)
    self.layout = layout
    self.weights = weights
    self.gradients = gradients
    self.rounded = rounded
    self.base = base
    self.adapterScale = adapterScale
    self.bucketElements = bucketElements
    parameters = layout.entries.map { entry in
      Parameter(
        entry: entry, kept: .exact(weights.range(entry.range).reshaped(entry.shape)),
        rounded: rounded?.range(entry.range).reshaped(entry.shape),
        gradient: gradients?.range(entry.range).reshaped(entry.shape))
    }
    byName = Dictionary(uniqueKeysWithValues: layout.entries.enumerated().map { ($1.name, $0) })
    parameters.forEach { $0.arena = self }
  }

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
    bucketElements = max(1, layout.count)
    parameters = try layout.entries.map { entry in
      let kept = try weights(entry)
      precondition(entry.decays || kept.isExact, "\(entry.name) has one dimension and is not exact")
      return Parameter(entry: entry, kept: kept.reshaped(entry.shape))
    }
    byName = Dictionary(uniqueKeysWithValues: layout.entries.enumerated().map { ($1.name, $0) })
    parameters.forEach { $0.arena = self }
  }

  /// A frozen arena of keyed random numbers; with bf16 its matrices are kept in bfloat16 alone.
  public convenience init(frozenRandom layout: ParameterLayout, seed: UInt64, precision: Precision) {
    self.init(frozen: layout) { entry in
      let exact = Tensor<Element>(uninitialised: entry.shape)
      entry.initialise(exact, seed: seed)
      return entry.decays && precision == .bf16 ? KeptWeights(rounding: exact) : .exact(exact)
    }
  }

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
    layout: ParameterLayout, trainable: Bool, precision: Precision = .f32, bucketElements: Int = 1 << 20
  ) {
    self.init(
      layout: layout, weights: Tensor(zeros: [layout.count]),
      gradients: trainable ? Tensor(zeros: [layout.count]) : nil,
      rounded: precision == .bf16 ? Tensor(uninitialised: [layout.count]) : nil, bucketElements: bucketElements)
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
    gradients != nil && parameters.contains { $0.name.hasPrefix(prefix) }
  }

  public var bucketCount: Int { (layout.count + bucketElements - 1) / bucketElements }

  /// Elements of a bucket.
  public func bucket(_ index: Int) -> Range<Int> {
    index * bucketElements..<min((index + 1) * bucketElements, layout.count)
  }

  /// Fills every tensor by its initialiser, from streams keyed by the seed and the tensor's name.
  public func initialise(seed: UInt64) {
    weights.fill(0)
    for parameter in parameters { parameter.entry.initialise(parameter.value, seed: seed) }
    round(0..<layout.count)
  }

  /// Prepares for one backward pass: every gradient will be overwritten, none added to what was there.
  ///
  /// - Parameters:
  ///   - pool: of the activations, which shares memory with the gradient; see `GradientMemoryExchange`.
  ///   - onBucket: called with each bucket's index, last bucket first, when its gradient is complete.
  public func beginBackward(sharingMemoryWith pool: BufferPool<Element>? = nil, onBucket: ((Int) -> Void)? = nil) {
    for parameter in parameters {
      parameter.isWritten = false
      parameter.isPublished = false
    }
    missing = (0..<bucketCount).map { bucket($0).count }
    for (index, entry) in layout.entries.enumerated() {
      // The padding between tensors is nobody's to publish.
      let end = index + 1 < layout.entries.count ? layout.entries[index + 1].range.lowerBound : layout.count
      deduct(entry.range.upperBound..<end)
    }
    exchange = pool.flatMap { pool in gradients.map { GradientMemoryExchange(gradients: $0, activations: pool) } }
    self.onBucket = onBucket
    isInBackward = true
    nextBucket = bucketCount - 1
    handOut()
  }

  /// Ends the pass: parameters that took no part get gradient zero, and the last buckets are handed out.
  public func endBackward() {
    for parameter in parameters where !parameter.isPublished {
      if !parameter.isWritten { parameter.gradient?.fill(0) }
      parameter.pendingUses = 0
      publish(parameter.entry.range)
    }
    precondition(nextBucket < 0 || gradients == nil, "bucket \(nextBucket) was never completed")
    onBucket = nil
    isInBackward = false
  }

  fileprivate func publish(_ range: Range<Int>) {
    deduct(range)
    handOut()
  }

  private func deduct(_ range: Range<Int>) {
    guard !missing.isEmpty, !range.isEmpty else { return }
    for index in range.lowerBound / bucketElements...(range.upperBound - 1) / bucketElements {
      missing[index] -= range.clamped(to: bucket(index)).count
    }
  }

  private func handOut() {
    while nextBucket >= 0, missing[nextBucket] == 0 {
      nextBucket -= 1
      onBucket?(nextBucket + 1)
      exchange?.backward(reached: (nextBucket + 1) * bucketElements)
    }
  }
}
