import Corpus
import Foundation
import Tensors

/// Clinical reports in free words, held against the reference's: how many words and statements they share.
///
/// None of the measures knows medicine; `export` is for a judge that does.
public struct ReportTask: TextTask, ExportedTask {
  public struct Item: TextItem, Equatable {
    public let question: TextQuestion
    /// The report as the data has it.
    public let reference: String

    public init(_ question: TextQuestion, reference: String) {
      self.question = question
      self.reference = reference
    }
  }

  public let name: String
  public var items: [Item]
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
      let (request, report) = try conversation.exchange("one request and its report")
      return Item(TextQuestion(id: key, prompt: request, shown: conversation.images), reference: report)
    }
    self.init(name: name, subset: subset, items: items)
  }

  /// Token F1, ROUGE-L and statement F1 of each report; the same by either rules, since the published scores are a judge's.
  public func scores(_ predictions: Predictions, rules: ScoringRules) throws -> ItemScores {
    let (asked, answers) = try paired(predictions)
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
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let (asked, answers) = try paired(predictions)
    return try zip(asked, answers).reduce(into: Data()) { data, pair in
      let (item, answer) = pair
      data += try encoder.encode([
        "id": answer.id, "question": item.question.prompt, "reference": item.reference, "answer": answer.text,
      ])
      data.append(UInt8(ascii: "\n"))
    }
  }
}
