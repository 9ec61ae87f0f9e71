import Corpus
import Tensors

/// A record, or a picture of one, with the labels that it carries.
public struct LabelItem: TextItem, Equatable {
  public let question: TextQuestion
  public let gold: Set<String>
  /// What it is about; a resample draws all items about one subject, or none.
  public let subject: String
  /// As of `LabelAnswer`.
  public let asked: Set<String>?
  public let publishedGold: Set<String>?

  public init(
    _ question: TextQuestion, gold: Set<String>, subject: String? = nil, asked: Set<String>? = nil,
    publishedGold: Set<String>? = nil
  ) {
    self.question = question
    self.gold = gold
    self.subject = subject ?? question.subject
    self.asked = asked
    self.publishedGold = publishedGold
  }
}

/// Which labels records carry: PTB-XL's superclasses, CPSC 2018, CODE-15%, the classes of a PhysioNet challenge.
///
/// A model is asked for each class of a recording whether it applies, which gives probabilities, and for the list. Of
/// published conversations it is asked their own question alone.
public struct LabelTask: BenchmarkTask {
  public let name: String
  public let space: LabelSpace
  public var items: [LabelItem]
  private let subset: String
  private let remarks: [String]
  private let isOfRecordings: Bool
  /// Names of records without a label, which are not asked about.
  private var unlabelled: [String]
  /// Names of records that cannot be read.
  private var unread: [String]
  /// Of the first reference that the default rules cannot read.
  private var unreadReference: UserError?

  /// Of recordings.
  ///
  /// - Parameters:
  ///   - remarks: what a reader of the scores must know, a sentence each.
  ///   - leftOut: names of records without a label, which are not asked about.
  ///   - unread: names of those that are left out because they cannot be read.
  public init(
    name: String, space: LabelSpace, subset: String, items: [LabelItem], remarks: [String] = [],
    leftOut: [String] = [], unread: [String] = []
  ) {
    self.name = name
    self.space = space
    self.subset = subset
    self.items = items
    self.remarks = remarks
    isOfRecordings = true
    (unlabelled, self.unread) = (leftOut, unread)
  }

  /// Of conversations of one request and the labels that apply, as ECGBench's.
  ///
  /// - Parameter keys: a name of each that no other has.
  /// - Throws: `UserError` naming the entry that is no such one. `check` throws that of one whose answer names no label
  ///   though every record carries one.
  public init(
    name: String, space: LabelSpace, subset: String, conversations: [Conversation], keys: [String]
  ) throws {
    self.name = name
    self.space = space
    self.subset = subset
    isOfRecordings = false
    (unlabelled, unread) = ([], [])
    var unreadable: UserError?
    items = try zip(conversations, keys).map { conversation, key in
      let (request, answer) = try conversation.exchange("one request and the labels that apply")
      let gold = DefaultScorer.labels(in: answer.text, vocabulary: space.vocabulary)
      if unreadable == nil, gold.isEmpty, !space.allowsNone {
        unreadable = UserError(
          .badInput, "\(conversation.place): the answer \"\(answer.text.prefix(40))\" names no label",
          remedy: "answer with labels of \(space.classes.joined(separator: ", "))")
      }
      return LabelItem(
        TextQuestion(id: key, prompt: request, shown: conversation.images), gold: gold,
        asked: space.questionGroups.first { !$0.isDisjoint(with: gold) },
        publishedGold: space.published.map { ECGBenchScorer.goldLabels($0, answer: answer.text) })
    }
    unreadReference = unreadable
    let unnamed = items.count { $0.gold.isEmpty }
    remarks = unnamed == 0 ? [] : ["\(unnamed) of \(items.count) references name no label, and count as carrying none"]
  }

  public func choosing(_ ids: Set<String>) -> LabelTask {
    var part = including { ids.contains($0.id) }
    (part.unlabelled, part.unread) = (unlabelled.filter(ids.contains), unread.filter(ids.contains))
    return part
  }

  public var leftOut: [String] { unlabelled + unread }

  public var yesNoQuestions: [YesNoQuestion] {
    isOfRecordings ? zip(space.classes, space.questions).map { YesNoQuestion(label: $0, prompt: $1) } : []
  }

  public func check(_ rules: ScoringRules) throws {
    if rules == .default, let unreadReference { throw unreadReference }
    guard rules == .ecgbench, space.published == nil else { return }
    throw UserError(
      .usage, "\(name): ECGBench does not score these labels, so there are no published rules for them",
      remedy: "leave out --scorer, or ask for the eight-option form")
  }

