import Corpus
import Tensors

/// What is known of one record: the truth and what a model said.
public struct LabelAnswer: Sendable, Equatable {
  /// Unique in the data set.
  public var id: String
  /// The labels that the record carries.
  public var gold: Set<String>
  /// Probability of each class in their order; nil where only text is scored.
  public var probabilities: [Double]?
  /// The generated answer; nil where only probabilities are scored.
  public var text: String?
  /// What it is about; a resample draws all answers about one subject, or none.
  public var subject: String
  /// The classes that were asked about; nil for all. Others in a text count neither for nor against it.
  public var asked: Set<String>?
  /// The labels by the published rules, where they read the reference otherwise.
  public var publishedGold: Set<String>?

  /// - Parameter subject: nil where each record is its own.
  public init(
    id: String, gold: Set<String>, probabilities: [Double]? = nil, text: String? = nil, subject: String? = nil,
    asked: Set<String>? = nil, publishedGold: Set<String>? = nil
  ) {
    self.id = id
    self.gold = gold
    self.probabilities = probabilities
    self.text = text
    self.subject = subject ?? id
    self.asked = asked
    self.publishedGold = publishedGold
  }
}

/// Answers arranged in tables, those of records without a label left out where every record must carry one.
struct LabelAnswerTables {
  let space: LabelSpace
  let gold: LabelTable
  let scores: ScoreTable?
  let excluded: Int
  /// The subject of each record by number.
  let clusters: [Int]
  /// How many subjects the records are of.
  var units: Int { Set(clusters).count }
  private let labelled: [LabelAnswer]
  private let texts: [String]?

  /// - Throws: `UserError` for no labelled record, a repeated id, an unknown label, a probability that is not a number
  ///   between 0 and 1, and answers of which only some have probabilities (or text).
  init(_ answers: [LabelAnswer], _ space: LabelSpace) throws {
    self.space = space
    labelled = space.allowsNone ? answers : answers.filter { !$0.gold.isEmpty }
    excluded = answers.count - labelled.count
    guard labelled.contains(where: { !$0.gold.isEmpty }) else {
      throw UserError(
        .badInput, "none of the \(answers.count) records carries a label, so there is nothing to score",
        remedy: "check the data set's labels and the fold")
    }
    let ids = labelled.map(\.id)
    gold = try LabelTable(classes: space.classes, ids: ids, sets: labelled.map(\.gold))
    clusters = subjectNumbers(labelled.map(\.subject))
    let rows = labelled.compactMap(\.probabilities)
    if rows.isEmpty {
      scores = nil
    } else {
      try Self.requireAll(labelled, "probabilities") { $0.probabilities != nil }
      let table = try ScoreTable(classes: space.classes, ids: ids, rows: rows)
      try table.requireProbabilities()
      scores = table
    }
    let written = labelled.compactMap(\.text)
    if !written.isEmpty { try Self.requireAll(labelled, "text") { $0.text != nil } }
    texts = written.isEmpty ? nil : written
  }

  private static func requireAll(_ answers: [LabelAnswer], _ what: String, _ has: (LabelAnswer) -> Bool) throws {
    guard let lacking = answers.first(where: { !has($0) }) else { return }
    throw UserError(
      .badInput, "record \(lacking.id) has no \(what), though others have", remedy: "give \(what) for all or for none")
  }

  /// The labels that a careful reader finds in each text; nil without texts.
  var read: [Set<String>]? {
    texts.map { texts in
      zip(texts, labelled).map { text, answer in
        let found = DefaultScorer.labels(in: text, vocabulary: space.vocabulary)
        return answer.asked.map(found.intersection) ?? found
      }
    }
  }

  /// What was read against the truth; nil without texts.
  func agreement() throws -> LabelAgreement? {
    try read.map { sets in
      try LabelAgreement(gold: gold, predicted: LabelTable(classes: gold.classes, ids: gold.ids, sets: sets))
    }
  }

  /// The same by the published rules; nil without texts, or without such rules.
  func published() throws -> ECGBenchAgreement? {
    guard let texts, let set = space.published else { return nil }
    return try ECGBenchAgreement(
      ids: gold.ids, gold: labelled.map { $0.publishedGold ?? $0.gold },
      predicted: texts.map { ECGBenchScorer.predictedLabels(set, text: $0) })
  }

  /// A metric as a function of record weights.
  struct Metric {
    var name: String
    /// Whether it is the share of records of which something holds.
    var isShare: Bool
    /// Of a mean over classes, the share of them that weights leave nothing to score.
    var lackedShare: (([Int]) -> Double)?
    var value: ([Int]) -> Double?

