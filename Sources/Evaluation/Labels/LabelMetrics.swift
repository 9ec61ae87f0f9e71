import Corpus
import Tensors

/// Scores of a model that tells which of several labels each record carries.
///
/// Three kinds of scores that must not be mixed: on probabilities (the standard metric of PTB-XL), on generated text read
/// carefully, and on generated text read by ECGBench's published rules.
public struct LabelMetrics: Sendable {
  /// Name of the task, for the report.
  public var task: String
  public var space: LabelSpace
  /// Which records these are, for the report: "PTB-XL 1.0.3, fold 9".
  public var subset: String
  public var bootstrap: Bootstrap
  /// A class is predicted where its probability is at least this.
  public var threshold: Double
  /// What a reader of the scores must know, a sentence each.
  public var remarks: [String]

  public init(
    task: String, space: LabelSpace, subset: String, bootstrap: Bootstrap = Bootstrap(), threshold: Double = 0.5,
    remarks: [String] = []
  ) {
    self.task = task
    self.space = space
    self.subset = subset
    self.bootstrap = bootstrap
    self.threshold = threshold
    self.remarks = remarks
  }

  /// The scores of what recordings of a data set are asked in training.
  public init(
    trained questions: QuestionSet, subset: String, bootstrap: Bootstrap = Bootstrap(), remarks: [String] = []
  ) {
    self.init(
      task: questions.task, space: .trained(questions), subset: subset, bootstrap: bootstrap, remarks: remarks)
  }

  /// Scores a model's answers; their order does not change the values, only which resamples are drawn.
  ///
  /// - Throws: `UserError` for no labelled record, a repeated id, an unknown label, a probability that is not a number
  ///   between 0 and 1, and answers of which only some have probabilities (or text).
  /// - Complexity: O(replicates * records * classes).
  public func report(_ answers: [LabelAnswer]) throws -> LabelReport {
    let scored = try LabelAnswerTables(answers, space)
    return LabelReport(
      task: task, subset: subset, records: scored.gold.ids.count, recordsWithoutLabel: scored.excluded,
      positives: Dictionary(uniqueKeysWithValues: zip(space.classes, scored.gold.positives)), bootstrap: bootstrap,
      probabilities: try probabilityScores(scored), text: try textScores(scored), ecgBench: try ecgBenchScores(scored),
      remarks: remarks + notesOnSubjects(scored.clusters) + (try notesOnTies(scored)))
  }

  /// Classes of which more than one pair in a hundred is tied.
  private func notesOnTies(_ scored: LabelAnswerTables) throws -> [String] {
    guard let scores = scored.scores else { return [] }
    let ranked = try RankedScores(gold: scored.gold, scores: scores)
    let tied = ranked.classes.enumerated().compactMap { column, name in
      ranked.tiedShare(class: column).flatMap { $0 > 0.01 ? "\(name) \(Int((100 * $0).rounded()))%" : nil }
    }
    guard !tied.isEmpty else { return [] }
    return [
      "ties count half in AUC: of the pairs of a record with a class and one without, these have equal probabilities: "
        + tied.joined(separator: ", ")
    ]
  }

  /// Paired differences (first minus second) of the metrics that both models have.
  ///
  /// - Parameter inFull: whether those of single classes and the Hamming losses of text are among them.
  /// - Throws: as `report`; also when the answers are not for the same records with the same truth.
  public func compare(
    _ first: [LabelAnswer], _ second: [LabelAnswer], inFull: Bool = false
  ) throws -> LabelComparison {
    let one = try LabelAnswerTables(first, space)
    let other = try LabelAnswerTables(try Self.ordered(second, like: first), space)
    guard one.gold == other.gold else {
      throw UserError(.badInput, "the two sets of answers hold different labels for the same record")
    }
    let metrics = try [one, other].map { try $0.metrics(threshold: threshold, inFull: inFull) }
    let (shared, unshared) = Self.shared(metrics)
    let differences = bootstrap.differences(
      records: one.gold.ids.count, clusters: one.clusters, { weights in shared[0].map { $0.value(weights) } },
      { weights in shared[1].map { $0.value(weights) } }
    ).enumerated().map { place, difference in
      difference.incomplete(gaps(shared.compactMap { $0[place].lackedShare }, one))
    }
    return LabelComparison(metrics: shared[0].map(\.name), differences: differences, unshared: unshared)
  }

  /// The metrics that all have, in the order of the first, and the names of the others.
  private static func shared(
    _ metrics: [[LabelAnswerTables.Metric]]
  ) -> (shared: [[LabelAnswerTables.Metric]], unshared: [String]) {
    let names = metrics.map { Set($0.map(\.name)) }
    let common = names.dropFirst().reduce(names.first ?? []) { $0.intersection($1) }
    var told = Set<String>()
    return (
      metrics.map { $0.filter { common.contains($0.name) } },
      metrics.flatMap { $0 }.map(\.name).filter { !common.contains($0) && told.insert($0).inserted }
    )
  }

