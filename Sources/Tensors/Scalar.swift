import COpenBLAS
import CVectorKernels

/// What tensors can hold.
public protocol TensorElement: Sendable {
  /// Name of the type in safetensors files.
  static var safetensorsType: String { get }
}

/// A number type the whole program can compute with: `Float` for training, `Double` for checks of the same code.
public protocol Scalar: TensorElement, BinaryFloatingPoint {
  /// The vector loops for this type.
  static var kernels: KernelTable<Self> { get }
  /// The loops of the losses for this type.
  static var lossKernels: LossKernelTable<Self> { get }
  /// The loops of the methods compared with, for this type.
  static var methodKernels: MethodKernelTable<Self> { get }
  /// The loops of further activations for this type.
  static var activationKernels: ActivationKernelTable<Self> { get }
}

extension Float: Scalar {
  public static var safetensorsType: String { "F32" }
  public static let kernels = KernelTable<Float>(
    axpy: evl_axpy_f32, scale: evl_scale_f32, add: evl_add_f32, multiply: evl_multiply_f32,
    sumOfSquares: evl_sum_of_squares_f32, isFinite: { evl_is_finite_f32($0, $1) != 0 }, dot: evl_dot_f32,
    addBias: evl_add_bias_f32, addRows: evl_add_rows_f32,
    exp: evl_exp_f32, gelu: evl_gelu_f32, geluBackward: evl_gelu_backward_f32, swiglu: evl_swiglu_f32,
    swigluBackward: evl_swiglu_backward_f32, layerNorm: evl_layer_norm_f32,
    layerNormBackward: evl_layer_norm_backward_f32, rmsNorm: evl_rms_norm_f32,
    rmsNormBackward: evl_rms_norm_backward_f32, softmax: evl_softmax_f32, softmaxBackward: evl_softmax_backward_f32,
    crossEntropy: evl_cross_entropy_f32, rotary: evl_rotary_f32, adamW: evl_adamw_f32,
    product: FloatProducts.multiply, roundedProduct: FloatProducts.multiplyRounded, round: evl_round_f32,
    roundValues: evl_round_values_f32, widen: evl_widen_rounded_f32, widenHalf: evl_widen_half_f32,
    roundHalfValues: evl_round_half_values_f32, streamExact: evl_stream_product_f32,
    streamRounded: evl_stream_product_rounded, streamHalf: evl_stream_product_half, attendRow: evl_attend_row_f32)
}