    init(
      _ name: String, isShare: Bool = false, lackedShare: (([Int]) -> Double)? = nil,
      _ value: @escaping ([Int]) -> Double?
    ) {
      (self.name, self.isShare, self.lackedShare, self.value) = (name, isShare, lackedShare, value)
    }

    static func macroF1(_ name: String, _ agreement: LabelAgreement) -> Metric {
      Metric(name, lackedShare: { agreement.lackedShare($0) }) { agreement.macroF1(weights: $0) }
    }

    /// The F1 of one class; where weights leave nothing of it, that of all records.
    static func f1(_ name: String, _ agreement: LabelAgreement, class column: Int) -> Metric {
      Metric(name) { agreement.confusion(weights: $0).settled(by: agreement.whole)[column].f1 }
    }
  }

  /// The metrics that these answers have.
  /// - Parameter inFull: whether those of single classes and the Hamming losses of text are among them.
  func metrics(threshold: Double, inFull: Bool) throws -> [Metric] {
    var metrics: [Metric] = []
    if let scores {
      let ranked = try RankedScores(gold: gold, scores: scores)
      let defined = gold.classes.indices.filter { ranked.auc(class: $0) != nil }
      let agreement = try LabelAgreement(gold: gold, predicted: scores.thresholded(at: threshold))
      let exact = agreement.exactMatches
      metrics = [
        Metric(MetricName.macroAUC) { weights in
          LabelMetrics.macro(defined.map { ranked.auc(class: $0, weights: weights) }, over: Array(defined.indices))
        },
        .macroF1(MetricName.macroF1, agreement),
        Metric(MetricName.hammingLoss) { agreement.hammingLoss(weights: $0) },
        Metric(MetricName.exactSet, isShare: true) { share(of: exact, weights: $0) },
      ]
      if inFull {
        metrics += gold.classes.enumerated().flatMap { column, name in
          [
            Metric(MetricName.aucOfClass + name) { ranked.auc(class: column, weights: $0) },
            .f1(MetricName.f1OfClass + name, agreement, class: column),
          ]
        }
      }
    }
    if let agreement = try agreement() {
      let exact = agreement.exactMatches
      metrics.append(.macroF1(MetricName.ofText(MetricName.macroF1), agreement))
      if inFull {
        metrics.append(Metric(MetricName.ofText(MetricName.hammingLoss)) { agreement.hammingLoss(weights: $0) })
      }
      metrics.append(Metric(MetricName.ofText(MetricName.exactSet), isShare: true) { share(of: exact, weights: $0) })
      if inFull {
        metrics += gold.classes.enumerated().map { column, name in
          .f1(MetricName.ofText(MetricName.f1OfClass + name), agreement, class: column)
        }
      }
    }
    if let published = try published() {
      metrics.append(Metric("\(Self.published) macro F1") { published.score(weights: $0)?.macroF1 })
      metrics.append(Metric("\(Self.published) \"AUC\"") { published.score(weights: $0)?.balancedAccuracy })
      if inFull {
        metrics.append(Metric("\(Self.published) Hamming loss") { published.score(weights: $0)?.hammingLoss })
      }
    }
    return metrics
  }

  /// What the names of metrics by the published rules begin with.
  static let published = "ECGBench"
}

/// What is to be said of resamples of so few subjects that they are all the same.
func notesOnSubjects(_ clusters: [Int]) -> [String] {
  clusters.count > 1 && Set(clusters).count == 1
    ? ["all \(clusters.count) are about one recording, so that there is nothing to resample and no interval"] : []
}

extension [ECGSample] {
  /// What is to be said of groups, which are drawn with all their recordings; nothing where none is known.
  public var remarksOnGroups: [String] {
    let groups = Set(compactMap(\.group))
    guard let first = groups.first else { return [] }
    let others = count { $0.group == nil }
    return [noteOnDraws(count - others, "records", of: "\(groups.count) \(first.plural)", others: others)]
  }
}

/// What is to be said of resamples that draw subjects with all that is about them.
/// - Parameters:
///   - noun: what is scored, in the plural.
///   - subjects: how many of what.
///   - others: how many more there are whose subject is not known.
func noteOnDraws(_ count: Int, _ noun: String, of subjects: String, others: Int) -> String {
  "\(count) \(noun) of \(subjects), which resamples draw with all their \(noun)"
    + (others > 0 ? "; \(others) of which none is known are drawn by themselves" : "")
}

/// Subjects by number, from 0 in the order in which they come: the `clusters` of a `Bootstrap`.
public func subjectNumbers(_ subjects: [String]) -> [Int] {
  var numbers: [String: Int] = [:]
  return subjects.map { subject in
    let number = numbers[subject] ?? numbers.count
    numbers[subject] = number
    return number
  }
}
