import Foundation

/// Student's t distribution with a whole number of degrees of freedom.
///
/// Source: Abramowitz and Stegun, "Handbook of mathematical functions", 26.7.3 and 26.7.4.
struct StudentT {
  let degrees: Int

  /// - Precondition: `degrees` is at least 1.
  init(degrees: Int) {
    precondition(degrees >= 1, "degrees of freedom")
    self.degrees = degrees
  }

  /// P(|T| <= t).
  /// - Complexity: O(degrees).
  func within(_ t: Double) -> Double {
    let angle = atan(t / Double(degrees).squareRoot())
    let (sine, square) = (sin(angle), cos(angle) * cos(angle))
    let isOdd = degrees % 2 == 1
    var term = isOdd ? cos(angle) : 1
    var sum = degrees == 1 ? 0 : term
    for power in stride(from: isOdd ? 3 : 2, to: degrees - 1, by: 2) {
      term *= square * Double(power - 1) / Double(power)
      sum += term
    }
    return isOdd ? 2 / .pi * (angle + sine * sum) : sine * sum
  }

  /// The t with P(|T| <= t) = `level`, to about ten digits. - Precondition: 0 < level < 1.
  func quantile(within level: Double) -> Double {
    var (low, high) = (0.0, 1.0)
    while within(high) < level, high < 1e12 { (low, high) = (high, 2 * high) }
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if within(middle) < level { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }
}
