import Tensors

/// The receiver operating characteristic of one class: what share of the positives is found at each share of false alarms.
///
/// Each distinct score is a threshold: point k holds the shares of positives and negatives whose score is at least the kth
/// largest, the first point is (0, 0), the last (1, 1). Records of one score are passed together, by a straight line, so the
/// area below (trapezoids) is the AUC of `RankedScores`, ties counting half.
public struct ROCCurve: Sendable, Equatable {
  /// Shares from 0 to 1.
  public struct Point: Sendable, Equatable {
    public var falsePositives: Double
    public var truePositives: Double
  }

  public let points: [Point]

  /// - Parameters:
  ///   - scores: one for each record, larger means more likely.
  ///   - positive: whether each record carries the class.
  /// - Returns: nil without positives, without negatives, or with a score that is no number.
  /// - Complexity: O(N log N).
  public init?(scores: [Double], positive: [Bool]) {
    precondition(scores.count == positive.count, "\(scores.count) scores of \(positive.count) records")
    let all = positive.count { $0 }
    guard all > 0, all < positive.count, !scores.contains(where: \.isNaN) else { return nil }
    let order = scores.indices.sorted { scores[$0] > scores[$1] }
    var points = [Point(falsePositives: 0, truePositives: 0)]
    var (found, alarms) = (0, 0)
    for (place, record) in order.enumerated() {
      if positive[record] { found += 1 } else { alarms += 1 }
      if place + 1 < order.count, scores[order[place + 1]] == scores[record] { continue }
      points.append(
        Point(
          falsePositives: Double(alarms) / Double(positive.count - all), truePositives: Double(found) / Double(all)))
    }
    self.points = points
  }

  /// The area below.
  public var area: Double { Self.area(below: points) }

  static func area(below points: [Point]) -> Double {
    zip(points, points.dropFirst()).reduce(0) { sum, pair in
      let (from, to) = pair
      return sum + (to.falsePositives - from.falsePositives) * (to.truePositives + from.truePositives) / 2
    }
  }

  /// The points that a drawing needs: each farther than a tolerance from the one before, and the ends.
  public func points(within tolerance: Double) -> [Point] {
    var kept = [points[0]]
    for (index, point) in points.enumerated().dropFirst() {
      guard let last = kept.last else { continue }
      let distance = max(point.falsePositives - last.falsePositives, point.truePositives - last.truePositives)
      if distance > tolerance || index == points.count - 1 { kept.append(point) }
    }
    return kept
  }
}

extension ROCCurve {
  /// The curve of a class over the records that carry any label; nil as above, and where a record has no probability of it.
  public init?(of name: String, _ answers: [KeptAnswer]) {
    let labelled = answers.filter { !$0.gold.isEmpty }
    let scores = labelled.compactMap { $0.probabilities?[name] }
    guard scores.count == labelled.count else { return nil }
    self.init(scores: scores, positive: labelled.map { $0.gold.contains(name) })
  }
}
