import Tensors

/// Percentile intervals by resampling records with replacement.
///
/// A resample is a weight for each record (how often it was drawn), a function of (seed, replicate) alone: the same
/// on any rank, in any order, and the same for two systems compared. The interval runs from the (1 - level) / 2 to the
/// (1 + level) / 2 quantile of the statistic over the resamples, linearly interpolated.
///
/// A statistic is nil where it is undefined. A resample in which a class has a single value leaves that class's AUC
/// undefined, and also the macro average if it holds that class on all records: a mean over fewer classes would be another
/// quantity. Such resamples are left out and counted.
/// Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapters 13 and 15.
public struct Bootstrap: Sendable, Equatable, Codable {
  public let seed: UInt64
  public let replicates: Int
  /// Coverage of the interval, such as 0.95.
  public let level: Double

  /// - Throws: `UserError` for fewer than 1 replicate or a level outside 0 ..< 1.
  public init(seed: UInt64, replicates: Int, level: Double) throws {
    guard replicates >= 1 else {
      throw UserError(.usage, "\(replicates) bootstrap replicates", remedy: "ask for at least 1; 1000 is usual")
    }
    guard level > 0, level < 1 else {
      throw UserError(.usage, "an interval of level \(level)", remedy: "give a level between 0 and 1, such as 0.95")
    }
    self.seed = seed
    self.replicates = replicates
    self.level = level
  }

  /// 1,000 replicates, 95%.
  public init(seed: UInt64 = 0) {
    self.seed = seed
    replicates = 1000
    level = 0.95
  }

  /// The resample of one replicate: how often each record counts.
  ///
  /// - Parameter clusters: the cluster (patient, recording) of each record, numbered from 0; whole clusters are then
  ///   drawn. nil: every record is its own.
  public func weights(records: Int, clusters: [Int]? = nil, replicate: Int) -> [Int] {
    let units = clusters.map { ($0.max() ?? -1) + 1 } ?? records
    var drawn = [Int](repeating: 0, count: units)
    var random = CounterRandom(seed: seed, purpose: "bootstrap", step: UInt64(replicate))
    for _ in 0..<units { drawn[random.integer(below: units)] += 1 }
    guard let clusters else { return drawn }
    precondition(clusters.count == records, "one cluster for each record")
    return clusters.map { drawn[$0] }
  }

  /// Intervals of several statistics from the same resamples.
  ///
  /// - Parameter statistics: the values under given record weights, always as many; nil where undefined.
  /// - Complexity: `replicates` + 1 calls of `statistics`, O(replicates * records) draws.
  public func estimates(
    records: Int, clusters: [Int]? = nil, _ statistics: ([Int]) -> [Double?]
  ) -> [Estimate] {
    estimates(statistics([Int](repeating: 1, count: records))) { replicate in
      varies(records, clusters) ? statistics(weights(records: records, clusters: clusters, replicate: replicate)) : nil
    }
  }

  /// The interval of one statistic.
  public func estimate(
    records: Int, clusters: [Int]? = nil, _ statistic: ([Int]) -> Double?
  ) -> Estimate {
    estimates(records: records, clusters: clusters) { [statistic($0)] }[0]
  }

  /// Interval and p-value of the differences of two systems (first minus second), statistic by statistic.
  public func differences(
    records: Int, clusters: [Int]? = nil, _ first: ([Int]) -> [Double?], _ second: ([Int]) -> [Double?]
  ) -> [PairedDifference] {
    func subtract(_ weights: [Int]) -> [Double?] { Self.subtract(first(weights), second(weights)) }
    return differences(subtract([Int](repeating: 1, count: records))) { replicate in
      varies(records, clusters) ? subtract(weights(records: records, clusters: clusters, replicate: replicate)) : nil
    }
  }

  /// What resamples lack of means over classes; nil where they lack nothing, or say nothing.
  /// - Parameter lacking: of each mean, the share of its classes that weights leave nothing to score.
  func gaps(records: Int, clusters: [Int]? = nil, _ lacking: [([Int]) -> Double]) -> ClassGaps? {
    guard !lacking.isEmpty, varies(records, clusters) else { return nil }
    let shares = (0..<replicates).map { replicate in
      let weights = weights(records: records, clusters: clusters, replicate: replicate)
      return lacking.reduce(0) { $0 + $1(weights) } / Double(lacking.count)
    }
    let resamples = shares.count { $0 > 0 }
    return resamples == 0 ? nil : ClassGaps(resamples: resamples, share: shares.reduce(0, +) / Double(replicates))
  }

  /// Resamples of a single record are all the same and say nothing.
  private func varies(_ records: Int, _ clusters: [Int]?) -> Bool { Set(clusters ?? Array(0..<records)).count > 1 }

  static func subtract(_ first: [Double?], _ second: [Double?]) -> [Double?] {
    zip(first, second).map { one, other in
      guard let one, let other else { return nil }
      return one - other
    }
  }

  /// The intervals of values, statistic by statistic.
  /// - Parameter resampled: the statistics in a replicate; nil where resamples say nothing.
  func estimates(_ values: [Double?], _ resampled: (_ replicate: Int) -> [Double?]?) -> [Estimate] {
    let columns = columns(values.count, resampled)
    return values.indices.map { estimate(values[$0], columns?[$0]) }
  }

  /// The same of differences, with their p-values.
  func differences(_ values: [Double?], _ resampled: (_ replicate: Int) -> [Double?]?) -> [PairedDifference] {
    let columns = columns(values.count, resampled)
    return values.indices.map { place in
      let (difference, column) = (estimate(values[place], columns?[place]), columns?[place] ?? [])
      guard difference.low != nil else { return PairedDifference(difference: difference, pValue: nil) }
      let smaller = min(column.count { $0 <= 0 }, column.count { $0 >= 0 })
      return PairedDifference(
        difference: difference, pValue: min(1, 2 * Double(smaller + 1) / Double(column.count + 1)))
    }
  }

  /// The defined values of each statistic over all resamples; nil where resamples say nothing.
  func columns(_ count: Int, _ resampled: (_ replicate: Int) -> [Double?]?) -> [[Double]]? {
    var columns = [[Double]](repeating: [], count: count)
    for replicate in 0..<replicates {
      guard let values = resampled(replicate) else { return nil }
      precondition(values.count == count, "a statistic's values are always as many")
      for (column, value) in values.enumerated() {
        if let value { columns[column].append(value) }
      }
    }
    return columns
  }

  /// - Parameter column: the values in resamples that define it; nil where nothing is resampled.
  private func estimate(_ value: Double?, _ column: [Double]?) -> Estimate {
    guard let column else { return Estimate(value: value) }
    let undefined = replicates - column.count
    guard let value, 2 * column.count >= replicates else {
      return Estimate(value: value, undefinedReplicates: undefined)
    }
    let sorted = column.sorted()
    return Estimate(
      value: value, low: Self.quantile(sorted, (1 - level) / 2), high: Self.quantile(sorted, (1 + level) / 2),
      undefinedReplicates: undefined)
  }

  /// The quantile at `share` of sorted values, linear between neighbours (type 7 of Hyndman and Fan).
  static func quantile(_ sorted: [Double], _ share: Double) -> Double? {
    guard let last = sorted.indices.last else { return nil }
    let place = share * Double(last)
    let lower = min(Int(place), last)
    let upper = min(lower + 1, last)
    return sorted[lower] + (place - Double(lower)) * (sorted[upper] - sorted[lower])
  }
}
