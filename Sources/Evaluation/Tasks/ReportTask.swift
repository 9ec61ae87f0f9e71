import Corpus
import Foundation
import Tensors

/// Clinical reports in free words, held against the reference's: how many words and statements they share.
///
/// None of the measures knows medicine; `export` is for a judge that does.
public struct ReportTask: TextTask {
  public struct Item: Sendable, Equatable {
    public let question: TextQuestion
    /// The report as the data has it.
    public let reference: String

    public init(_ question: TextQuestion, reference: String) {
      self.question = question
      self.reference = reference
    }
  }

  public let name: String
  public private(set) var items: [Item]
  private let subset: String

  public init(name: String, subset: String, items: [Item]) {
    self.name = name
    self.subset = subset
    self.items = items
  }

  /// Of conversations of one request and the report each.
  /// - Throws: `UserError` naming the entry that is no such one.
  public init(name: String, subset: String, conversations: [Conversation], keys: [String]) throws {
    let items = try zip(conversations, keys).map { conversation, key in
      let human = conversation.turns.filter { $0.role == .human }
      let answers = conversation.turns.filter { $0.role == .assistant }
      guard human.count == 1, answers.count == 1 else {
        throw UserError(
          .badInput, "\(conversation.place): \(human.count) requests and \(answers.count) reports",
          remedy: "an entry is one request and its report")
      }
      return Item(
        TextQuestion(id: key, prompt: human[0].text, shown: conversation.images), reference: answers[0].text)
    }
    self.init(name: name, subset: subset, items: items)
  }

  public var questions: [TextQuestion] { items.map(\.question) }

  public func including(_ isIncluded: (TextQuestion) -> Bool) -> ReportTask {
    var part = self
    part.items = items.filter { isIncluded($0.question) }
    return part
  }

  /// Token F1, ROUGE-L and statement F1 of each report; the same by either rules, since the published scores are a judge's.
  public func scores(_ predictions: Predictions, rules: ScoringRules) throws -> ItemScores {
    let answers = try predictions.answers(to: questions.map(\.id), benchmark: name)
    let references = Dictionary(uniqueKeysWithValues: items.map { ($0.question.id, $0) })
    let asked = answers.compactMap { references[$0.id] }
    let overlaps = zip(asked, answers).map { TextOverlap(reference: $0.reference, generated: $1.text) }
    let empty = answers.count { TextOverlap.words($0.text).isEmpty }
    var scores = try ItemScores(
      task: name, subset: subset, rules: rules, ids: asked.map(\.question.id), subjects: asked.map(\.question.subject),
      measures: [
        .init("token F1", overlaps.map(\.tokenF1)), .init("ROUGE-L", overlaps.map(\.rougeL)),
        .init("statement F1", overlaps.map(\.statementF1)),
      ])
    scores.counts = [.init("empty reports", empty)]
    if rules == .ecgbench {
      scores.notes = ["ECGBench's score of reports is a language model's judgement, which this program does not make"]
    }
    return scores
  }

  /// Requests, references and answers as JSON lines, in the order of the predictions, for a judge.
  /// - Throws: `UserError` where the predictions are not those of the items.
  public func export(_ predictions: Predictions) throws -> Data {
    let references = Dictionary(uniqueKeysWithValues: items.map { ($0.question.id, $0) })
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try predictions.answers(to: questions.map(\.id), benchmark: name).reduce(into: Data()) { data, answer in
      guard let item = references[answer.id] else { return }
      data += try encoder.encode([
        "id": answer.id, "question": item.question.prompt, "reference": item.reference, "answer": answer.text,
      ])
      data.append(UInt8(ascii: "\n"))
    }
  }
}
