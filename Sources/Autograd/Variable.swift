import Tensors

/// Where the derivative of the loss by a value gathers during backward; it outlives the value where backward needs no more.
public final class Cotangent<Element: Scalar> {
  public let shape: [Int]
  /// Whether a derivative is wanted; what is fixed (the teacher's side, pixels) costs no backward.
  public let isWanted: Bool
  /// Derivative of the loss; absent before backward and where no loss depends on the value.
  public private(set) var gradient: Tensor<Element>?
  private var ownsGradient = false

  init(shape: [Int], isWanted: Bool) {
    self.shape = shape
    self.isWanted = isWanted
  }

  /// Adds a share to the gradient.
  ///
  /// - Parameter owned: whether `share` may be kept and changed; pass false for a tensor that others read too.
  public func accumulate(_ share: Tensor<Element>, owned: Bool = true, pool: BufferPool<Element>) {
    guard isWanted else { return }
    precondition(share.count == shape.reduce(1, *), "gradient \(share.shape) of a value \(shape)")
    let share = share.reshaped(shape)
    guard let present = gradient else {
      gradient = share
      ownsGradient = owned
      return
    }
    if ownsGradient {
      present.add(share)
    } else {
      let sum = pool.tensor(shape)
      sum.setSum(present, share)
      gradient = sum
      ownsGradient = true
    }
  }

  /// Gives up the gradient's memory once backward has passed the operation that made the value.
  func release() { gradient = nil }
}

/// A value in the computation and, after backward, the derivative of the loss by it.
public final class Variable<Element: Scalar> {
  public let cotangent: Cotangent<Element>
  private var kept: Tensor<Element>?
  private let compute: (() -> Tensor<Element>)?
  private var operand: Operand<Element>?

  public init(_ value: Tensor<Element>, needsGradient: Bool) {
    kept = value
    compute = nil
    cotangent = Cotangent(shape: value.shape, isWanted: needsGradient)
  }

  /// - Parameter recompute: forms the value again, the same bits, after it was dropped.
  init(_ value: Tensor<Element>, needsGradient: Bool, recompute: @escaping () -> Tensor<Element>) {
    kept = value
    compute = recompute
    cotangent = Cotangent(shape: value.shape, isWanted: needsGradient)
  }

  /// The value; formed again when it was dropped.
  public var value: Tensor<Element> {
    if let kept { return kept }
    guard let compute else { preconditionFailure("a value was given up that is still needed") }
    let again = compute()
    kept = again
    return again
  }

  public var shape: [Int] { cotangent.shape }
  public var needsGradient: Bool { cotangent.isWanted }
  public var gradient: Tensor<Element>? { cotangent.gradient }

  public func accumulate(_ share: Tensor<Element>, owned: Bool = true, pool: BufferPool<Element>) {
    cotangent.accumulate(share, owned: owned, pool: pool)
  }

  /// The value as a side of products, converted once.
  func operand(_ products: MixedProducts<Element>) -> Operand<Element> {
    if products.precision == .f32 { return .exact(value.matrix) }
    if let operand { return operand }
    let made = products.prepared(value.matrix)
    operand = made
    return made
  }

  /// Gives up the exact value where its rounded form is all that backward reads.
  fileprivate func narrow(_ products: MixedProducts<Element>) {
    guard products.precision == .bf16 else { return }
    _ = operand(products)
    kept = nil
  }

  /// Gives up the memory of a value that backward can form again; others are kept.
  fileprivate func drop() {
    guard compute != nil else { return }
    kept = nil
    operand = nil
  }
}

extension Tape {
  /// Gives up the memory of a value that is cheap to form again, after its last use in forward: norms and activations,
  /// whose inputs are kept. Backward forms it again, the same bits.
  public func drop(_ variable: Variable<Element>) {
    if isRecording { variable.drop() }
  }

  /// Gives up the exact memory of a value whose later uses, all in backward, are as a side of products: in bfloat16 they
  /// read its rounded form alone.
  public func narrow(_ variables: Variable<Element>...) {
    if isRecording { variables.forEach { $0.narrow(products) } }
  }
}
