import Tensors

/// What every item of a task scored, from which means, intervals and paired differences are formed.
///
/// A task whose answers are right or wrong has one measure of zeros and ones; one whose answers are more or less alike has
/// several measures between 0 and 1.
public struct ItemScores: Sendable, Equatable {
  /// One kind of score, a value an item.
  public struct Measure: Sendable, Equatable {
    public var name: String
    public var values: [Double]
    /// Whether an item is right or wrong, so that the mean is the share of those that are right.
    public var isShare: Bool

    public init(_ name: String, _ values: [Double], isShare: Bool = false) {
      self.name = name
      self.values = values
      self.isShare = isShare
    }
  }

  /// Something that happened to some items, told beside the scores.
  public struct Count: Sendable, Equatable, Codable {
    public var what: String
    public var count: Int

    public init(_ what: String, _ count: Int) {
      self.what = what
      self.count = count
    }
  }

  public var task: String
  /// Which items these are, for the report.
  public var subset: String
  /// By whose rules texts were read.
  public var rules: ScoringRules
  public let ids: [String]
  /// The kind of each item; all alike where a task has none.
  public let groups: [String]
  /// What each item is about; a resample draws all items about one recording, or none.
  public let subjects: [String]
  public let measures: [Measure]
  /// Labels of each item against the truth, scored over all items at once; nil where there are none.
  public let labels: LabelAgreement?
  public var counts: [Count] = []
  /// What the numbers leave out, a sentence each.
  public var notes: [String] = []

  /// - Parameters:
  ///   - groups: of each item; nil where there is one kind.
  ///   - subjects: of each item; nil where each is about another recording.
  ///   - labels: of the same items in the same order.
  /// - Throws: `UserError` for no item, or an id that occurs twice.
  public init(
    task: String, subset: String, rules: ScoringRules, ids: [String], groups: [String]? = nil,
    subjects: [String]? = nil, measures: [Measure], labels: LabelAgreement? = nil
  ) throws {
    guard !ids.isEmpty else {
      throw UserError(.badInput, "\(task): there is nothing to score", remedy: "check data and split")
    }
    if let id = firstRepeated(ids) { throw UserError(.badInput, "\(task): item \(id) occurs twice") }
    precondition(measures.allSatisfy { $0.values.count == ids.count }, "a value of every measure for every item")
    self.task = task
    self.subset = subset
    self.rules = rules
    self.ids = ids
    self.groups = groups ?? ids.map { _ in "" }
    self.subjects = subjects ?? ids
    self.measures = measures
    precondition(labels.map { $0.gold.ids == ids } ?? true, "labels of the same items")
    self.labels = labels
  }

  /// Means with their intervals: of all items, and of each kind where there are several.
  /// - Complexity: O(replicates * items * kinds * measures).
  public func report(_ bootstrap: Bootstrap) -> ScoreReport {
    var estimates = bootstrap.estimates(records: ids.count, clusters: clusters, statistics)
    for (place, cell) in cells.enumerated() where cell.measure.isShare {
      let units = Set(cell.members.map { clusters[$0] }).count
      estimates[place] = estimates[place].ofShare(units: units, level: bootstrap.level)
    }
    var told: [String] = []
    if labels != nil, let macro = estimates.indices.last {
      estimates[macro] = estimates[macro].incomplete(gaps([self], bootstrap))
      told = [estimates[macro].noteOnClasses(Self.labelMeasures[1], bootstrap)].compactMap { $0 }
    }
    let named =
      cells.map { ($0.group, $0.measure.name, $0.members.count) }
      + (labels == nil ? [] : Self.labelMeasures.map { ("", $0, ids.count) })
    return ScoreReport(
      task: task, subset: subset, rules: rules, items: ids.count, bootstrap: bootstrap,
      rows: zip(named, estimates).map { ScoreReport.Row(group: $0.0, measure: $0.1, items: $0.2, value: $1) },
      counts: counts, notes: notes + notesOnSubjects(clusters) + told)
  }

