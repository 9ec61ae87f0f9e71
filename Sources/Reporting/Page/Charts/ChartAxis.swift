import Foundation

/// Where values lie between two ends, and which of them are written beside the axis.
struct ChartAxis {
  enum Scale: Equatable { case linear, logarithmic }

  let scale: Scale
  let low: Double
  let high: Double
  let ticks: [Double]

  /// An axis from end to end, without room beyond them.
  init(from low: Double, to high: Double, ticks: [Double]) {
    (scale, self.low, self.high, self.ticks) = (.linear, low, high, ticks)
  }

  /// An axis that holds all these values and ends on round ones.
  ///
  /// - Parameters:
  ///   - values: those that are no numbers are passed by; none at all gives an axis from 0 to 1.
  ///   - scale: logarithmic only where all values are above 0.
  ///   - includesZero: whether a linear axis begins (or ends) at 0.
  init(holding values: some Sequence<Double>, scale wanted: Scale = .linear, includesZero: Bool = false) {
    let known = values.filter { $0.isFinite && abs($0) < 1e300 }
    let (least, most) = (known.min() ?? 0, known.max() ?? 1)
    if wanted == .logarithmic, least > 0 {
      scale = .logarithmic
      let (first, last) = (Int(log10(least).rounded(.down)), Int(log10(most).rounded(.up)))
      let steps = last - first <= 1 ? [1.0, 2, 5] : [1.0]
      let all = (first...max(last, first + 1)).flatMap { power in steps.map { $0 * Self.power(power) } }
      let start = all.last { $0 <= least } ?? least
      let end = all.first { $0 >= most && $0 > start } ?? most
      let inside = all.filter { $0 >= start && $0 <= end }
      (low, high) = (start, end)
      let stride = max(1, (inside.count + 4) / 5)
      ticks = inside.enumerated().filter { $0.offset % stride == 0 }.map(\.element)
      return
    }
    scale = .linear
    let (start, end) = includesZero ? (min(0, least), max(0, most)) : (least, most)
    let span = end - start > 0 ? end - start : max(abs(end) * 0.1, 1e-12)
    let step = Self.round(span / 4)
    var first = (start / step).rounded(.down)
    var last = (end / step).rounded(.up)
    if first == last { (first, last) = (first - 1, last + 1) }
    (low, high) = (first * step, last * step)
    ticks = (0...Int(min(last - first, 12))).map { (first + Double($0)) * step }
  }

  /// 0 at the low end, 1 at the high end.
  func share(_ value: Double) -> Double {
    guard high > low else { return 0 }
    switch scale {
    case .linear: return (value - low) / (high - low)
    case .logarithmic: return value > 0 ? log(value / low) / log(high / low) : 0
    }
  }

  /// The least of 1, 2, 5 times a power of ten that is not below.
  private static func round(_ step: Double) -> Double {
    let power = Self.power(Int(log10(step).rounded(.down)))
    return ([1, 2, 5].first { $0 * power >= step * (1 - 1e-9) } ?? 10) * power
  }

  private static func power(_ exponent: Int) -> Double {
    // Division by a whole power is right to the last digit, pow(10, -3) is not.
    exponent >= 0 ? pow(10, Double(exponent)) : 1 / pow(10, Double(-exponent))
  }
}
