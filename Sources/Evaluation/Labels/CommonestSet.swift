import Corpus

/// The set of labels that most records carry: always answering it is right on so many of them, whatever they show.
public struct CommonestSet: Sendable, Equatable, Codable {
  /// In the order of the classes.
  public var labels: [String]
  /// How many records carry just these.
  public var records: Int
  /// Exact-set accuracy of always answering them, over the records that carry any label.
  public var accuracy: Estimate

  /// Of equally common sets the one whose first labels come first; nil where no record carries a label.
  ///
  /// - Parameter classes: all there are.
  /// - Complexity: O(replicates * records).
  public init?(_ samples: [ECGSample], among classes: [String], _ bootstrap: Bootstrap) {
    let labelled = samples.filter { !$0.labels.isEmpty }
    let rows = labelled.map { sample in classes.indices.filter { sample.labels.contains(classes[$0]) } }
    let counts = Dictionary(rows.map { ($0, 1) }, uniquingKeysWith: +)
    let commonest = counts.max { one, other in
      one.value == other.value ? other.key.lexicographicallyPrecedes(one.key) : one.value < other.value
    }
    guard let commonest else { return nil }
    labels = commonest.key.map { classes[$0] }
    records = commonest.value
    let (hits, clusters) = (rows.map { $0 == commonest.key }, subjectNumbers(labelled.map(\.subject)))
    accuracy = bootstrap.estimate(records: hits.count, clusters: clusters) { share(of: hits, weights: $0) }
      .ofShare(units: Set(clusters).count, level: bootstrap.level)
  }

  /// What accuracies are to be held against, in a sentence.
  public var remark: String {
    func percent(_ value: Double?) -> String { value.map { TextTable.decimals(100 * $0, 1) } ?? "undefined" }
    let interval =
      accuracy.low == nil || accuracy.high == nil ? "" : " (\(percent(accuracy.low)) to \(percent(accuracy.high)))"
    let name = labels.count == 1 ? "\(labels[0]) alone" : labels.joined(separator: " with ")
    return "Always answering \(name), the commonest set of labels (\(records) records), has an exact-set accuracy of "
      + "\(percent(accuracy.value))%\(interval) without a look at any record."
  }
}
