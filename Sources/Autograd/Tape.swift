import Tensors

/// The list of operations of one forward pass, run in reverse by `backward`.
///
/// Operations are coarse (a linear layer, an attention, a loss). Each is a method in an extension whose file holds its
/// forward and its backward side by side. Buffers come from the pool.
public final class Tape<Element: Scalar> {
  public let pool: BufferPool<Element>
  /// Whether operations are recorded; without, values are freed as soon as nobody uses them.
  public let isRecording: Bool
  /// Whether blocks given to `block` keep their input alone and are computed again in backward.
  public let recomputesBlocks: Bool
  /// Whether the uses of parameters count: those of a recomputed block do in its first forward, not in the second.
  private let announcesUses: Bool
  /// Matrix products at the tape's precision.
  public let products: MixedProducts<Element>
  /// Called before each block, for work that must go on meanwhile, such as messages.
  private let interlude: (() -> Void)?
  private var steps: [() -> Void] = []

  /// - Parameters:
  ///   - team: threads that share products and attention, for generation; see `MixedProducts`.
  ///   - interlude: called before each block.
  public init(
    pool: BufferPool<Element>, recording: Bool = true, precision: Precision = .f32, recomputesBlocks: Bool = false,
    team: ThreadTeam? = nil, meter: ProductMeter? = nil, interlude: (() -> Void)? = nil
  ) {
    self.interlude = interlude
    self.pool = pool
    isRecording = recording
    announcesUses = recording
    self.recomputesBlocks = recomputesBlocks
    products = MixedProducts(precision, pool: pool, team: team, meter: meter)
  }

  private init(part: Tape, recording: Bool, announcesUses: Bool) {
    pool = part.pool
    isRecording = recording
    self.announcesUses = announcesUses
    recomputesBlocks = false
    interlude = part.interlude
    products = part.products
  }

  /// A tape of its own for a part of this one's work, with its pool and precision.
  public func part() -> Tape { Tape(part: self, recording: isRecording, announcesUses: announcesUses) }

  /// A value from outside.
  public func constant(_ value: Tensor<Element>) -> Variable<Element> { Variable(value, needsGradient: false) }

  /// The result of an operation with trainable parameters or inputs that need a gradient.
  ///
  /// - Parameters:
  ///   - recompute: forms the value again from what the operation keeps; nil where that is not cheap.
  ///   - backward: receives the gradient of the result (absent steps are skipped) and adds to the inputs'.
  public func result(
    _ value: Tensor<Element>, needsGradient: Bool, recompute: (() -> Tensor<Element>)? = nil,
    backward: @escaping (Tensor<Element>) -> Void
  ) -> Variable<Element> {
    guard needsGradient, isRecording else { return Variable(value, needsGradient: false) }
    let variable =
      recompute.map { Variable(value, needsGradient: true, recompute: $0) } ?? Variable(value, needsGradient: true)
    // The step holds on to the place of the gradient, not to the value.
    let cotangent = variable.cotangent
    steps.append {
      if let gradient = cotangent.gradient { backward(gradient) }
      cotangent.release()
    }
    return variable
  }

  /// Records the backward of a loss, which has no result to differentiate: it adds its gradient to its inputs.
  public func recordLoss(_ backward: @escaping () -> Void) {
    if isRecording { steps.append(backward) }
  }

  /// Runs every operation's backward, last first, and empties the tape.
  public func backward() {
    while let step = steps.popLast() { step() }
  }
}

extension Tape {
  /// Marks the use of a parameter whose gradient the operation will contribute to; says whether it is wanted.
  func uses(_ parameter: Parameter<Element>?) -> Bool {
    guard let parameter, parameter.isTrainable else { return false }
    if announcesUses { parameter.use() }
    return isRecording
  }

  /// A block of operations on x. Where the tape recomputes blocks, what lies between x and the result is not kept: it is
  /// computed once more, the same bits, when backward gets there (Chen et al. 2016).
  ///
  /// - Parameter trains: whether the block has parameters that are trained.
  /// - Precondition: the block's parameters are used by it alone, and it hands nothing else out.
  /// - Complexity: with recomputation one more forward of the block.
  public func block(
    _ x: Variable<Element>, trains: Bool = true,
    _ body: @escaping (Variable<Element>, Tape<Element>) -> Variable<Element>
  ) -> Variable<Element> {
    interlude?()
    guard isRecording, recomputesBlocks, trains || x.needsGradient else { return body(x, self) }
    let value = body(constant(x.value), Tape(part: self, recording: false, announcesUses: true)).value
    let inner = Tape(part: self, recording: true, announcesUses: false)
    return result(value, needsGradient: true) { [pool] dy in
      let input = Variable(x.value, needsGradient: x.needsGradient)
      body(input, inner).accumulate(dy, owned: false, pool: pool)
      inner.backward()
      if let dx = input.gradient { x.accumulate(dx, pool: pool) }
    }
  }
}
