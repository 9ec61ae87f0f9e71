/// The four counts of a yes/no decision against the truth, and the ratios made of them.
public struct ConfusionCounts: Sendable, Equatable, Codable {
  public var truePositives = 0
  public var falsePositives = 0
  public var falseNegatives = 0
  public var trueNegatives = 0

  public init(truePositives: Int = 0, falsePositives: Int = 0, falseNegatives: Int = 0, trueNegatives: Int = 0) {
    self.truePositives = truePositives
    self.falsePositives = falsePositives
    self.falseNegatives = falseNegatives
    self.trueNegatives = trueNegatives
  }

  /// F1 = 2 TP / (2 TP + FP + FN); 0 where nothing is positive, neither in truth nor in prediction.
  public var f1: Double { Self.ratio(2 * truePositives, 2 * truePositives + falsePositives + falseNegatives) ?? 0 }
  /// TP / (TP + FP); nil where nothing was predicted.
  public var precision: Double? { Self.ratio(truePositives, truePositives + falsePositives) }
  /// TP / (TP + FN), the sensitivity; nil where nothing is positive.
  public var recall: Double? { Self.ratio(truePositives, truePositives + falseNegatives) }
  /// TN / (TN + FP); nil where nothing is negative.
  public var specificity: Double? { Self.ratio(trueNegatives, trueNegatives + falsePositives) }
  /// (recall + specificity) / 2: the AUC of a score that is only 0 or 1. nil where the truth has a single value.
  public var balancedAccuracy: Double? {
    guard let recall, let specificity else { return nil }
    return (recall + specificity) / 2
  }

  /// Whether truth or prediction has a positive.
  var hasPositives: Bool { truePositives + falsePositives + falseNegatives > 0 }

  private static func ratio(_ part: Int, _ whole: Int) -> Double? { whole == 0 ? nil : Double(part) / Double(whole) }
}

/// Hard predictions beside the truth: confusion, F1, Hamming loss and exact-set accuracy under any weighting of records.
///
/// - Complexity: O(N C) for each call.
public struct LabelAgreement: Sendable, Equatable {
  public let gold: LabelTable
  public let predicted: LabelTable
  /// The counts with every record once.
  private(set) var whole: [ConfusionCounts] = []
  /// By class the records that have it in truth or in prediction.
  private let holders: [[Int]]

  /// - Throws: `UserError` when the tables hold different records or classes.
  public init(gold: LabelTable, predicted: LabelTable) throws {
    try requireSameRecords(gold.ids, gold.classes, predicted.ids, predicted.classes)
    self.gold = gold
    self.predicted = predicted
    holders = gold.classes.indices.map { column in
      gold.ids.indices.filter { gold[$0, column] || predicted[$0, column] }
    }
    whole = confusion()
  }

  /// The same items in another order, given by their places.
  func reordered(_ order: [Int]) throws -> LabelAgreement {
    func table(_ table: LabelTable) throws -> LabelTable {
      try LabelTable(
        classes: table.classes, ids: order.map { table.ids[$0] }, sets: order.map(table.labels(ofRecord:)))
    }
    return try LabelAgreement(gold: table(gold), predicted: table(predicted))
  }

  /// The counts of each class when record r counts `weights[r]` times (nil: once).
  public func confusion(weights: [Int]? = nil) -> [ConfusionCounts] {
    precondition(weights.map { $0.count == gold.ids.count } ?? true, "one weight for each record")
    var counts = [ConfusionCounts](repeating: ConfusionCounts(), count: gold.classes.count)
    for record in gold.ids.indices {
      let weight = weights?[record] ?? 1
      guard weight > 0 else { continue }
      let start = record * gold.classes.count
      for column in gold.classes.indices {
        switch (gold.bits[start + column], predicted.bits[start + column]) {
        case (true, true): counts[column].truePositives += weight
        case (false, true): counts[column].falsePositives += weight
        case (true, false): counts[column].falseNegatives += weight
        case (false, false): counts[column].trueNegatives += weight
        }
      }
    }
    return counts
  }

  /// The unweighted mean of the classes' F1, a class with nothing positive counting 0; nil without classes.
  ///
  /// Weights that leave a class nothing positive, where there is something on all records, say nothing of it: its F1 is then
  /// the one on all records, so that the mean is over the same classes.
  public func macroF1(weights: [Int]? = nil) -> Double? { confusion(weights: weights).settled(by: whole).macroF1 }

  /// Of these classes (nil: of all) that have something positive on all records, the share to which weights leave nothing.
  /// - Complexity: O(C) where every class is in many records, at most O(N C).
  func lackedShare(_ weights: [Int], among classes: [Int]? = nil) -> Double {
    let held = (classes ?? Array(holders.indices)).filter { !holders[$0].isEmpty }
    let lacked = held.count { column in !holders[column].contains { weights[$0] > 0 } }
    return held.isEmpty ? 0 : Double(lacked) / Double(held.count)
  }

  /// The share of wrong bits: (FP + FN) / (N C); nil without records or classes.
  public func hammingLoss(weights: [Int]? = nil) -> Double? { confusion(weights: weights).hammingLoss }

  /// Whether each record's predicted set equals its true set.
  public var exactMatches: [Bool] {
    let width = gold.classes.count
    return gold.ids.indices.map { record in
      let row = record * width..<(record + 1) * width
      return gold.bits[row] == predicted.bits[row]
    }
  }

}

extension [ConfusionCounts] {
  /// The unweighted mean of F1; nil when empty.
  public var macroF1: Double? { isEmpty ? nil : map(\.f1).reduce(0, +) / Double(count) }

  /// The counts of a resample, where those of a class without anything positive are those on all records: of its F1 the resample
  /// says nothing.
  func settled(by whole: [ConfusionCounts]) -> [ConfusionCounts] { zip(self, whole).map { $0.hasPositives ? $0 : $1 } }

  /// F1 of all decisions together, 2 TP / (2 TP + FP + FN); nil where nothing is positive.
  public var microF1: Double? {
    let hits = reduce(0) { $0 + 2 * $1.truePositives }
    let all = reduce(hits) { $0 + $1.falsePositives + $1.falseNegatives }
    return all == 0 ? nil : Double(hits) / Double(all)
  }

  /// (FP + FN) over all decisions; nil when there is none.
  public var hammingLoss: Double? {
    let wrong = reduce(0) { $0 + $1.falsePositives + $1.falseNegatives }
    let right = reduce(0) { $0 + $1.truePositives + $1.trueNegatives }
    return wrong + right == 0 ? nil : Double(wrong) / Double(wrong + right)
  }
}

/// The weighted share of records for which something holds (accuracy); nil when the weights sum to 0.
public func share(of hits: [Bool], weights: [Int]? = nil) -> Double? {
  var hit = 0
  var all = 0
  for record in hits.indices {
    let weight = weights?[record] ?? 1
    all += weight
    if hits[record] { hit += weight }
  }
  return all == 0 ? nil : Double(hit) / Double(all)
}
