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
  /// The same metrics of each run, of which there is one at least.
  let runs: [[LabelAnswerTables.Metric]]

  /// Names of the metrics, in order.
  public var metrics: [String] { runs[0].map(\.name) }

  /// The metrics of each run by itself, [run][metric]; nil where one is undefined.
  public var each: [[Double?]] { values.map { $0([Int](repeating: 1, count: records.count)) } }

  /// By run: the metrics under given record weights.
  private var values: [([Int]) -> [Double?]] { runs.map { run in { weights in run.map { $0.value(weights) } } } }

  /// The means over runs, with intervals, metric by metric; those of shares as of `Estimate.ofShare`, those over classes as of
  /// `Estimate.incomplete`.
  /// - Complexity: O(replicates * runs) evaluations of the metrics.
  public func means(_ bootstrap: Bootstrap) -> [Estimate] {
    let gaps = gaps(runs, bootstrap)
    return intervals(values, bootstrap).enumerated().map { metric, interval in
      let mean = interval.estimate(within: 0...1).incomplete(gaps[metric])
      return runs[0][metric].isShare ? mean.ofShare(units: units, level: bootstrap.level) : mean
    }
  }

  /// What resamples lack of these runs, metric by metric; nil for metrics that are no mean over classes.
  private func gaps(_ runs: [[LabelAnswerTables.Metric]], _ bootstrap: Bootstrap) -> [ClassGaps?] {
    metrics.indices.map { metric in
      bootstrap.gaps(records: records.count, clusters: clusters, runs.compactMap { $0[metric].lackedShare })
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
    let paired = zip(values, other.values).map { mine, theirs in
      { (weights: [Int]) in Bootstrap.subtract(mine(weights), theirs(weights)) }
    }
    let gaps = gaps(runs + other.runs, bootstrap)
    return intervals(paired, bootstrap).enumerated().map { metric, interval in
      let difference = interval.estimate(within: -1...1)
      return PairedDifference(difference: difference, pValue: difference.low == nil ? nil : interval.pValue)
        .incomplete(gaps[metric])
    }
  }

  /// Of the mean over runs, metric by metric.
  private func intervals(_ runs: [([Int]) -> [Double?]], _ bootstrap: Bootstrap) -> [SeedInterval] {
    let whole = runs.map { $0([Int](repeating: 1, count: records.count)) }
    let metrics = metrics
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
