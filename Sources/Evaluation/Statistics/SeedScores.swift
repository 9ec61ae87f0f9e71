import Tensors

/// Several runs of one method, alike but for their seeds, scored on the same records.
///
/// What is estimated is the mean of a metric over runs. Chance had a hand in two things: which records there are, and what the
/// seeds made of the runs. Its interval at a level holds both (`SeedInterval`). Two methods are compared on the same records
/// and, run by run, on the same seeds. One run has no second part: its interval is over records alone.
public struct SeedScores {
  /// Ids of the scored records, in order.
  public let records: [String]
  /// Of each record the subject it is drawn with, numbered from 0; nil: every record is its own.
  let clusters: [Int]?
  /// Names of the metrics, in order.
  public let metrics: [String]
  /// Whether each metric is a share of the records.
  let isShare: [Bool]
  /// By run: the metrics under given record weights.
  let runs: [([Int]) -> [Double?]]

  /// The metrics of each run by itself, [run][metric]; nil where one is undefined.
  public var each: [[Double?]] { runs.map { $0([Int](repeating: 1, count: records.count)) } }

  /// The means over runs, with intervals, metric by metric; those of shares as of `Estimate.ofShare`.
  /// - Complexity: O(replicates * runs) evaluations of the metrics.
  public func means(_ bootstrap: Bootstrap) -> [Estimate] {
    zip(intervals(runs, bootstrap), isShare).map { interval, isShare in
      let mean = interval.estimate(within: 0...1)
      return isShare ? mean.ofShare(units: units, level: bootstrap.level) : mean
    }
  }

  /// How many subjects the records are of.
  private var units: Int { clusters.map { Set($0).count } ?? records.count }

  /// These means minus those of another method, run by run on the same seeds, metric by metric.
  ///
  /// - Throws: `UserError` where records, metrics or the number of runs differ.
  public func differences(from other: SeedScores, _ bootstrap: Bootstrap) throws -> [PairedDifference] {
    guard records == other.records, metrics == other.metrics, runs.count == other.runs.count else {
      throw UserError(
        .badInput,
        "\(runs.count) runs on \(records.count) records are compared with \(other.runs.count) on \(other.records.count), or "
          + "on others", remedy: "compare methods on the same records and seeds")
    }
    let paired = zip(runs, other.runs).map { mine, theirs in
      { (weights: [Int]) in Bootstrap.subtract(mine(weights), theirs(weights)) }
    }
    return intervals(paired, bootstrap).map { interval in
      let difference = interval.estimate(within: -1...1)
      return PairedDifference(difference: difference, pValue: difference.low == nil ? nil : interval.pValue)
    }
  }

  /// Of the mean over runs, metric by metric.
  private func intervals(_ runs: [([Int]) -> [Double?]], _ bootstrap: Bootstrap) -> [SeedInterval] {
    let whole = runs.map { $0([Int](repeating: 1, count: records.count)) }
    let resampled = bootstrap.columns(metrics.count) { replicate in
      guard units > 1 else { return nil }
      let weights = bootstrap.weights(records: records.count, clusters: clusters, replicate: replicate)
      return Self.means(runs.map { $0(weights) }, metrics.count)
    }
    return metrics.indices.map { metric in
      SeedInterval(whole.map { $0[metric] }, resampled: resampled?[metric], bootstrap)
    }
  }

  /// Nil where one run leaves a metric undefined.
  private static func means(_ values: [[Double?]], _ metrics: Int) -> [Double?] {
    (0..<metrics).map { metric in
      let defined = values.compactMap { $0[metric] }
      return defined.count == values.count ? defined.reduce(0, +) / Double(defined.count) : nil
    }
  }
}