  /// Paired differences (this minus the other) of every mean, on the same items.
  /// - Throws: `UserError` where the two hold other items or measures.
  public func differences(from other: ItemScores, _ bootstrap: Bootstrap) throws -> [ScoreDifference] {
    let places = Dictionary(uniqueKeysWithValues: other.ids.enumerated().map { ($1, $0) })
    let order = try ids.map { id in
      guard let place = places[id] else {
        throw UserError(
          .badInput, "\(task): item \(id) was answered by the first alone", remedy: "score the same items")
      }
      return place
    }
    guard other.ids.count == ids.count, other.measures.map(\.name) == measures.map(\.name),
      (other.labels == nil) == (labels == nil)
    else {
      throw UserError(
        .badInput, "\(task): \(ids.count) items are compared with \(other.ids.count), or by other measures",
        remedy: "score the same items by the same rules")
    }
    let theirs = try ItemScores(
      task: task, subset: subset, rules: rules, ids: ids, groups: groups, subjects: subjects,
      measures: other.measures.map { measure in
        Measure(measure.name, order.map { measure.values[$0] }, isShare: measure.isShare)
      },
      labels: try other.labels?.reordered(order))
    var differences = bootstrap.differences(
      records: ids.count, clusters: clusters, statistics, theirs.statistics)
    if labels != nil, let macro = differences.indices.last {
      differences[macro] = differences[macro].incomplete(gaps([self, theirs], bootstrap))
    }
    let names = cells.map { ($0.group, $0.measure.name) } + (labels == nil ? [] : Self.labelMeasures.map { ("", $0) })
    return zip(names, differences).map { ScoreDifference(group: $0.0, measure: $0.1, difference: $1) }
  }

  /// Names of the scores of labels: over all decisions, and the mean over the labels that some item has in truth. These are
  /// fixed on all items: in a resample without one of them, and without a prediction of it, its F1 is that on all items.
  static let labelMeasures = ["label F1, micro", "label F1, macro"]

  /// Places of the labels that some item has in truth.
  private var held: [Int] {
    let positives = labels?.gold.positives ?? []
    return positives.indices.filter { positives[$0] > 0 }
  }

  /// What resamples lack of the labels of these macro F1.
  private func gaps(_ scores: [ItemScores], _ bootstrap: Bootstrap) -> ClassGaps? {
    let held = held
    return bootstrap.gaps(
      records: ids.count, clusters: clusters,
      scores.compactMap(\.labels).map { labels in { labels.lackedShare($0, among: held) } })
  }

  /// Every mean, then the scores of labels, under given weights of items.
  private var statistics: ([Int]) -> [Double?] {
    let (cells, labels, held) = (cells, labels, held)
    let whole = held.map { labels?.whole[$0] ?? ConfusionCounts() }
    return { weights in
      let means = cells.map { self.mean($0.measure.values, of: $0.members, weights) }
      guard let counts = labels?.confusion(weights: weights) else { return means }
      // The same labels in every resample: a mean over fewer would be another quantity.
      return means + [counts.microF1, held.map { counts[$0] }.settled(by: whole).macroF1]
    }
  }

  /// One mean of the report.
  private struct Cell {
    var group: String
    var members: [Int]
    var measure: Measure
  }

  private var cells: [Cell] {
    let kinds = Set(groups).sorted()
    let parts = kinds.count > 1 ? kinds.map { kind in (kind, ids.indices.filter { groups[$0] == kind }) } : []
    return ([("", Array(ids.indices))] + parts).flatMap { group, members in
      measures.map { Cell(group: group, members: members, measure: $0) }
    }
  }

  private var clusters: [Int] { subjectNumbers(subjects) }

  /// Nil where no member is drawn.
  private func mean(_ values: [Double], of members: [Int], _ weights: [Int]) -> Double? {
    let total = members.reduce(0) { $0 + weights[$1] }
    guard total > 0 else { return nil }
    return members.reduce(0) { $0 + Double(weights[$1]) * values[$1] } / Double(total)
  }
}

/// By whose rules generated text is read.
public enum ScoringRules: String, CaseIterable, Sendable, Codable {
  /// `DefaultScorer`'s.
  case `default`
  /// `ECGBenchScorer`'s: as published, faults included.
  case ecgbench
}
