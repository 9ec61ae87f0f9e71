import Tensors

/// The rules of the scorer published with ECGBench, faults included, so that numbers compare with published ones.
///
/// Known faults, kept on purpose: a label counts wherever its letters occur ("MI" in MIMIC, "ST" in STD, NORM in
/// ABNORMAL); the "AUC" is the balanced accuracy of the parsed text; labels never present in the truth are not counted;
/// letters are looked for in alphabetical order; unreadable choices are drawn at random. `DefaultScorer` has none of them.
/// Source: `evaluation/evaluate_ecgbench.py` of PULSE (arXiv 2410.19008).
public enum ECGBenchScorer {
  /// The sets scored label by label.
  public enum LabelSet: String, CaseIterable, Sendable, Codable {
    case ptbXLSuper = "ptb-test"
    case code15 = "code15-test"
    case cpsc2018 = "cpsc-test"

    /// The labels looked for, in the published order.
    public var labels: [String] {
      switch self {
      case .ptbXLSuper: ["NORM", "MI", "STTC", "CD", "HYP"]
      case .code15: ["1dAVb", "RBBB", "LBBB", "SB", "ST", "AF"]
      case .cpsc2018: ["NORM", "AF", "I-AVB", "LBBB", "RBBB", "PAC", "PVC", "STD", "STE"]
      }
    }
  }

  /// The labels of a reference answer: those whose letters occur in it; in CODE-15 exactly NORM or ABNORMAL stand alone.
  public static func goldLabels(_ set: LabelSet, answer: String) -> Set<String> {
    if set == .code15, answer == "NORM" || answer == "ABNORMAL" { return [answer] }
    return substrings(set.labels, in: ExactText(answer))
  }

  /// The labels of a generated text: those whose letters occur in it, case-sensitive.
  ///
  /// CODE-15 looks only behind the last "Answer:", and adds ABNORMAL, or else NORM, where it occurs.
  public static func predictedLabels(_ set: LabelSet, text: String) -> Set<String> {
    guard set == .code15 else { return substrings(set.labels, in: ExactText(text)) }
    let answer = ExactText(text).afterLast("Answer:")
    let found = substrings(set.labels, in: answer)
    if answer.contains("ABNORMAL") { return found.union(["ABNORMAL"]) }
    return answer.contains("NORM") ? found.union(["NORM"]) : found
  }

  private static func substrings(_ labels: [String], in text: ExactText) -> Set<String> {
    Set(labels.filter(text.contains))
  }
}

// MARK: - Multi-label scores

/// The published multi-label scores of generated texts. Fractions; the published scorer prints them times 100.
public struct ECGBenchLabelScore: Sendable, Equatable, Codable {
  /// What the publication calls AUC: the mean over classes of (recall + specificity) / 2 of the parsed labels.
  /// nil where the publication prints nan: some class is in every record's truth.
  public var balancedAccuracy: Double?
  public var macroF1: Double
  public var hammingLoss: Double
}

/// Parsed labels against the truth as the published scorer arranges them.
public struct ECGBenchAgreement: Sendable {
  /// Only labels that occur in the truth, sorted; predictions of others are dropped.
  public let agreement: LabelAgreement
  /// Labels that were predicted but occur in no truth, so the published scores ignore them.
  public let droppedLabels: [String]

  /// - Throws: `UserError` when the truth holds no label at all (the published scorer fails there too), or a record
  ///   occurs twice.
  public init(ids: [String], gold: [Set<String>], predicted: [Set<String>]) throws {
    guard gold.count == ids.count, predicted.count == ids.count else {
      throw UserError(.badInput, "\(ids.count) records, \(gold.count) true and \(predicted.count) predicted label sets")
    }
    let classes = gold.reduce(into: Set<String>()) { $0.formUnion($1) }.sorted()
    guard !classes.isEmpty else {
      throw UserError(
        .badInput, "none of the \(ids.count) records carries a label, so the published scores are not defined",
        remedy: "check that the labels were read")
    }
    droppedLabels = predicted.reduce(into: Set<String>()) { $0.formUnion($1) }.subtracting(classes).sorted()
    agreement = try LabelAgreement(
      gold: LabelTable(classes: classes, ids: ids, sets: gold),
      predicted: LabelTable(classes: classes, ids: ids, sets: predicted.map { $0.intersection(classes) }))
  }

  /// The scores under the given record weights (nil: each once); nil without any record.
  ///
  /// The classes stay those of the whole truth, also in a resample.
  public func score(weights: [Int]? = nil) -> ECGBenchLabelScore? {
    let counts = agreement.confusion(weights: weights)
    guard let hamming = counts.hammingLoss, let f1 = Self.macroF1(counts) else { return nil }
    let balanced = counts.map(\.balancedAccuracy)
    let defined = balanced.compactMap { $0 }
    return ECGBenchLabelScore(
      balancedAccuracy: defined.count == counts.count ? defined.reduce(0, +) / Double(counts.count) : nil,
      macroF1: f1, hammingLoss: hamming)
  }

  /// The classes that make `balancedAccuracy` undefined: present in every record's truth.
  public var singleValuedClasses: [String] {
    zip(agreement.gold.classes, agreement.confusion()).filter { $0.1.balancedAccuracy == nil }.map(\.0)
  }

  /// With a single class scikit-learn takes the column for a binary problem and the publication then reads the first of
  /// its two scores: the F1 of "absent" (or of "present" where nothing is ever absent).
  private static func macroF1(_ counts: [ConfusionCounts]) -> Double? {
    guard counts.count == 1, let only = counts.first else { return counts.macroF1 }
    let absent = ConfusionCounts(
      truePositives: only.trueNegatives, falsePositives: only.falseNegatives, falseNegatives: only.falsePositives,
      trueNegatives: only.truePositives)
    return absent.truePositives + absent.falsePositives + absent.falseNegatives == 0 ? only.f1 : absent.f1
  }
}
