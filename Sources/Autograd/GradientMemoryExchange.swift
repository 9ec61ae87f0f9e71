import Tensors

/// Memory that activations and gradient hold in turns during a pass.
///
/// Backward writes the gradient from its end to its start, while activations are let go of: the start of the gradient is
/// needed when a good part of them is gone. So its pages are the system's until backward comes near, and are then taken
/// from what the pool of activations has idle. A third of the pool (at most half of the gradient) changes hands; more would cost
/// more page faults than the memory is worth.
public struct GradientMemoryExchange<Element: Scalar> {
  private let gradients: Tensor<Element>
  private let activations: BufferPool<Element>
  private var isDone = false

  /// Gives the gradient's start back to the system; all of it when the pool has not been used and its size is not known.
  public init(gradients: Tensor<Element>, activations: BufferPool<Element>) {
    self.gradients = gradients
    self.activations = activations
    (activations.bytesHeld == 0 ? gradients : gradients.range(0..<share)).releasePages()
  }

  /// Bytes that change hands.
  public static func bytes(gradient: Int, activations: Int) -> Int { min(gradient / 2, activations / 3) }

  /// Elements of the gradient that activations have the memory of.
  private var share: Int {
    let stride = MemoryLayout<Element>.stride
    return Self.bytes(gradient: gradients.count * stride, activations: activations.bytesHeld) / stride
  }

  /// Takes the memory back when all of the gradient from an element on is complete, and what is before comes next.
  public mutating func backward(reached element: Int) {
    guard !isDone, element <= share else { return }
    isDone = true
    let start = gradients.range(0..<element)
    activations.releaseIdle(bytes: start.count * MemoryLayout<Element>.stride)
    start.restorePages()
  }
}
