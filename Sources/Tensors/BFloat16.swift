import CVectorKernels

/// A number in bfloat16: the upper half of a `Float`, 8 bits of significand. Tensors keep it; products take it.
public struct BFloat16: TensorElement, Equatable {
  public var bits: UInt16

  public init(bits: UInt16) { self.bits = bits }

  /// The nearest one; of two equally near that with an even last bit. NaN stays NaN.
  public init(_ value: Float) {
    let bits = value.bitPattern
    let rounded = bits &+ 0x7FFF &+ (bits >> 16 & 1)
    self.bits = value.isNaN ? UInt16(bits >> 16) | 0x40 : UInt16(rounded >> 16)
  }

  public static var safetensorsType: String { "BF16" }

  public var value: Float { Float(bitPattern: UInt32(bits) << 16) }
}

extension Tensor<BFloat16> {
  /// Whether every element is finite.
  public var isFinite: Bool { evl_rounded_is_finite(count, UnsafeRawPointer(base)) != 0 }

  /// self = x rounded
  public func setRounded<Wide: Scalar>(_ x: Tensor<Wide>) {
    precondition(x.count == count, "\(x.shape) rounded into \(shape)")
    Wide.kernels.round(1, count, count, x.base, UnsafeMutableRawPointer(base))
  }
}

extension Matrix<BFloat16> {
  /// self = x rounded; self is contiguous
  public func setRounded<Wide: Scalar>(_ x: Matrix<Wide>) {
    precondition(x.rows == rows && x.columns == columns && stride == columns)
    Wide.kernels.round(rows, columns, x.stride, x.base, UnsafeMutableRawPointer(base))
  }
}

extension Matrix where Element: Scalar {
  /// self = x with every number at its nearest bfloat16; self is contiguous
  public func setRoundedValues(of x: Matrix<Element>) {
    precondition(x.rows == rows && x.columns == columns && stride == columns)
    Element.kernels.roundValues(rows, columns, x.stride, x.base, base)
  }

  /// self = x, exactly; self is contiguous
  public func setWidened(_ x: Matrix<BFloat16>) {
    precondition(x.rows == rows && x.columns == columns && stride == columns)
    Element.kernels.widen(rows, columns, x.stride, UnsafeRawPointer(x.base), base)
  }
}
