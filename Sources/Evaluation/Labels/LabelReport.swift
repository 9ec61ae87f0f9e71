import Foundation

/// The scores of one model that told labels, each with its bootstrap interval.
///
/// Fractions throughout; `table()` prints ECGBench's times 100, as it is published.
public struct LabelReport: EvaluationReport, Equatable {
  public var task: String
  /// Which records were scored.
  public var subset: String
  public var records: Int
  /// Records left out because they carry no label.
  public var recordsWithoutLabel: Int
  /// How many records carry each class.
  public var positives: [String: Int]
  public var bootstrap: Bootstrap
  /// nil where the answers had no probabilities.
  public var probabilities: Probabilities?
  /// nil where the answers had no text.
  public var text: Text?
  /// nil without text, and for labels that ECGBench does not score.
  public var ecgBench: ECGBench?
  /// What a reader of the scores must know, a sentence each.
  public var remarks: [String]

  /// Scores on the model's probabilities.
  public struct Probabilities: Sendable, Equatable, Codable {
    /// The standard metric of PTB-XL: mean ROC AUC over the classes for which it is defined.
    public var macroAUC: Estimate
    /// At `threshold`, like the scores below it.
    public var macroF1: Estimate
    public var hammingLoss: Estimate
    public var exactSetAccuracy: Estimate
    public var threshold: Double
    /// Classes without positives or without negatives, which `macroAUC` cannot hold.
    public var undefinedClasses: [String]
    public var classes: [ClassScores]
  }

  public struct ClassScores: Sendable, Equatable, Codable {
    public var name: String
    public var auc: Estimate
    public var f1: Estimate
    public var counts: ConfusionCounts
  }

  /// Scores of the generated text, read by `DefaultScorer`.
  public struct Text: Sendable, Equatable, Codable {
    public var macroF1: Estimate
    public var hammingLoss: Estimate
    public var exactSetAccuracy: Estimate
    /// Answers about records with a label in which none could be read; they count as the empty set.
    public var answersWithoutLabel: Int
    /// nil in reports that were written before there were any.
    public var classes: [ReadClass]?
  }

  /// How a label is told in texts.
  public struct ReadClass: Sendable, Equatable, Codable {
    public var name: String
    public var f1: Estimate
    public var counts: ConfusionCounts
  }

  /// Scores of the generated text by ECGBench's published rules.
  public struct ECGBench: Sendable, Equatable, Codable {
    /// What the publication calls AUC; no ranking is behind it.
    public var balancedAccuracy: Estimate
    public var macroF1: Estimate
    public var hammingLoss: Estimate
    /// Classes present in every record, for which the publication prints nan.
    public var singleValuedClasses: [String]
    /// Labels predicted but never true, which the publication ignores.
    public var droppedLabels: [String]
  }

  /// The first figure to look at: macro AUC with its interval; nil without probabilities.
  public var headline: String? {
    probabilities.map { "macro AUC " + TextTable.cells($0.macroAUC).joined(separator: "  ") }
  }

  /// The report as text of fixed width; by ECGBench's rules alone where they were asked for.
  public func table(by rules: ScoringRules) -> String { rules == .ecgbench ? ecgBenchTable() : table() }

  /// The report as text of fixed width.
  public func table() -> String {
    var table = TextTable()
    let interval = "\(TextTable.decimals(100 * bootstrap.level, 0))% interval"
    if let probabilities { Self.add(probabilities, interval, to: &table) }
    if let text {
      table.heading("Text, whole words", "value", interval)
      table.row(["macro F1"] + TextTable.cells(text.macroF1))
      table.row(["Hamming loss"] + TextTable.cells(text.hammingLoss))
      table.row(["exact-set accuracy"] + TextTable.cells(text.exactSetAccuracy))
      table.row("answers without a label", "\(text.answersWithoutLabel)")
      if let classes = text.classes { Self.add(classes, interval, to: &table) }
    }
    if let ecgBench { Self.add(ecgBench, interval, to: &table) }
    return ([header] + [table.render()] + notes.map { $0 + "\n" }).joined()
  }

  /// The scores by ECGBench's published rules alone, as text of fixed width.
  public func ecgBenchTable() -> String {
    guard let ecgBench else { return header + "no generated text, which ECGBench's rules need\n" }
    var table = TextTable()
    Self.add(ecgBench, "\(TextTable.decimals(100 * bootstrap.level, 0))% interval", to: &table)
    return ([header] + [table.render()] + notes.map { $0 + "\n" }).joined()
  }

  private static func add(_ scores: ECGBench, _ interval: String, to table: inout TextTable) {
    table.heading("Text, ECGBench's rules, x 100", "value", interval)
    table.row(["\"AUC\" (balanced accuracy)"] + TextTable.cells(scores.balancedAccuracy, percent: true))
    table.row(["macro F1"] + TextTable.cells(scores.macroF1, percent: true))
    table.row(["Hamming loss"] + TextTable.cells(scores.hammingLoss, percent: true))
  }

  private var header: String {
    let left = recordsWithoutLabel == 0 ? "" : "; \(recordsWithoutLabel) without a label left out"
    return "\(task): \(subset), \(records) records\(left)\n\n"
  }

