import Tensors

/// Several runs of one method, alike but for their seeds, scored on the same records.
///
/// What is estimated is the mean of a metric over runs. Its interval is by a bootstrap of both things that chance had a hand
/// in: each resample draws records and, independently, runs with replacement. Two methods are compared on the same records
/// and, run by run, the same seeds, which are drawn together.
///
/// Few runs are few draws: with n of them a resample's variance between runs comes out (n - 1) / n of what it is, and its
/// quantiles are the normal distribution's where Student's t with n - 1 degrees of freedom is due. So what the drawn runs add
/// is widened: a resample is m + c (d - m), m the mean over all runs on its records, d that over its runs, and
/// c = sqrt(n / (n - 1)) t / z. One run has no such part: its interval is over records alone.
/// Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 8; Owen, "The pigeonhole bootstrap",
/// Annals of Applied Statistics 1, 2007.
public struct SeedScores {
  /// Ids of the scored records, in order.
  public let records: [String]
  /// Of each record the subject it is drawn with, numbered from 0; nil: every record is its own.
  let clusters: [Int]?
  /// Names of the metrics, in order.
  public let metrics: [String]
  /// By run: the metrics under given record weights.
  let runs: [([Int]) -> [Double?]]

  /// The metrics of each run by itself, [run][metric]; nil where one is undefined.
  public var each: [[Double?]] { runs.map { $0([Int](repeating: 1, count: records.count)) } }

  /// The means over runs, with intervals, metric by metric.
  /// - Complexity: O(replicates * runs) evaluations of the metrics.
  public func means(_ bootstrap: Bootstrap) -> [Estimate] {
    bootstrap.estimates(mean(.whole(self))) { replicate in draw(replicate, bootstrap).map(mean) }
  }

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
    func subtract(_ draw: Draw) -> [Double?] { Bootstrap.subtract(mean(draw), other.mean(draw)) }
    return bootstrap.differences(subtract(.whole(self))) { replicate in draw(replicate, bootstrap).map(subtract) }
  }

  /// How often each record and each run counts.
  private struct Draw {
    var records: [Int]
    var runs: [Int]
    /// Factor of what the drawn runs add to the mean of all.
    var widening = 1.0

    static func whole(_ scores: SeedScores) -> Draw {
      Draw(
        records: [Int](repeating: 1, count: scores.records.count), runs: [Int](repeating: 1, count: scores.runs.count))
    }
  }

  /// Nil where resamples would all be the same.
  private func draw(_ replicate: Int, _ bootstrap: Bootstrap) -> Draw? {
    guard Set(clusters ?? Array(records.indices)).count > 1 else { return nil }
    var drawn = [Int](repeating: 0, count: runs.count)
    var random = CounterRandom(seed: bootstrap.seed, purpose: "bootstrap runs", step: UInt64(replicate))
    for _ in runs { drawn[random.integer(below: runs.count)] += 1 }
    return Draw(
      records: bootstrap.weights(records: records.count, clusters: clusters, replicate: replicate), runs: drawn,
      widening: Self.widening(runs.count, level: bootstrap.level))
  }

  static func widening(_ runs: Int, level: Double) -> Double {
    guard runs > 1 else { return 1 }
    return (Double(runs) / Double(runs - 1)).squareRoot() * StudentT(degrees: runs - 1).quantile(within: level)
      / StudentT.normalQuantile(within: level)
  }

  private func mean(_ draw: Draw) -> [Double?] {
    let values = runs.map { $0(draw.records) }
    return metrics.indices.map { metric in
      var (whole, drawn) = (0.0, 0.0)
      for (value, count) in zip(values, draw.runs) {
        guard let value = value[metric] else { return nil }
        whole += value
        drawn += Double(count) * value
      }
      return (whole + draw.widening * (drawn - whole)) / Double(runs.count)
    }
  }
}
