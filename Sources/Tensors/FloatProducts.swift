import COneDNN
import COpenBLAS
import CVectorKernels

/// Chooses the library for a product into single precision; every such product of the program passes here.
///
/// Where one extent is small, as in attention and in small models, packing costs OpenBLAS a fifth of its speed; oneDNN's
/// kernels do not pack there. Large products stay with OpenBLAS, and so do those whose operand is read across rows that
/// all lie in the same sets of the cache: unpacked, they run at half speed. The choice depends on the shape alone, so that
/// bits do not depend on anything else.
enum FloatProducts {
  /// Smallest extent up to which oneDNN multiplies.
  static let smallExtent: Int32 = 512
  /// Rows this many elements apart, or a multiple, share half the sets of a first-level cache or fewer.
  static let crowdedStride: Int32 = 512

  private static func isFast(
    _ transposeA: CBLAS_TRANSPOSE, _ transposeB: CBLAS_TRANSPOSE, smallest: Int32, _ lda: Int32, _ ldb: Int32
  ) -> Bool {
    let crowded =
      (transposeA == CblasTrans && lda % crowdedStride == 0) || (transposeB != CblasTrans && ldb % crowdedStride == 0)
    return smallest <= smallExtent && !crowded
  }

  static func multiply(
    _ transposeA: CBLAS_TRANSPOSE, _ transposeB: CBLAS_TRANSPOSE, _ m: Int32, _ n: Int32, _ k: Int32, _ alpha: Float,
    _ a: UnsafePointer<Float>, _ lda: Int32, _ b: UnsafePointer<Float>, _ ldb: Int32, _ beta: Float,
    _ c: UnsafeMutablePointer<Float>, _ ldc: Int32
  ) {
    guard isFast(transposeA, transposeB, smallest: min(m, n, k), lda, ldb) else {
      return cblas_sgemm(CblasRowMajor, transposeA, transposeB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
    }
    ProductLibrary.tellOpenMP()
    let status = dnnl_sgemm(
      letter(transposeA), letter(transposeB), Int64(m), Int64(n), Int64(k), alpha, a, Int64(lda), b, Int64(ldb), beta,
      c, Int64(ldc))
    precondition(status == dnnl_success, "product of [\(m), \(k)] and [\(k), \(n)]: oneDNN's status \(status)")
  }

  /// Whether the processor has instructions for bfloat16 and oneDNN uses them.
  static let multipliesRounded: Bool = {
    guard evl_has_bf16() != 0 else { return false }
    let ones = [BFloat16](repeating: BFloat16(1), count: 1024)
    var sums = [Float](repeating: 0, count: 1024)
    let status = roundedGEMM(CblasNoTrans, CblasTrans, 32, 32, 32, 1, ones, 32, ones, 32, 0, &sums, 32)
    return status == dnnl_success && sums.allSatisfy { $0 == 32 }
  }()

  /// Product of operands in bfloat16, by oneDNN, which has the only one.
  static func multiplyRounded(
    _ transposeA: CBLAS_TRANSPOSE, _ transposeB: CBLAS_TRANSPOSE, _ m: Int32, _ n: Int32, _ k: Int32, _ alpha: Float,
    _ a: UnsafePointer<BFloat16>, _ lda: Int32, _ b: UnsafePointer<BFloat16>, _ ldb: Int32, _ beta: Float,
    _ c: UnsafeMutablePointer<Float>, _ ldc: Int32
  ) {
    ProductLibrary.tellOpenMP()
    let status = roundedGEMM(transposeA, transposeB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
    precondition(status == dnnl_success, "bfloat16 product of [\(m), \(k)] and [\(k), \(n)]: status \(status)")
  }

  private static func roundedGEMM(
    _ transposeA: CBLAS_TRANSPOSE, _ transposeB: CBLAS_TRANSPOSE, _ m: Int32, _ n: Int32, _ k: Int32, _ alpha: Float,
    _ a: UnsafePointer<BFloat16>, _ lda: Int32, _ b: UnsafePointer<BFloat16>, _ ldb: Int32, _ beta: Float,
    _ c: UnsafeMutablePointer<Float>, _ ldc: Int32
  ) -> dnnl_status_t {
    dnnl_gemm_bf16bf16f32(
      letter(transposeA), letter(transposeB), Int64(m), Int64(n), Int64(k), alpha, UnsafeRawPointer(a), Int64(lda),
      UnsafeRawPointer(b), Int64(ldb), beta, c, Int64(ldc))
  }

  private static func letter(_ transpose: CBLAS_TRANSPOSE) -> CChar {
    CChar(UInt8(ascii: transpose == CblasTrans ? "T" : "N"))
  }
}