  private static func add(_ scores: Probabilities, _ interval: String, to table: inout TextTable) {
    table.heading("Probabilities", "value", interval)
    table.row(["macro AUC"] + TextTable.cells(scores.macroAUC))
    table.row(["macro F1, p >= \(TextTable.decimals(scores.threshold, 2))"] + TextTable.cells(scores.macroF1))
    table.row(["Hamming loss"] + TextTable.cells(scores.hammingLoss))
    table.row(["exact-set accuracy"] + TextTable.cells(scores.exactSetAccuracy))
    table.heading("Class", "AUC", interval, "F1", "TP", "FP", "FN", "TN")
    for scored in scores.classes {
      table.row(
        [scored.name] + TextTable.cells(scored.auc) + [TextTable.cells(scored.f1)[0]] + Self.cells(scored.counts))
    }
  }

  private static func add(_ classes: [ReadClass], _ interval: String, to table: inout TextTable) {
    table.heading("Class in the text", "F1", interval, "TP", "FP", "FN", "TN")
    for read in classes { table.row([read.name] + TextTable.cells(read.f1) + cells(read.counts)) }
  }

  private static func cells(_ counts: ConfusionCounts) -> [String] {
    [counts.truePositives, counts.falsePositives, counts.falseNegatives, counts.trueNegatives].map { "\($0)" }
  }

  /// What the numbers leave out, one sentence each.
  public var notes: [String] {
    var notes = remarks
    if let probabilities, !probabilities.undefinedClasses.isEmpty {
      let defined = probabilities.classes.count - probabilities.undefinedClasses.count
      notes.append(
        "macro AUC is over \(defined) of \(probabilities.classes.count) classes: "
          + "\(probabilities.undefinedClasses.joined(separator: ", ")) without positives, or without negatives")
    }
    let absent = positives.filter { $0.value == 0 }.map(\.key).sorted()
    if !absent.isEmpty, probabilities != nil || text != nil {
      notes.append("macro F1 counts \(absent.joined(separator: ", ")) as 0: no record carries it")
    }
    if let ecgBench, !ecgBench.singleValuedClasses.isEmpty {
      notes.append(
        "ECGBench's \"AUC\" is nan by its rules: \(ecgBench.singleValuedClasses.joined(separator: ", ")) is always true"
      )
    }
    if let ecgBench, !ecgBench.droppedLabels.isEmpty {
      notes.append(
        "ECGBench's rules ignore predictions of \(ecgBench.droppedLabels.joined(separator: ", ")), never true")
    }
    let undefined = probabilities?.macroAUC.undefinedReplicates ?? 0
    if undefined > 0 {
      notes.append("macro AUC was undefined in \(undefined) of \(bootstrap.replicates) resamples, which are left out")
    }
    notes += [("macro F1", probabilities?.macroF1), ("macro F1 of the text", text?.macroF1)].compactMap {
      name, estimate in
      estimate?.noteOnClasses(name, bootstrap)
    }
    return notes
  }
}

extension LabelReport: Codable {
  private enum Key: String, CodingKey {
    case task, subset, records, recordsWithoutLabel, recordsWithoutSuperclass, positives, bootstrap, probabilities,
      text,
      ecgBench, remarks
  }

  /// Reports of `ptb-xl-super` are written as they were before there were other tasks: without its name, and with a key of
  /// their own for records without a label.
  public func encode(to encoder: any Encoder) throws {
    let isSuper = task == PTBXLSuper.name
    var values = encoder.container(keyedBy: Key.self)
    if !isSuper { try values.encode(task, forKey: .task) }
    try values.encode(subset, forKey: .subset)
    try values.encode(records, forKey: .records)
    try values.encode(recordsWithoutLabel, forKey: isSuper ? .recordsWithoutSuperclass : .recordsWithoutLabel)
    try values.encode(positives, forKey: .positives)
    try values.encode(bootstrap, forKey: .bootstrap)
    try values.encodeIfPresent(probabilities, forKey: .probabilities)
    try values.encodeIfPresent(text, forKey: .text)
    try values.encodeIfPresent(ecgBench, forKey: .ecgBench)
    if !remarks.isEmpty { try values.encode(remarks, forKey: .remarks) }
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    let name = try values.decodeIfPresent(String.self, forKey: .task)
    task = name ?? PTBXLSuper.name
    subset = try values.decode(String.self, forKey: .subset)
    records = try values.decode(Int.self, forKey: .records)
    recordsWithoutLabel = try values.decode(
      Int.self, forKey: name == nil ? .recordsWithoutSuperclass : .recordsWithoutLabel)
    positives = try values.decode([String: Int].self, forKey: .positives)
    bootstrap = try values.decode(Bootstrap.self, forKey: .bootstrap)
    probabilities = try values.decodeIfPresent(Probabilities.self, forKey: .probabilities)
    text = try values.decodeIfPresent(Text.self, forKey: .text)
    ecgBench = try values.decodeIfPresent(ECGBench.self, forKey: .ecgBench)
    remarks = try values.decodeIfPresent([String].self, forKey: .remarks) ?? []
  }
}

/// Paired differences of two models on the same records.
public struct LabelComparison: Sendable, Equatable {
  public var metrics: [String]
  /// First minus second, in the order of `metrics`.
  public var differences: [PairedDifference]
  /// Metrics that only one of the two has.
  public var unshared: [String] = []
}
