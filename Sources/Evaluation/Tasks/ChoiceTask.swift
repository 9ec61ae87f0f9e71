import Corpus
import Tensors

/// A question with lettered options of which one is right.
public struct ChoiceItem: TextItem, Equatable {
  public let question: TextQuestion
  /// What stands behind the letters A, B and so on.
  public let options: [String]
  /// The reference answer as the data has it: a letter, or a letter and its option.
  public let answer: String
}

/// Multiple choice: MMMU-ECG, the eight-option forms of CSN and G12EC, and any other data of that form.
public struct ChoiceTask: TextTask {
  public let name: String
  public var items: [ChoiceItem]
  private let subset: String
  private var remarks: [String] = []
  public private(set) var leftOut: [String] = []
  /// Of the first reference that the default rules cannot read.
  private var unreadReference: UserError?

  /// - Parameter remarks: what a reader of the scores must know, a sentence each.
  init(name: String, subset: String, items: [ChoiceItem], remarks: [String], leftOut: [String]) {
    self.name = name
    self.subset = subset
    self.items = items
    self.remarks = remarks
    self.leftOut = leftOut
  }

  /// - Parameters:
  ///   - name: of the task, `mmmu-ecg` for example.
  ///   - conversations: of a question and its answer each.
  ///   - keys: a name of each that no other has.
  /// - Throws: `UserError` naming the entry that has no question with options. `check` throws that of one whose answer is
  ///   none of them.
  public init(name: String, subset: String, conversations: [Conversation], keys: [String]) throws {
    self.name = name
    self.subset = subset
    var unread: UserError?
    items = try zip(conversations, keys).map { conversation, key in
      let (question, answer) = try conversation.exchange("one question and its answer")
      let options = Self.options(in: question)
      guard options.count >= 2 else {
        throw UserError(
          .badInput, "\(conversation.place): no options A, B, ... are listed in the question",
          remedy: "write an option a line, such as \"A. sinus rhythm\"")
      }
      if unread == nil, DefaultScorer.letter(in: answer.text, options: options) == nil {
        unread = UserError(
          .badInput, "\(conversation.place): the answer \"\(answer.text.prefix(40))\" is none of the options",
          remedy: "answer with the letter of an option")
      }
      return ChoiceItem(
        question: TextQuestion(id: key, prompt: question, shown: conversation.images), options: options,
        answer: answer.text)
    }
    unreadReference = unread
  }

  public func choosing(_ ids: Set<String>) -> ChoiceTask {
    var part = including { ids.contains($0.id) }
    part.leftOut = leftOut.filter(ids.contains)
    return part
  }

  /// What stands behind "A.", "B." and so on, or "A)", "(A)", "A:", in the order of the letters: on lines of their own, or
  /// else one behind the other.
  public static func options(in question: String) -> [String] {
    let lines = question.split(whereSeparator: \.isNewline).map { strippedLikePython(String($0)) }
    var found: [String] = []
    for line in lines {
      guard found.count < 26, let rest = lettered(line, letter: letter(found.count)) else { continue }
      found.append(rest)
    }
    if found.count >= 2 { return found }
    return inline(question)
  }

  private static func letter(_ index: Int) -> Character { Character(UnicodeScalar(UInt8(65 + index))) }

  /// The text behind a line's own letter; nil where it begins otherwise.
  private static func lettered(_ line: String, letter: Character) -> String? {
    var rest = Substring(line)
    if rest.first == "(" { rest = rest.dropFirst() }
    guard rest.first == letter else { return nil }
    rest = rest.dropFirst()
    guard let sign = rest.first, ".):".contains(sign) else { return nil }
    let text = strippedLikePython(String(rest.dropFirst()))
    return text.isEmpty ? nil : text
  }