  /// Several runs of one method, alike but for their seeds, on the same records.
  ///
  /// - Parameter inFull: whether scores of single classes and the Hamming losses of text are among them.
  /// - Throws: as `report`; also when the runs' answers are not for the same records with the same truth.
  public func seeds(_ runs: [[LabelAnswer]], inFull: Bool = false) throws -> SeedScores {
    guard let first = runs.first else { throw UserError(.badInput, "no run to score") }
    let scored = try runs.map { try LabelAnswerTables(try Self.ordered($0, like: first), space) }
    guard let one = scored.first, scored.allSatisfy({ $0.gold == one.gold }) else {
      throw UserError(.badInput, "two runs hold different labels for the same record")
    }
    let (shared, _) = Self.shared(try scored.map { try $0.metrics(threshold: threshold, inFull: inFull) })
    return SeedScores(
      records: one.gold.ids, clusters: one.clusters, runs: shared)
  }

  /// What resamples lack of some means over classes.
  private func gaps(_ lacking: [([Int]) -> Double], _ scored: LabelAnswerTables) -> ClassGaps? {
    bootstrap.gaps(records: scored.gold.ids.count, clusters: scored.clusters, lacking)
  }

  private func probabilityScores(_ scored: LabelAnswerTables) throws -> LabelReport.Probabilities? {
    guard let scores = scored.scores else { return nil }
    let gold = scored.gold
    let ranked = try RankedScores(gold: gold, scores: scores)
    let agreement = try LabelAgreement(gold: gold, predicted: scores.thresholded(at: threshold))
    let exact = agreement.exactMatches
    let defined = gold.classes.indices.filter { ranked.auc(class: $0) != nil }
    let count = gold.classes.count
    let estimates = bootstrap.estimates(records: gold.ids.count, clusters: scored.clusters) { weights in
      let areas = gold.classes.indices.map { ranked.auc(class: $0, weights: weights) }
      let counts = agreement.confusion(weights: weights)
      let settled = counts.settled(by: agreement.whole)
      return areas + settled.map { Optional($0.f1) } + [
        Self.macro(areas, over: defined), settled.macroF1, counts.hammingLoss, share(of: exact, weights: weights),
      ]
    }
    let gaps = gaps([{ agreement.lackedShare($0) }], scored)
    return LabelReport.Probabilities(
      macroAUC: estimates[2 * count],
      macroF1: estimates[2 * count + 1].incomplete(gaps),
      hammingLoss: estimates[2 * count + 2],
      exactSetAccuracy: estimates[2 * count + 3].ofShare(units: scored.units, level: bootstrap.level),
      threshold: threshold,
      undefinedClasses: gold.classes.indices.filter { !defined.contains($0) }.map { gold.classes[$0] },
      classes: gold.classes.indices.map { column in
        LabelReport.ClassScores(
          name: gold.classes[column], auc: estimates[column], f1: estimates[count + column],
          counts: agreement.whole[column])
      })
  }

  private func textScores(_ scored: LabelAnswerTables) throws -> LabelReport.Text? {
    guard let read = scored.read, let agreement = try scored.agreement() else { return nil }
    let exact = agreement.exactMatches
    let estimates = bootstrap.estimates(records: scored.gold.ids.count, clusters: scored.clusters) { weights in
      let counts = agreement.confusion(weights: weights)
      let settled = counts.settled(by: agreement.whole)
      return [settled.macroF1, counts.hammingLoss, share(of: exact, weights: weights)] + settled.map { Optional($0.f1) }
    }
    let gaps = gaps([{ agreement.lackedShare($0) }], scored)
    return LabelReport.Text(
      macroF1: estimates[0].incomplete(gaps), hammingLoss: estimates[1],
      exactSetAccuracy: estimates[2].ofShare(units: scored.units, level: bootstrap.level),
      answersWithoutLabel: zip(read, scored.gold.ids.indices).count {
        $0.isEmpty && !scored.gold.labels(ofRecord: $1).isEmpty
      },
      classes: scored.gold.classes.enumerated().map { column, name in
        LabelReport.ReadClass(name: name, f1: estimates[3 + column], counts: agreement.whole[column])
      })
  }

  private func ecgBenchScores(_ scored: LabelAnswerTables) throws -> LabelReport.ECGBench? {
    guard let published = try scored.published() else { return nil }
    let estimates = bootstrap.estimates(records: scored.gold.ids.count, clusters: scored.clusters) { weights in
      let score = published.score(weights: weights)
      return [score?.balancedAccuracy, score?.macroF1, score?.hammingLoss]
    }
    return LabelReport.ECGBench(
      balancedAccuracy: estimates[0], macroF1: estimates[1], hammingLoss: estimates[2],
      singleValuedClasses: published.singleValuedClasses, droppedLabels: published.droppedLabels)
  }

  /// The mean over the classes defined on all records; nil where a resample leaves one of them undefined.
  static func macro(_ values: [Double?], over defined: [Int]) -> Double? {
    let present = defined.compactMap { values[$0] }
    guard !defined.isEmpty, present.count == defined.count else { return nil }
    return present.reduce(0, +) / Double(present.count)
  }

  private static func ordered(_ answers: [LabelAnswer], like first: [LabelAnswer]) throws -> [LabelAnswer] {
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
