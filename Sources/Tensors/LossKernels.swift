import CVectorKernels

/// The C loops of the losses for one scalar type; Transport.h and Relations.h say what each computes.
public struct LossKernelTable<T: Scalar>: Sendable {
  typealias In = UnsafePointer<T>
  typealias Out = UnsafeMutablePointer<T>
  let rowMean: @Sendable (Int, Int, In, Out) -> Void
  let centre: @Sendable (Int, Int, In, In, Out) -> Void
  let rowSquares: @Sendable (Int, Int, In, Out) -> Void
  let scaleRows: @Sendable (Int, Int, In, In, Out) -> Void
  let squaredDistances: @Sendable (Int, Int, Int, In, In, In, In, Double, Out) -> Double
  let transportStart: @Sendable (Int, Int, In, In, Out, Out) -> Void
  let transportKernel: @Sendable (Int, Int, T, In, In, In, Out) -> Void
  let sinkhorn: @Sendable (Int, Int, T, T, Int, Int, Double, Double, In, Out, Out, Out) -> evl_sweeps
  let absorb: @Sendable (Int, Double, Out, Out) -> Void
  let transportPlan: @Sendable (Int, Int, In, In, In, Out, Out, Out) -> Double
  let marginals: @Sendable (Int, Int, In, Out, Out) -> Void
  let implicit: @Sendable (Int, Int, T, In, In, In, In, Out) -> Void
  let widen: @Sendable (Int, In, UnsafeMutablePointer<Double>) -> Void
  let narrow: @Sendable (Int, UnsafePointer<Double>, Out) -> Void
  let relationNorms: @Sendable (Int, Int, In, Out, Out, Out) -> Void
  let squareRoots: @Sendable (Int, Out) -> Double
  let relationCompare: @Sendable (Int, Double, Double, In, In, In, In, In, In) -> evl_relation_sums
  let relationCoefficients:
    @Sendable (
      Int, Int, UnsafePointer<evl_relation_weights>, Out, Out, In, In, In, In, In, In, In, In, In, In, Out, Out, Out,
      Out
    ) -> Void
}

extension Float {
  public static let lossKernels = LossKernelTable<Float>(
    rowMean: evl_row_mean_f32, centre: evl_centre_f32, rowSquares: evl_row_squares_f32, scaleRows: evl_scale_rows_f32,
    squaredDistances: evl_squared_distances_f32, transportStart: evl_transport_start_f32,
    transportKernel: evl_transport_kernel_f32, sinkhorn: evl_sinkhorn_f32, absorb: evl_absorb_f32,
    transportPlan: evl_transport_plan_f32, marginals: evl_marginals_f32, implicit: evl_implicit_f32,
    widen: evl_widen_f32, narrow: evl_narrow_f32, relationNorms: evl_relation_norms_f32,
    squareRoots: evl_square_roots_f32, relationCompare: evl_relation_compare_f32,
    relationCoefficients: evl_relation_coefficients_f32)
}

extension Double {
  public static let lossKernels = LossKernelTable<Double>(
    rowMean: evl_row_mean_f64, centre: evl_centre_f64, rowSquares: evl_row_squares_f64, scaleRows: evl_scale_rows_f64,
    squaredDistances: evl_squared_distances_f64, transportStart: evl_transport_start_f64,
    transportKernel: evl_transport_kernel_f64, sinkhorn: evl_sinkhorn_f64, absorb: evl_absorb_f64,
    transportPlan: evl_transport_plan_f64, marginals: evl_marginals_f64, implicit: evl_implicit_f64,
    widen: evl_widen_f64, narrow: evl_narrow_f64, relationNorms: evl_relation_norms_f64,
    squareRoots: evl_square_roots_f64, relationCompare: evl_relation_compare_f64,
    relationCoefficients: evl_relation_coefficients_f64)
}