  /// The labels that each prediction names against the truth, and its probabilities where there are any.
  ///
  /// Where there are probabilities and not a word of text, text is not scored, and that is said.
  /// - Throws: `UserError` where the predictions are not those of the items, a probability is missing, no number between 0
  ///   and 1, or of no class, or only some predictions have probabilities, or text.
  public func report(
    _ predictions: Predictions, rules: ScoringRules, bootstrap: Bootstrap, notes: [String]
  ) throws -> any EvaluationReport {
    try check(rules)
    let answers = try answers(predictions)
    let hasText = answers.contains { $0.text != nil }
    guard rules == .default || hasText else {
      throw UserError(
        .badInput, "\(name): the predictions hold no text, which the published rules score",
        remedy: "give texts, or leave out --scorer")
    }
    let textless =
      hasText ? [] : ["the predictions hold no text, so that probabilities alone are scored"]
    var report = try metrics(bootstrap, remarks: remarks + notesOnPatients("records") + notes + textless).report(
      answers)
    report.recordsWithoutLabel += unlabelled.count
    return report
  }

  public func differences(
    _ first: Predictions, _ second: Predictions, rules: ScoringRules, bootstrap: Bootstrap
  ) throws -> ScoreDifferences {
    try check(rules)
    let found = try metrics(bootstrap).compare(answers(first), answers(second), inFull: true)
    func counts(_ name: String) -> Bool { rules == .default || name.hasPrefix(LabelAnswerTables.published) }
    let unshared = found.unshared.filter(counts)
    let differences = zip(found.metrics, found.differences).filter { counts($0.0) }.map {
      ScoreDifference(group: "", measure: $0, difference: $1)
    }
    guard !differences.isEmpty else {
      throw UserError(
        .badInput, "\(name): one of the two has only probabilities, the other only text, and nothing can be compared",
        remedy: "compare answers of the same kind")
    }
    return ScoreDifferences(
      rules: rules, rows: differences,
      notes: unshared.isEmpty ? [] : ["not compared, since only one side has it: \(unshared.joined(separator: ", "))"])
  }

  private func metrics(_ bootstrap: Bootstrap, remarks: [String] = []) -> LabelMetrics {
    LabelMetrics(task: name, space: space, subset: subset, bootstrap: bootstrap, remarks: remarks)
  }

  /// What is known of each item.
  private func answers(_ predictions: Predictions) throws -> [LabelAnswer] {
    let given = try predictions.answers(to: questions.map(\.id), benchmark: name)
    let byID = Dictionary(given.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    if given.contains(where: { $0.probabilities != nil }) {
      try predictions.requireOfAll("probabilities") { $0.probabilities != nil }
      guard items.allSatisfy({ $0.asked == nil }) else {
        throw UserError(
          .badInput,
          "\(name): each of these questions asks about some of the classes, and a probability of another says nothing",
          remedy: "give text, or score probabilities on the data set's own folder")
      }
    }
    let hasText = given.contains { !$0.text.isEmpty || $0.probabilities == nil }
    if hasText { try predictions.requireOfAll("text", \.hasText) }
    return try items.map { item in
      let prediction = byID[item.question.id]
      return LabelAnswer(
        id: item.question.id, gold: item.gold,
        probabilities: try prediction?.probabilities.map { try row($0, predictions.place(of: item.question.id)) },
        text: hasText ? prediction?.text : nil, subject: item.subject, asked: item.asked,
        publishedGold: item.publishedGold)
    }
  }

  /// Probabilities in the order of the classes.
  private func row(_ named: [String: Double], _ place: String) throws -> [Double] {
    func fault(_ what: String) -> UserError {
      UserError(
        .badInput, "\(place): \(what)",
        remedy: "give one probability, from 0 to 1, of each of \(space.classes.joined(separator: ", "))")
    }
    if let stray = named.keys.filter({ !space.classes.contains($0) }).min() {
      throw fault("a probability of \"\(stray)\", which is no class of \(name)")
    }
    return try space.classes.map { label in
      guard let value = named[label] else { throw fault("no probability of \(label)") }
      if value < 0 || value > 1 { throw fault("the probability of \(label) is \(value)") }
      return value
    }
  }
}
