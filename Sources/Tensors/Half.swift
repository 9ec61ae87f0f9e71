import CVectorKernels

/// A number in half precision (IEEE 754 binary16): 5 bits of exponent, 11 of significand. Files hold it; products widen it.
public struct Half: TensorElement, Equatable {
  public var bits: UInt16

  public init(bits: UInt16) { self.bits = bits }

  public static var safetensorsType: String { "F16" }

  public var value: Float { evl_half_value(bits) }
}

extension Tensor<Half> {
  /// Whether every element is finite.
  public var isFinite: Bool { evl_half_is_finite(count, UnsafeRawPointer(base)) != 0 }
}

extension Matrix<BFloat16> {
  /// self = x rounded; self is contiguous
  func setRounded(_ x: Matrix<Half>) {
    precondition(x.rows == rows && x.columns == columns && stride == columns)
    evl_round_half(rows, columns, x.stride, UnsafeRawPointer(x.base), UnsafeMutableRawPointer(base))
  }
}

extension Matrix where Element: Scalar {
  /// self = x with every number at its nearest bfloat16; self is contiguous
  public func setRoundedValues(of x: Matrix<Half>) {
    precondition(x.rows == rows && x.columns == columns && stride == columns)
    Element.kernels.roundHalfValues(rows, columns, x.stride, UnsafeRawPointer(x.base), base)
  }

  /// self = x, exactly; self is contiguous
  public func setWidened(_ x: Matrix<Half>) {
    precondition(x.rows == rows && x.columns == columns && stride == columns)
    Element.kernels.widenHalf(rows, columns, x.stride, UnsafeRawPointer(x.base), base)
  }
}
