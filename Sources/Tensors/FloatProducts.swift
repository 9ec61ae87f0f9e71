import COneDNN
import COpenBLAS

/// Chooses the library for a product in single precision. Every such product of the program passes here, so that one of
/// operands rounded to bf16, which oneDNN has too, is one more choice in this place.
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
    // OpenMP keeps the number of threads per calling thread, so it is told each time.
    omp_set_num_threads(openblas_get_num_threads())
    let status = dnnl_sgemm(
      letter(transposeA), letter(transposeB), Int64(m), Int64(n), Int64(k), alpha, a, Int64(lda), b, Int64(ldb), beta,
      c, Int64(ldc))
    precondition(status == dnnl_success, "product of [\(m), \(k)] and [\(k), \(n)]: oneDNN's status \(status)")
  }

  private static func letter(_ transpose: CBLAS_TRANSPOSE) -> CChar {
    CChar(UInt8(ascii: transpose == CblasTrans ? "T" : "N"))
  }
}
