/// The interval of a mean over runs, of which records and seeds both make chance.
///
/// With m the mean over n runs on all records, [l, u] the percentile interval of that mean over resamples of the records, s the
/// standard deviation of the n runs' values, and t the quantile of Student's t with n - 1 degrees of freedom, the ends are
///
///     m - sqrt((m - l)^2 + (t s / sqrt(n))^2)    and    m + sqrt((u - m)^2 + (t s / sqrt(n))^2)
///
/// The two parts are independent, and the half widths of intervals for each are put together as standard errors are: an interval of
/// records with few seeds behind it is as wide as few seeds make it, and no wider. p is 1 minus the highest level at which the
/// interval leaves zero out, and no smaller than resamples can tell
/// (`PairedDifference.leastP`).
///
/// Source: Zou and Donner, "Construction of confidence limits about effect measures: a general approach", Statistics in
/// Medicine 27, 2008.
struct SeedInterval {
  private let value: Double?
  /// Sorted; nil where nothing is resampled, and there is no interval.
  private let resampled: [Double]?
  private let bootstrap: Bootstrap
  /// s / sqrt(n).
  private let error: Double
  private let student: StudentT?

  /// - Parameters:
  ///   - values: of each run on all records; the mean is undefined where one is.
  ///   - resampled: the mean over runs in each resample that defines it; nil where resamples say nothing.
  init(_ values: [Double?], resampled: [Double]?, _ bootstrap: Bootstrap) {
    let defined = values.compactMap { $0 }
    let (count, isDefined) = (Double(values.count), defined.count == values.count && !values.isEmpty)
    let mean = defined.reduce(0, +) / count
    value = isDefined ? mean : nil
    let squares = defined.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    error = values.count > 1 && isDefined ? (squares / (count - 1) / count).squareRoot() : 0
    student = values.count > 1 ? StudentT(degrees: values.count - 1) : nil
    self.resampled = resampled?.sorted()
    self.bootstrap = bootstrap
  }

  /// - Parameter range: of the metric, which no end leaves.
  func estimate(within range: ClosedRange<Double>) -> Estimate {
    guard let resampled else { return Estimate(value: value) }
    let undefined = bootstrap.replicates - resampled.count
    guard let value, 2 * resampled.count >= bootstrap.replicates, let ends = ends(bootstrap.level) else {
      return Estimate(value: value, undefinedReplicates: undefined)
    }
    return Estimate(
      value: value, low: max(range.lowerBound, ends.low), high: min(range.upperBound, ends.high),
      undefinedReplicates: undefined)
  }

  private func ends(_ level: Double) -> (low: Double, high: Double)? {
    guard let value, let resampled, let low = Bootstrap.quantile(resampled, (1 - level) / 2),
      let high = Bootstrap.quantile(resampled, (1 + level) / 2)
    else { return nil }
    let seeds = level > 0 ? (student?.quantile(within: level) ?? 0) * error : 0
    guard seeds > 0 else { return (low, high) }
    func half(_ records: Double) -> Double {
      let kept = max(0, records)
      return (kept * kept + seeds * seeds).squareRoot()
    }
    return (value - half(value - low), value + half(high - value))
  }

  /// Two-sided, that the mean is zero.
  var pValue: Double {
    guard let value, value != 0 else { return 1 }
    func isLeftOut(_ share: Double) -> Bool {
      guard let ends = ends(1 - share) else { return false }
      return value > 0 ? ends.low > 0 : ends.high < 0
    }
    let least = PairedDifference.leastP(resamples: resampled?.count ?? 0)
    guard !isLeftOut(least) else { return least }
    var (held, left) = (least, 1.0)
    guard isLeftOut(left) else { return 1 }
    for _ in 0..<40 {
      let middle = (held + left) / 2
      if isLeftOut(middle) { left = middle } else { held = middle }
    }
    return left
  }
}
