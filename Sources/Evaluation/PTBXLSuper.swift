import Tensors

/// The task `ptb-xl-super`: which of the five diagnostic superclasses an ECG shows.
///
/// Three kinds of scores that must not be mixed: on probabilities (the standard PTB-XL metric), on generated text read
/// carefully, and on generated text read by ECGBench's published rules.
public struct PTBXLSuper: Sendable {
  public static let name = "ptb-xl-super"
  public static let classes = ["NORM", "MI", "STTC", "CD", "HYP"]

  /// What is known of one record: the truth and what a model said.
  public struct Answer: Sendable, Equatable {
    /// Unique in the data set.
    public var id: String
    /// Superclasses; a record without any is left out, as PTB-XL's benchmarks do, and counted.
    public var gold: Set<String>
    /// Probability of each superclass in the order of `classes`; nil where only text is scored.
    public var probabilities: [Double]?
    /// The generated answer; nil where only probabilities are scored.
    public var text: String?

    public init(id: String, gold: Set<String>, probabilities: [Double]? = nil, text: String? = nil) {
      self.id = id
      self.gold = gold
      self.probabilities = probabilities
      self.text = text
    }
  }

  /// Which records these are, for the report: "PTB-XL 1.0.3, fold 9".
  public var subset: String
  public var bootstrap: Bootstrap
  /// A class is predicted where its probability is at least this.
  public var threshold: Double

  public init(subset: String, bootstrap: Bootstrap = Bootstrap(), threshold: Double = 0.5) {
    self.subset = subset
    self.bootstrap = bootstrap
    self.threshold = threshold
  }

  /// Scores a model's answers; their order does not change the values, only which resamples are drawn.
  ///
  /// - Throws: `UserError` for no labelled record, a repeated id, an unknown superclass, a probability that is not a
  ///   number between 0 and 1, and answers of which only some have probabilities (or text).
  /// - Complexity: O(replicates * records * classes).
  public func report(_ answers: [Answer]) throws -> PTBXLSuperReport {
    let scored = try Scored(answers)
    return PTBXLSuperReport(
      subset: subset, records: scored.gold.ids.count, recordsWithoutSuperclass: scored.excluded,
      positives: Dictionary(uniqueKeysWithValues: zip(Self.classes, scored.gold.positives)), bootstrap: bootstrap,
      probabilities: try scored.scores.map { try probabilityScores(scored.gold, $0) },
      text: try scored.texts.map { try textScores(scored.gold, $0) },
      ecgBench: try scored.texts.map { try ecgBenchScores(scored.gold, $0) })
  }

  /// Paired differences (first minus second) of the metrics that both models have.
  ///
  /// - Throws: as `report`; also when the answers are not for the same records with the same truth.
  public func compare(_ first: [Answer], _ second: [Answer]) throws -> PTBXLSuperComparison {
    let one = try Scored(first)
    let other = try Scored(try Self.ordered(second, like: first))
    guard one.gold == other.gold else {
      throw UserError(.badInput, "the two sets of answers hold different superclasses for the same record")
    }
    let names = [one, other].map { Set($0.metricNames) }
    let shared = one.metricNames.filter { names[1].contains($0) }
    let statistics = try [one, other].map { try $0.statistics(threshold: threshold) }
    let differences = bootstrap.differences(
      records: one.gold.ids.count, { weights in shared.map { statistics[0][$0]?(weights) } },
      { weights in shared.map { statistics[1][$0]?(weights) } })
    return PTBXLSuperComparison(subset: subset, records: one.gold.ids.count, metrics: shared, differences: differences)
  }

  private func probabilityScores(_ gold: LabelTable, _ scores: ScoreTable) throws -> PTBXLSuperReport.Probabilities {
    let ranked = try RankedScores(gold: gold, scores: scores)
    let agreement = try LabelAgreement(gold: gold, predicted: scores.thresholded(at: threshold))
    let exact = agreement.exactMatches
    let defined = gold.classes.indices.filter { ranked.auc(class: $0) != nil }
    let count = gold.classes.count
    let estimates = bootstrap.estimates(records: gold.ids.count) { weights in
      let areas = gold.classes.indices.map { ranked.auc(class: $0, weights: weights) }
      let counts = agreement.confusion(weights: weights)
      return areas + counts.map { Optional($0.f1) } + [
        Self.macro(areas, over: defined), counts.macroF1, counts.hammingLoss, share(of: exact, weights: weights),
      ]
    }
    let counts = agreement.confusion()
    return PTBXLSuperReport.Probabilities(
      macroAUC: estimates[2 * count], macroF1: estimates[2 * count + 1], hammingLoss: estimates[2 * count + 2],
      exactSetAccuracy: estimates[2 * count + 3], threshold: threshold,
      undefinedClasses: ranked.macroAUC().undefinedClasses,
      classes: gold.classes.indices.map { column in
        PTBXLSuperReport.ClassScores(
          name: gold.classes[column], auc: estimates[column], f1: estimates[count + column], counts: counts[column])
      })
  }

  private func textScores(_ gold: LabelTable, _ texts: [String]) throws -> PTBXLSuperReport.Text {
    let parsed = texts.map { DefaultScorer.labels(in: $0, vocabulary: .ptbXLSuper) }
    let agreement = try LabelAgreement(
      gold: gold, predicted: LabelTable(classes: gold.classes, ids: gold.ids, sets: parsed))
    let exact = agreement.exactMatches
    let estimates = bootstrap.estimates(records: gold.ids.count) { weights in
      let counts = agreement.confusion(weights: weights)
      return [counts.macroF1, counts.hammingLoss, share(of: exact, weights: weights)]
    }
    return PTBXLSuperReport.Text(
      macroF1: estimates[0], hammingLoss: estimates[1], exactSetAccuracy: estimates[2],
      answersWithoutLabel: parsed.count { $0.isEmpty })
  }

