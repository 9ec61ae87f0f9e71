/// The area under the ROC curve of each class, over any weighting of the records.
///
/// AUC = P(score of a positive > score of a negative) + P(equal) / 2, the Mann-Whitney U over P * N: ties count half.
/// Undefined (nil) for a class without positives or without negatives.
/// Scores are sorted once; each further weighting (a bootstrap resample) costs one pass. Counts are integers, so the
/// value does not depend on the order of the records.
/// - Complexity: O(C N log N) to make, O(N) for each class and weighting.
public struct RankedScores: Sendable {
  public let classes: [String]
  public let recordCount: Int
  private let columns: [Column]

  /// One class: records by rising score.
  private struct Column: Sendable {
    /// Record indices by rising score.
    var order: [Int]
    /// Whether the record at this place carries the class.
    var positive: [Bool]
    /// Whether the record at this place is the last of its run of equal scores.
    var endsTie: [Bool]
  }

  /// - Throws: `UserError` when the tables hold different records or classes.
  public init(gold: LabelTable, scores: ScoreTable) throws {
    try requireSameRecords(gold.ids, gold.classes, scores.ids, scores.classes)
    classes = gold.classes
    recordCount = gold.ids.count
    columns = gold.classes.indices.map { column in
      let order = gold.ids.indices.sorted { (scores[$0, column], $0) < (scores[$1, column], $1) }
      let endsTie = order.indices.map { place in
        place + 1 == order.count || scores[order[place], column] != scores[order[place + 1], column]
      }
      return Column(order: order, positive: order.map { gold[$0, column] }, endsTie: endsTie)
    }
  }

  /// AUC of one class when record r counts `weights[r]` times; nil without positives or negatives.
  public func auc(class column: Int, weights: [Int]) -> Double? {
    precondition(weights.count == recordCount, "one weight for each record")
    let ranked = columns[column]
    var negativesBelow = 0
    var positives = 0
    var tiedPositives = 0
    var tiedNegatives = 0
    var twiceU = 0
    for place in ranked.order.indices {
      let weight = weights[ranked.order[place]]
      if ranked.positive[place] { tiedPositives += weight } else { tiedNegatives += weight }
      guard ranked.endsTie[place] else { continue }
      twiceU += tiedPositives * (2 * negativesBelow + tiedNegatives)
      positives += tiedPositives
      negativesBelow += tiedNegatives
      tiedPositives = 0
      tiedNegatives = 0
    }
    guard positives > 0, negativesBelow > 0 else { return nil }
    return Double(twiceU) / (2 * Double(positives) * Double(negativesBelow))
  }

  /// Share of the pairs of a record with the class and one without that have equal scores; nil without such pairs.
  public func tiedShare(class column: Int) -> Double? {
    let ranked = columns[column]
    let positives = ranked.positive.count(where: \.self)
    let pairs = positives * (recordCount - positives)
    guard pairs > 0 else { return nil }
    var (tied, withClass, without) = (0, 0, 0)
    for place in ranked.order.indices {
      if ranked.positive[place] { withClass += 1 } else { without += 1 }
      guard ranked.endsTie[place] else { continue }
      tied += withClass * without
      (withClass, without) = (0, 0)
    }
    return Double(tied) / Double(pairs)
  }

  /// AUC of one class, each record counted once.
  public func auc(class column: Int) -> Double? {
    auc(class: column, weights: [Int](repeating: 1, count: recordCount))
  }
}
