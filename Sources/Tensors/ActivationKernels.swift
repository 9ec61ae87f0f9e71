import CVectorKernels

/// The C loops of activations besides the tanh form of gelu, for one scalar type; Activations.h says what each computes.
public struct ActivationKernelTable<T: Scalar>: Sendable {
  typealias In = UnsafePointer<T>
  typealias Out = UnsafeMutablePointer<T>
  let swish: @Sendable (Int, T, In, Out) -> Void
  let swishBackward: @Sendable (Int, T, In, In, Out) -> Void
  let geluExact: @Sendable (Int, In, Out) -> Void
  let geluExactBackward: @Sendable (Int, In, In, Out) -> Void
}

extension Float {
  public static let activationKernels = ActivationKernelTable<Float>(
    swish: evl_swish_f32, swishBackward: evl_swish_backward_f32, geluExact: evl_gelu_exact_f32,
    geluExactBackward: evl_gelu_exact_backward_f32)
}

extension Double {
  public static let activationKernels = ActivationKernelTable<Double>(
    swish: evl_swish_f64, swishBackward: evl_swish_backward_f64, geluExact: evl_gelu_exact_f64,
    geluExactBackward: evl_gelu_exact_backward_f64)
}

extension Tensor where Element: Scalar {
  /// self = x sigmoid(slope x)
  public func setSwish(_ x: Tensor, slope: Double) {
    precondition(x.count == count)
    Element.activationKernels.swish(count, Element(slope), x.base, base)
  }

  /// self = dy times the derivative of `setSwish` at x
  public func setSwishBackward(_ x: Tensor, slope: Double, _ dy: Tensor) {
    precondition(x.count == count && dy.count == count)
    Element.activationKernels.swishBackward(count, Element(slope), x.base, dy.base, base)
  }

  /// self = x Phi(x), the exact gelu
  public func setGELUExact(_ x: Tensor) {
    precondition(x.count == count)
    Element.activationKernels.geluExact(count, x.base, base)
  }

  /// self = dy times the derivative of `setGELUExact` at x
  public func setGELUExactBackward(_ x: Tensor, _ dy: Tensor) {
    precondition(x.count == count && dy.count == count)
    Element.activationKernels.geluExactBackward(count, x.base, dy.base, base)
  }
}
