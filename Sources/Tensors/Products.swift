import COneDNN
import COpenBLAS
import CVectorKernels

/// Matrix product C = alpha op(A) op(B) + beta C, where op is the matrix or its transpose; all views may be strided.
///
/// - Complexity: 2 m n k floating-point operations.
/// - Precondition: the shapes agree, C overlaps neither A nor B, every extent is below 2^31.
public func multiply<Element: Scalar>(
  _ a: Matrix<Element>, _ b: Matrix<Element>, transposeA: Bool = false, transposeB: Bool = false,
  alpha: Element = 1, beta: Element = 0, into c: Matrix<Element>
) {
  let (m, n, k) = productExtents(a, b, transposeA: transposeA, transposeB: transposeB, into: c)
  guard m > 0, n > 0 else { return }
  guard k > 0 else {
    for row in 0..<m { for column in 0..<n { c[row, column] = beta == 0 ? 0 : beta * c[row, column] } }
    return
  }
  Element.kernels.product(
    transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans, Int32(m), Int32(n), Int32(k), alpha,
    a.base, Int32(max(1, a.stride)), b.base, Int32(max(1, b.stride)), beta, c.base, Int32(max(1, c.stride)))
}

/// `multiply` on operands in bfloat16. - Precondition: the library has such a product, no extent is 0.
func multiplyRounded<Element: Scalar>(
  _ a: Matrix<BFloat16>, _ b: Matrix<BFloat16>, transposeA: Bool, transposeB: Bool, alpha: Element, beta: Element,
  into c: Matrix<Element>
) {
  let (m, n, k) = productExtents(a, b, transposeA: transposeA, transposeB: transposeB, into: c)
  guard let product = Element.kernels.roundedProduct else { preconditionFailure("no product of bfloat16") }
  product(
    transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans, Int32(m), Int32(n), Int32(k), alpha,
    a.base, Int32(max(1, a.stride)), b.base, Int32(max(1, b.stride)), beta, c.base, Int32(max(1, c.stride)))
}

/// Rows and columns of op(A) op(B), and the extent summed over. - Precondition: the shapes agree with each other and C's.
private func productExtents<Operand: TensorElement, Element: TensorElement>(
  _ a: Matrix<Operand>, _ b: Matrix<Operand>, transposeA: Bool, transposeB: Bool, into c: Matrix<Element>
) -> (m: Int, n: Int, k: Int) {
  let (m, k) = transposeA ? (a.columns, a.rows) : (a.rows, a.columns)
  let (inner, n) = transposeB ? (b.columns, b.rows) : (b.rows, b.columns)
  precondition(
    k == inner && c.rows == m && c.columns == n,
    "product of [\(m), \(k)] and [\(inner), \(n)] into [\(c.rows), \(c.columns)]")
  return (m, n, k)
}

/// The libraries behind `multiply` and their settings.
public enum ProductLibrary {
  /// Sets the number of threads of one product explicitly, in both libraries; the affinity mask is not asked.
  public static func setThreads(_ count: Int) {
    openblas_set_num_threads(Int32(count))
    tellOpenMP()
  }

  /// Hands OpenBLAS's number on to the OpenMP library behind oneDNN, which keeps one per calling thread and so is told
  /// before each product.
  static func tellOpenMP() {
    omp_set_dynamic(0)
    omp_set_num_threads(openblas_get_num_threads())
  }

  /// Threads in use.
  public static var threads: Int { Int(openblas_get_num_threads()) }

  /// The processor type whose kernels OpenBLAS runs, such as "SkylakeX" or "Haswell".
  public static var coreType: String { String(cString: openblas_get_corename()) }

  /// All kernels that bits depend on: OpenBLAS's, the instruction set that oneDNN takes, that of this program's own loops.
  public static var kernels: String {
    let isa =
      switch dnnl_get_effective_cpu_isa() {
      case dnnl_cpu_isa_sse41: "sse41"
      case dnnl_cpu_isa_avx: "avx"
      case dnnl_cpu_isa_avx2: "avx2"
      case dnnl_cpu_isa_avx2_vnni: "avx2_vnni"
      case dnnl_cpu_isa_avx512_core: "avx512_core"
      case dnnl_cpu_isa_avx512_core_vnni: "avx512_core_vnni"
      case dnnl_cpu_isa_avx512_core_bf16: "avx512_core_bf16"
      case dnnl_cpu_isa_avx512_core_amx: "avx512_core_amx"
      case let other: "0x" + String(other.rawValue, radix: 16)
      }
    return "\(coreType), oneDNN \(isa), loops \(String(cString: evl_instruction_set()))"
  }

  /// Versions of both libraries, and OpenBLAS's build options.
  public static var version: String {
    let other = dnnl_version().pointee
    return String(cString: openblas_get_config()).split(separator: " ").joined(separator: " ")
      + " oneDNN \(other.major).\(other.minor).\(other.patch)"
  }
}
