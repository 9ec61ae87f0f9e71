import Tensors

/// A value in the computation and, after backward, the derivative of the loss by it.
public final class Variable<Element: Scalar> {
  public let value: Tensor<Element>
  /// Whether a derivative is wanted; what is fixed (the teacher's side, pixels) costs no backward.
  public let needsGradient: Bool
  /// Derivative of the loss; absent before backward and where no loss depends on the value.
  public private(set) var gradient: Tensor<Element>?
  private var ownsGradient = false

  public init(_ value: Tensor<Element>, needsGradient: Bool) {
    self.value = value
    self.needsGradient = needsGradient
  }

  public var shape: [Int] { value.shape }

  /// Adds a share to the gradient.
  ///
  /// - Parameter owned: whether `share` may be kept and changed; pass false for a tensor that others read too.
  public func accumulate(_ share: Tensor<Element>, owned: Bool = true, pool: BufferPool<Element>) {
    guard needsGradient else { return }
    precondition(share.count == value.count, "gradient \(share.shape) of a value \(value.shape)")
    let share = share.reshaped(value.shape)
    guard let present = gradient else {
      gradient = share
      ownsGradient = owned
      return
    }
    if ownsGradient {
      present.add(share)
    } else {
      let sum = pool.tensor(value.shape)
      sum.setSum(present, share)
      gradient = sum
      ownsGradient = true
    }
  }

  /// Gives up the gradient's memory once backward has passed the operation that made this value.
  fileprivate func releaseGradient() { gradient = nil }
}

/// The list of operations of one forward pass, run in reverse by `backward`.
///
/// Operations are coarse (a linear layer, an attention, a loss). Each is a method in an extension whose file holds its
/// forward and its backward side by side. Buffers come from the pool.
public final class Tape<Element: Scalar> {
  public let pool: BufferPool<Element>
  /// Whether operations are recorded; without, values are freed as soon as nobody uses them.
  public let isRecording: Bool
  private var steps: [() -> Void] = []

  public init(pool: BufferPool<Element>, recording: Bool = true) {
    self.pool = pool
    isRecording = recording
  }

  /// A value from outside.
  public func constant(_ value: Tensor<Element>) -> Variable<Element> { Variable(value, needsGradient: false) }

  /// The result of an operation with trainable parameters or inputs that need a gradient.
  ///
  /// - Parameter backward: receives the gradient of the result (absent steps are skipped) and adds to the inputs'.
  public func result(
    _ value: Tensor<Element>, needsGradient: Bool, backward: @escaping (Tensor<Element>) -> Void
  ) -> Variable<Element> {
    let variable = Variable(value, needsGradient: needsGradient && isRecording)
    if variable.needsGradient {
      steps.append {
        if let gradient = variable.gradient { backward(gradient) }
        variable.releaseGradient()
      }
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
    guard isRecording, let parameter, parameter.isTrainable else { return false }
    parameter.use()
    return true
  }
}
