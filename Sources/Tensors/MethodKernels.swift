import CVectorKernels

/// The C loops of the methods compared with, for one scalar type; Methods.h says what each computes.
public struct MethodKernelTable<T: Scalar>: Sendable {
  typealias In = UnsafePointer<T>
  typealias Out = UnsafeMutablePointer<T>
  typealias Places = UnsafePointer<UInt32>
  let divergence: @Sendable (Int, T, T, In, In, Out) -> Double
  let sortDescending: @Sendable (Int, In, UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<UInt64>) -> Void
  let sortedDistance: @Sendable (Int, In, Places, Int, In, Places, Out) -> Double
  let scoreResidual: @Sendable (Int, Int, Places, In, In, In, Out) -> Double
}

extension Float {
  public static let methodKernels = MethodKernelTable<Float>(
    divergence: evl_divergence_f32, sortDescending: evl_sort_descending_f32, sortedDistance: evl_sorted_distance_f32,
    scoreResidual: evl_score_residual_f32)
}

extension Double {
  public static let methodKernels = MethodKernelTable<Double>(
    divergence: evl_divergence_f64, sortDescending: evl_sort_descending_f64, sortedDistance: evl_sorted_distance_f64,
    scoreResidual: evl_score_residual_f64)
}

/// Places of a vector's elements by descending value, with the memory that sorting needs, kept from vector to vector.
public struct DescendingOrder<Element: Scalar> {
  private var places: [UInt32] = []
  private var scratch: [UInt64] = []

  public init() {}

  /// Sorts elements that are not negative; equal ones keep their order. - Complexity: O(n), radix sort.
  public mutating func sort(_ x: Tensor<Element>) {
    precondition(x.count < Int(UInt32.max))
    if places.count != x.count {
      places = Array(repeating: 0, count: x.count)
      scratch = Array(repeating: 0, count: 3 * x.count)
    }
    places.withUnsafeMutableBufferPointer { places in
      scratch.withUnsafeMutableBufferPointer { scratch in
        guard let places = places.baseAddress, let scratch = scratch.baseAddress else { return }
        Element.methodKernels.sortDescending(x.count, x.base, places, scratch)
      }
    }
  }

  /// The places, largest element first.
  public var array: [Int] { places.map(Int.init) }

  /// Sum over k of |x_(k) - y_(k)|, the k-th largest of each, the shorter continued with zeros; self is the order of x.
  ///
  /// - Parameter sign: receives d/dx of the sum: the sign of the difference at each element's place.
  public func distance(
    _ x: Tensor<Element>, to y: Tensor<Element>, order: DescendingOrder, sign: Tensor<Element>
  ) -> Double {
    precondition(places.count == x.count && order.places.count == y.count && sign.count == x.count)
    return places.withUnsafeBufferPointer { own in
      order.places.withUnsafeBufferPointer { others in
        guard let own = own.baseAddress, let others = others.baseAddress else { return 0 }
        return Element.methodKernels.sortedDistance(x.count, x.base, own, y.count, y.base, others, sign.base)
      }
    }
  }
}

extension Tensor where Element: Scalar {
  /// KL(p || q) of p = softmax(scale teacher) and q = softmax(scale student); self becomes weight (q - p).
  public func setDivergence(student: Tensor, teacher: Tensor, scale: Double, weight: Double) -> Double {
    precondition(student.count == count && teacher.count == count)
    return Element.methodKernels.divergence(count, Element(scale), Element(weight), student.base, teacher.base, base)
  }

  /// self [n, n] = `student` less the causal map `teacher` [m, m] at the places `lower` + `fraction`, on and below the
  /// diagonal, 0 above it; of four neighbours, those above the teacher's diagonal have no weight.
  ///
  /// - Returns: the sum of squares.
  public func setScoreResidual(
    student: Tensor, teacher: Tensor, lower: [UInt32], fraction: [Element]
  ) -> Double {
    let (n, m) = (lower.count, teacher.columns)
    precondition(fraction.count == n && count == n * n && student.count == count && teacher.rows == m)
    precondition(zip(lower, fraction).allSatisfy { Int($0) + ($1 > 0 ? 1 : 0) < m && $1 >= 0 && $1 < 1 })
    return lower.withUnsafeBufferPointer { lower in
      fraction.withUnsafeBufferPointer { fraction in
        guard let lower = lower.baseAddress, let fraction = fraction.baseAddress else { return 0 }
        return Element.methodKernels.scoreResidual(n, m, lower, fraction, student.base, teacher.base, base)
      }
    }
  }
}
