import Corpus
import Tensors

/// A question whose answer is a set of the options it lists.
public struct OptionItem: TextItem, Equatable {
  public let question: TextQuestion
  public let options: [String]
  /// The true options; "none", or nothing, where none holds.
  public let answers: [String]
  /// The reference word for word, as the published rules compare it; nil where that is `answers`.
  public let publishedAnswers: [String]?
  /// The kind of question, `single-verify` for example.
  public let kind: String
  public let subject: String

  /// - Parameter subject: nil for what the question shows.
  public init(
    _ question: TextQuestion, options: [String], answers: [String], publishedAnswers: [String]? = nil, kind: String,
    subject: String? = nil
  ) {
    self.question = question
    self.options = options
    self.answers = answers
    self.publishedAnswers = publishedAnswers
    self.kind = kind
    self.subject = subject ?? question.subject
  }
}

/// Questions answered by a set of options, right where the set is exactly the true one: ECG-QA.
public struct OptionTask: TextTask {
  public let name: String
  public var items: [OptionItem]
  private let subset: String
  /// Of the first reference that the default rules cannot read.
  private var unreadReference: UserError?
  private let remarks: @Sendable ([OptionItem]) -> [String]

  /// - Parameter remarks: what a reader of the scores must know of the items that were scored, a sentence each.
  public init(
    name: String, subset: String, items: [OptionItem],
    remarks: @escaping @Sendable ([OptionItem]) -> [String] = { _ in [] }
  ) {
    self.name = name
    self.subset = subset
    self.items = items
    self.remarks = remarks
  }

  /// Of conversations of one question that lists its options behind "Options:", and those that are true, as ECGBench's
  /// ecgqa-test.
  ///
  /// - Parameter keys: a name of each that no other has.
  /// - Throws: `UserError` naming the entry that lists no options. `check` throws that of one whose answer is none of them.
  public init(name: String, subset: String, conversations: [Conversation], keys: [String]) throws {
    var unread: UserError?
    let items = try zip(conversations, keys).map { conversation, key in
      let (question, answer) = try conversation.exchange("one question and its answer")
      let options = DefaultScorer.options(inPrompt: question)
      guard !options.isEmpty else {
        throw UserError(
          .badInput, "\(conversation.place): the question lists no options behind \"Options:\"",
          remedy: "write them there, separated by commas")
      }
      let named = DefaultScorer.options(options, in: answer.text)
      let isNone = answer.text.lowercased() == "none"
      if unread == nil, named.isEmpty, !isNone {
        unread = UserError(
          .badInput, "\(conversation.place): the answer \"\(answer.text.prefix(40))\" is none of the options",
          remedy: "answer with options as they are listed")
      }
      return OptionItem(
        TextQuestion(id: key, prompt: question, shown: conversation.images), options: options,
        // The references of ECG-QA are in small letters, "none" among them.
        answers: isNone ? ["none"] : named.sorted(), publishedAnswers: answer.parts, kind: "")
    }
    self.init(name: name, subset: subset, items: items)
    unreadReference = unread
  }

  public func check(_ rules: ScoringRules) throws {
    if rules == .default, let unreadReference { throw unreadReference }
  }

  /// Whether each prediction names exactly the true options, by kind of question.
  ///
  /// The published rules look for options in the prompt that the predictions hold, or else in the task's own.
  /// - Throws: `UserError` where the predictions are not those of the items, and that of `check`.
  public func scores(_ predictions: Predictions, rules: ScoringRules) throws -> ItemScores {
    try check(rules)
    let (asked, answers) = try paired(predictions)
    let hits = zip(asked, answers).map { item, answer in
      switch rules {
      case .default: DefaultScorer.isCorrect(options: item.options, text: answer.text, gold: item.answers)
      case .ecgbench:
        ECGBenchScorer.isCorrect(
          prompt: answer.prompt ?? item.question.prompt, text: answer.text, gold: item.publishedAnswers ?? item.answers)
      }
    }
    let empty = zip(asked, answers).count { item, answer in
      switch rules {
      case .default: DefaultScorer.options(item.options, in: answer.text).isEmpty
      case .ecgbench:
        ECGBenchScorer.chosenOptions(
          ECGBenchScorer.options(inPrompt: answer.prompt ?? item.question.prompt), text: answer.text
        ).isEmpty
      }
    }
    var scores = try ItemScores(
      task: name, subset: subset, rules: rules, ids: asked.map(\.question.id),
      groups: asked.map(\.kind), subjects: asked.map(\.subject),
      measures: [ItemScores.Measure("exact-set accuracy", hits.map { $0 ? 1 : 0 }, isShare: true)])
    scores.counts = [ItemScores.Count("answers that name no option", empty)]
    scores.notes = remarks(asked) + notesOnPatients("questions")
    return scores
  }
}