extension Double: Scalar {
  public static var safetensorsType: String { "F64" }
  public static let kernels = KernelTable<Double>(
    axpy: evl_axpy_f64, scale: evl_scale_f64, add: evl_add_f64, multiply: evl_multiply_f64,
    sumOfSquares: evl_sum_of_squares_f64, isFinite: { evl_is_finite_f64($0, $1) != 0 }, dot: evl_dot_f64,
    addBias: evl_add_bias_f64, addRows: evl_add_rows_f64,
    exp: evl_exp_f64, gelu: evl_gelu_f64, geluBackward: evl_gelu_backward_f64, swiglu: evl_swiglu_f64,
    swigluBackward: evl_swiglu_backward_f64, layerNorm: evl_layer_norm_f64,
    layerNormBackward: evl_layer_norm_backward_f64, rmsNorm: evl_rms_norm_f64,
    rmsNormBackward: evl_rms_norm_backward_f64, softmax: evl_softmax_f64, softmaxBackward: evl_softmax_backward_f64,
    crossEntropy: evl_cross_entropy_f64, rotary: evl_rotary_f64, adamW: evl_adamw_f64,
    product: { transposeA, transposeB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc in
      cblas_dgemm(CblasRowMajor, transposeA, transposeB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
    }, roundedProduct: nil, round: evl_round_f64, roundValues: evl_round_values_f64, widen: evl_widen_rounded_f64,
    widenHalf: evl_widen_half_f64, roundHalfValues: evl_round_half_values_f64, streamExact: nil, streamRounded: nil,
    streamHalf: nil, attendRow: evl_attend_row_f64)
}

/// The C loops of one scalar type; CVectorKernels.h says what each computes.
public struct KernelTable<T: Scalar>: Sendable {
  typealias In = UnsafePointer<T>
  typealias Out = UnsafeMutablePointer<T>
  let axpy: @Sendable (Int, T, In, Out) -> Void
  let scale: @Sendable (Int, T, In, Out) -> Void
  let add: @Sendable (Int, In, In, Out) -> Void
  let multiply: @Sendable (Int, In, In, Out) -> Void
  let sumOfSquares: @Sendable (Int, In) -> Double
  let isFinite: @Sendable (Int, In) -> Bool
  let dot: @Sendable (Int, In, In) -> Double
  let addBias: @Sendable (Int, Int, In, Out) -> Void
  let addRows: @Sendable (Int, Int, In, Out) -> Void
  let exp: @Sendable (Int, In, Out) -> Void
  let gelu: @Sendable (Int, In, Out) -> Void
  let geluBackward: @Sendable (Int, In, In, Out) -> Void
  let swiglu: @Sendable (Int, In, In, Out) -> Void
  let swigluBackward: @Sendable (Int, In, In, In, Out, Out) -> Void
  let layerNorm: @Sendable (Int, Int, T, In, In, In, Out, Out, Out) -> Void
  let layerNormBackward: @Sendable (Int, Int, In, In, In, In, In, Out, Out, Out) -> Void
  let rmsNorm: @Sendable (Int, Int, T, In, In, Out, Out) -> Void
  let rmsNormBackward: @Sendable (Int, Int, In, In, In, In, Out, Out) -> Void
  let softmax: @Sendable (Int, Int, T, UnsafePointer<UInt8>?, Int32, Int, Out) -> Void
  let softmaxBackward: @Sendable (Int, Int, T, In, Out) -> Void
  let crossEntropy: @Sendable (Int, Int, T, Out) -> Double
  let rotary: @Sendable (Int, Int, Int, Int, In, In, Int32, Out) -> Void
  let adamW: @Sendable (Int, UnsafePointer<evl_adamw>, In, Out, Out, Out, UnsafeMutableRawPointer?) -> Void
  let product:
    @Sendable (CBLAS_TRANSPOSE, CBLAS_TRANSPOSE, Int32, Int32, Int32, T, In, Int32, In, Int32, T, Out, Int32) -> Void
  typealias Rounded = UnsafePointer<BFloat16>
  /// Product of rounded operands into this type; nil where no library has it.
  let roundedProduct:
    (
      @Sendable (
        CBLAS_TRANSPOSE, CBLAS_TRANSPOSE, Int32, Int32, Int32, T, Rounded, Int32, Rounded, Int32, T, Out, Int32
      ) -> Void
    )?
  let round: @Sendable (Int, Int, Int, In, UnsafeMutableRawPointer) -> Void
  let roundValues: @Sendable (Int, Int, Int, In, Out) -> Void
  let widen: @Sendable (Int, Int, Int, UnsafeRawPointer, Out) -> Void
  let widenHalf: @Sendable (Int, Int, Int, UnsafeRawPointer, Out) -> Void
  let roundHalfValues: @Sendable (Int, Int, Int, UnsafeRawPointer, Out) -> Void
  /// Products of few rows with a large matrix; nil where they are not worth a loop of their own.
  let streamExact: (@Sendable (Int, Int, Int, In, Int, In, Int, Out, Int) -> Void)?
  /// The same with the matrix in sixteen bits a number.
  typealias NarrowStream = @Sendable (Int, Int, Int, In, Int, UnsafeRawPointer, Int, Out, Int) -> Void
  let streamRounded: NarrowStream?
  let streamHalf: NarrowStream?
  let attendRow: @Sendable (Int, Int, Int, Int, Int, T, In, In, Int, In, Int, Out, Out) -> Void
}
