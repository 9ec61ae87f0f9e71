import Tensors

/// Where a backward pass puts the gradient, piece after piece from the last to the first.
///
/// Pieces are those of the arena's `GradientLayout`. Each is opened once a pass and closed before the next is opened, so a
/// sink can take a piece away as soon as it is closed and never has to hold the whole gradient.
public protocol GradientSink<Element>: AnyObject {
  associatedtype Element: Scalar

  /// Memory for the elements of a piece, with undefined contents; all of them are written before it is closed.
  func open(_ piece: Int) -> Tensor<Element>

  /// The piece is written for good.
  func close(_ piece: Int)
}

/// Keeps the whole gradient in one flat memory.
public final class WholeGradient<Element: Scalar>: GradientSink {
  /// [layout.count]; tensors with several shares have them apart.
  public let memory: Tensor<Element>
  private let layout: GradientLayout

  public init(_ layout: GradientLayout, memory: Tensor<Element>? = nil) {
    self.layout = layout
    self.memory = memory ?? Tensor(zeros: [layout.count])
  }

  public func open(_ piece: Int) -> Tensor<Element> { memory.range(layout.pieces[piece].range) }
  public func close(_ piece: Int) {}
}