  /// "A. one B. two", wherever that begins.
  private static func inline(_ question: String) -> [String] {
    let marks = question.matches(of: #/(?:^|\s)\(?([A-Z])[.):]\s+/#)
    var places: [Range<String.Index>] = []
    for mark in marks where places.count < 26 && mark.output.1 == "\(letter(places.count))" {
      places.append(mark.range)
    }
    return places.indices.map { index in
      let end = index + 1 < places.count ? places[index + 1].lowerBound : question.endIndex
      return strippedLikePython(String(question[places[index].upperBound..<end]))
    }
  }

  public func check(_ rules: ScoringRules) throws {
    switch rules {
    case .default: if let unreadReference { throw unreadReference }
    case .ecgbench: _ = try publishedSet()
    }
  }

  /// The published set whose rules count by the task's name.
  private func publishedSet() throws -> ECGBenchScorer.ChoiceSet {
    guard let set = ECGBenchScorer.ChoiceSet(task: name) else {
      throw UserError(
        .usage, "\(name): ECGBench scores three sets of multiple choice, and this is none of them",
        remedy:
          "leave out --scorer, or name the set whose rules are meant: --task mmmu-ecg (references are a letter alone, "
          + "lost answers are drawn from A to D), --task csn or g12ec (its first character, A to H)")
    }
    return set
  }

  /// Whether each prediction names the right letter.
  ///
  /// By the published rules a letter that cannot be read is drawn at random, and counted; by the default rules it is wrong.
  /// - Throws: `UserError` where the predictions are not those of the items, and that of `check`.
  public func scores(_ predictions: Predictions, rules: ScoringRules) throws -> ItemScores {
    try check(rules)
    let (asked, answers) = try paired(predictions)
    var (hits, counts, notes): ([Bool], [ItemScores.Count], [String])
    switch rules {
    case .default:
      let read = zip(asked, answers).map { DefaultScorer.letter(in: $1.text, options: $0.options) }
      hits = zip(asked, read).map { $1 != nil && DefaultScorer.letter(in: $0.answer, options: $0.options) == $1 }
      counts = [ItemScores.Count("answers without a letter", read.count { $0 == nil })]
      notes = []
    case .ecgbench:
      let set = try publishedSet()
      var random = PythonRandom(seed: 42)
      let score = ECGBenchScorer.choices(
        set, zip(asked, answers).map { (gold: $0.answer, text: $1.text) }, random: &random)
      hits = score.hits
      counts = [
        ItemScores.Count("answers drawn at random", score.randomDraws),
        ItemScores.Count("answers at which the published scorer stops", score.fatalAnswers),
      ]
      notes =
        Self.unmatched(asked, set)
        + (score.isPublishable
          ? []
          : ["the published scorer prints no number here: it takes files of \(score.expectedCount) lines, all readable"])
    }
    var scores = try ItemScores(
      task: name, subset: subset, rules: rules, ids: asked.map(\.question.id),
      subjects: asked.map(\.subject),
      measures: [ItemScores.Measure("accuracy", hits.map { $0 ? 1 : 0 }, isShare: true)])
    (scores.counts, scores.notes) = (counts, remarks + notes)
    return scores
  }
}

extension ChoiceTask {
  /// What is to be said of references that no letter equals by the published rules: MMMU-ECG's are compared whole.
  private static func unmatched(_ items: [ChoiceItem], _ set: ECGBenchScorer.ChoiceSet) -> [String] {
    let others = items.count { !ECGBenchScorer.letters.contains(set.gold(answer: $0.answer)) }
    guard others > 0 else { return [] }
    return [
      "\(others) of \(items.count) references are no letter as the published scorer takes them, so that whatever is answered "
        + "to these is wrong"
    ]
  }
}

extension ECGBenchScorer.ChoiceSet {
  /// The published set of a task's name; nil for one without.
  init?(task: String) {
    switch task {
    case "mmmu-ecg": self = .mmmu
    case "csn": self = .csn
    case "g12ec": self = .g12
    default: return nil
    }
  }
}
