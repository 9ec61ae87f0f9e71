import Foundation

/// A value with its bootstrap interval.
public struct Estimate: Sendable, Equatable, Codable {
  /// The statistic on the records as they are; nil where it is undefined.
  public var value: Double?
  /// Ends of the interval; nil where the value is, where fewer than half of the resamples define the statistic or too
  /// many lack its classes (`ClassGaps`), and where there is a single subject, of which all resamples are alike.
  public var low: Double?
  public var high: Double?
  /// Resamples in which the statistic was undefined; they are left out of the interval. 0 where nothing is resampled.
  public var undefinedReplicates: Int
  /// Resamples that lack a class of a mean over classes, so that its value on all records stood in for it; absent where none
  /// does.
  public var incompleteReplicates: Int?

  public init(
    value: Double?, low: Double? = nil, high: Double? = nil, undefinedReplicates: Int = 0,
    incompleteReplicates: Int? = nil
  ) {
    self.value = value
    self.low = low
    self.high = high
    self.undefinedReplicates = undefinedReplicates
    self.incompleteReplicates = incompleteReplicates
  }

  /// The same of a share of units, or of its mean over runs, that is 0 or 1 on all of them: every resample is, too, so that its other end is that of
  /// the exact interval, ((1 - level) / 2)^(1 / units) from the value's own side.
  ///
  /// Source: Clopper and Pearson, Biometrika 26, 1934.
  func ofShare(units: Int, level: Double) -> Estimate {
    guard let value, let low, let high, value == 0 || value == 1, low == high, units > 0 else { return self }
    let reach = 1 - pow((1 - level) / 2, 1 / Double(units))
    var result = self
    if value == 1 { result.low = 1 - reach } else { result.high = reach }
    return result
  }

  /// The same of a mean over classes of which resamples lack some: no interval where that is so of more than
  /// `ClassGaps.mostShare` of what is averaged, since what stands in does not vary.
  func incomplete(_ gaps: ClassGaps?) -> Estimate {
    guard let gaps else { return self }
    var result = self
    result.incompleteReplicates = gaps.resamples
    if gaps.share > ClassGaps.mostShare { (result.low, result.high) = (nil, nil) }
    return result
  }

  /// What is to be said of a mean over classes by name; nil where hardly a resample lacks one.
  public func noteOnClasses(_ name: String, _ bootstrap: Bootstrap) -> String? {
    guard let count = incompleteReplicates, Double(count) > ClassGaps.untoldShare * Double(bootstrap.replicates) else {
      return nil
    }
    return
      "\(name): \(count) of \(bootstrap.replicates) resamples lack a class, and its F1 on all records stands in for it"
      + (low == nil ? ", so much that there is no interval" : "")
  }
}

/// What resamples lack of a mean over classes: a class that is in none of the drawn records has its value on all records there.
struct ClassGaps: Equatable {
  /// Resamples that lack a class.
  var resamples: Int
  /// Of the values that are averaged, over all classes and resamples, the share that stands in.
  var share: Double

  /// The share above which there is no interval.
  static let mostShare = 0.2
  /// The share of resamples up to which it is not told that they lack a class.
  static let untoldShare = 0.05
}

/// The difference of two systems on the same records.
public struct PairedDifference: Sendable, Equatable, Codable {
  /// First minus second, with its interval.
  public var difference: Estimate
  /// Two-sided: 2 min(share of resamples <= 0, share >= 0), one added to both counts and to the number of resamples, at
  /// most 1; of means over several runs that of `SeedInterval`. nil where the interval is.
  public var pValue: Double?

  /// The least p that so many resamples can tell, two-sided: 2 / (resamples + 1), at most 1.
  static func leastP(resamples: Int) -> Double { min(1, 2 / Double(max(0, resamples) + 1)) }

  /// The least p that the resamples that define the difference can tell.
  public func leastP(of bootstrap: Bootstrap) -> Double {
    Self.leastP(resamples: bootstrap.replicates - difference.undefinedReplicates)
  }

  /// p with three decimals, "< 0.002" where it is the least that the resamples can tell; empty without p.
  public func probability(of bootstrap: Bootstrap) -> String {
    guard let pValue else { return "" }
    let least = leastP(of: bootstrap)
    return pValue > least ? TextTable.decimals(pValue, 3) : "< " + TextTable.decimals(least, 3)
  }

  /// As of `Estimate.incomplete`; without an interval there is no p.
  func incomplete(_ gaps: ClassGaps?) -> PairedDifference {
    let difference = difference.incomplete(gaps)
    return PairedDifference(difference: difference, pValue: difference.low == nil ? nil : pValue)
  }
}