  private func ecgBenchScores(_ gold: LabelTable, _ texts: [String]) throws -> PTBXLSuperReport.ECGBench {
    let published = try Scored.published(gold, texts)
    let estimates = bootstrap.estimates(records: gold.ids.count) { weights in
      let score = published.score(weights: weights)
      return [score?.balancedAccuracy, score?.macroF1, score?.hammingLoss]
    }
    return PTBXLSuperReport.ECGBench(
      balancedAccuracy: estimates[0], macroF1: estimates[1], hammingLoss: estimates[2],
      singleValuedClasses: published.singleValuedClasses, droppedLabels: published.droppedLabels)
  }

  /// The mean over the classes defined on all records; nil where a resample leaves one of them undefined.
  static func macro(_ values: [Double?], over defined: [Int]) -> Double? {
    let present = defined.compactMap { values[$0] }
    guard !defined.isEmpty, present.count == defined.count else { return nil }
    return present.reduce(0, +) / Double(present.count)
  }

  private static func ordered(_ answers: [Answer], like first: [Answer]) throws -> [Answer] {
    if let id = firstRepeated(answers.map(\.id)) { throw UserError(.badInput, "record \(id) occurs twice") }
    let byID = Dictionary(uniqueKeysWithValues: answers.map { ($0.id, $0) })
    guard answers.count == first.count else {
      throw UserError(.badInput, "\(first.count) records are compared with \(answers.count)")
    }
    return try first.map { answer in
      guard let match = byID[answer.id] else {
        throw UserError(.badInput, "record \(answer.id) was answered by the first model only")
      }
      return match
    }
  }
}

/// Answers arranged in tables, those without a superclass left out.
private struct Scored {
  var gold: LabelTable
  var scores: ScoreTable?
  var texts: [String]?
  var excluded: Int

  init(_ answers: [PTBXLSuper.Answer]) throws {
    let labelled = answers.filter { !$0.gold.isEmpty }
    excluded = answers.count - labelled.count
    guard !labelled.isEmpty else {
      throw UserError(
        .badInput, "none of the \(answers.count) records carries a superclass, so there is nothing to score",
        remedy: "check the data set's labels and the fold")
    }
    let ids = labelled.map(\.id)
    gold = try LabelTable(classes: PTBXLSuper.classes, ids: ids, sets: labelled.map(\.gold))
    let rows = labelled.compactMap(\.probabilities)
    if !rows.isEmpty {
      try Self.requireAll(labelled, "probabilities") { $0.probabilities != nil }
      let table = try ScoreTable(classes: PTBXLSuper.classes, ids: ids, rows: rows)
      try table.requireProbabilities()
      scores = table
    }
    let written = labelled.compactMap(\.text)
    if !written.isEmpty {
      try Self.requireAll(labelled, "text") { $0.text != nil }
      texts = written
    }
  }

  private static func requireAll(
    _ answers: [PTBXLSuper.Answer], _ what: String, _ has: (PTBXLSuper.Answer) -> Bool
  ) throws {
    guard let lacking = answers.first(where: { !has($0) }) else { return }
    throw UserError(
      .badInput, "record \(lacking.id) has no \(what), though others have", remedy: "give \(what) for all or for none")
  }

  static func published(_ gold: LabelTable, _ texts: [String]) throws -> ECGBenchAgreement {
    try ECGBenchAgreement(
      ids: gold.ids, gold: gold.ids.indices.map { gold.labels(ofRecord: $0) },
      predicted: texts.map { ECGBenchScorer.predictedLabels(.ptbXLSuper, text: $0) })
  }

  var metricNames: [String] {
    (scores == nil ? [] : ["macro AUC", "macro F1", "Hamming loss", "exact-set accuracy"])
      + (texts == nil ? [] : ["text macro F1", "text exact-set accuracy", "ECGBench macro F1", "ECGBench \"AUC\""])
  }

  /// Each metric as a function of record weights.
  func statistics(threshold: Double) throws -> [String: ([Int]) -> Double?] {
    var metrics: [String: ([Int]) -> Double?] = [:]
    if let scores {
      let ranked = try RankedScores(gold: gold, scores: scores)
      let defined = gold.classes.indices.filter { ranked.auc(class: $0) != nil }
      let agreement = try LabelAgreement(gold: gold, predicted: scores.thresholded(at: threshold))
      let exact = agreement.exactMatches
      metrics["macro AUC"] = { weights in
        PTBXLSuper.macro(defined.map { ranked.auc(class: $0, weights: weights) }, over: Array(defined.indices))
      }
      metrics["macro F1"] = { agreement.macroF1(weights: $0) }
      metrics["Hamming loss"] = { agreement.hammingLoss(weights: $0) }
      metrics["exact-set accuracy"] = { share(of: exact, weights: $0) }
    }
    if let texts {
      let parsed = texts.map { DefaultScorer.labels(in: $0, vocabulary: .ptbXLSuper) }
      let agreement = try LabelAgreement(
        gold: gold, predicted: LabelTable(classes: gold.classes, ids: gold.ids, sets: parsed))
      let exact = agreement.exactMatches
      let published = try Self.published(gold, texts)
      metrics["text macro F1"] = { agreement.macroF1(weights: $0) }
      metrics["text exact-set accuracy"] = { share(of: exact, weights: $0) }
      metrics["ECGBench macro F1"] = { published.score(weights: $0)?.macroF1 }
      metrics["ECGBench \"AUC\""] = { published.score(weights: $0)?.balancedAccuracy }
    }
    return metrics
  }
}
