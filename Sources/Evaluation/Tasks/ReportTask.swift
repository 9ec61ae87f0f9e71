import Corpus
import Foundation
import Tensors

/// Clinical reports in free words, held against the reference's: how many words, statements and named findings they share.
///
/// Findings are read in both texts by one reader of keywords (`reportStatements`). None of the measures knows medicine;
/// `export` is for a judge that does.
public struct ReportTask: TextTask, ExportedTask {
  public struct Item: TextItem, Equatable {
    public let question: TextQuestion
    /// The report as the data has it.
    public let reference: String
    public let subject: String

    /// - Parameter subject: nil for what the question shows.
    public init(_ question: TextQuestion, reference: String, subject: String? = nil) {
      self.question = question
      self.reference = reference
      self.subject = subject ?? question.subject
    }
  }

  public let name: String
  public var items: [Item]
  public private(set) var leftOut: [String]
  private let subset: String
  private let remarks: [String]

  /// - Parameters:
  ///   - remarks: what a reader of the scores must know, a sentence each.
  ///   - leftOut: names of records that are not asked about.
  public init(name: String, subset: String, items: [Item], remarks: [String] = [], leftOut: [String] = []) {
    self.name = name
    self.subset = subset
    self.items = items
    self.remarks = remarks
    self.leftOut = leftOut
  }

  /// Of conversations of one request and the report each.
  /// - Throws: `UserError` naming the entry that is no such one.
  public init(name: String, subset: String, conversations: [Conversation], keys: [String]) throws {
    let items = try zip(conversations, keys).map { conversation, key in
      let (request, report) = try conversation.exchange("one request and its report")
      return Item(TextQuestion(id: key, prompt: request, shown: conversation.images), reference: report.text)
    }
    self.init(name: name, subset: subset, items: items)
  }

  public func choosing(_ ids: Set<String>) -> ReportTask {
    var part = including { ids.contains($0.id) }
    part.leftOut = leftOut.filter(ids.contains)
    return part
  }

  /// Token F1, ROUGE-L and statement F1 of each report, and the findings that both name; the same by either rules, since the
  /// published scores are a judge's.
  public func scores(_ predictions: Predictions, rules: ScoringRules) throws -> ItemScores {
    let (asked, answers) = try paired(predictions)
    let overlaps = zip(asked, answers).map { TextOverlap(reference: $0.reference, generated: $1.text) }
    let empty = answers.count { TextOverlap.words($0.text).isEmpty }
    let ids = asked.map(\.question.id)
    let labels = try LabelAgreement(
      gold: Self.findings(ids, asked.map(\.reference)), predicted: Self.findings(ids, answers.map(\.text)))
    var scores = try ItemScores(
      task: name, subset: subset, rules: .default, ids: ids, subjects: asked.map(\.subject),
      measures: [
        .init("token F1", overlaps.map(\.tokenF1)), .init("ROUGE-L", overlaps.map(\.rougeL)),
        .init("statement F1", overlaps.map(\.statementF1)),
      ], labels: labels)
    scores.counts = [.init("empty reports", empty)]
    scores.notes = remarks + notesOnPatients("reports") + Self.notes(on: labels)
    if rules == .ecgbench {
      scores.notes.append(
        "these are this program's own scores: ECGBench's score of reports is a language model's judgement, which it does not make"
      )
    }
    return scores
  }

  /// The findings that texts name.
  private static func findings(_ ids: [String], _ texts: [String]) throws -> LabelTable {
    let vocabulary = DefaultScorer.Vocabulary.reportStatements
    return try LabelTable(
      classes: vocabulary.labels, ids: ids,
      sets: texts.map { text in
        // Reports are set in columns.
        let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return DefaultScorer.labels(in: line, vocabulary: vocabulary)
      })
  }

  private static func notes(on labels: LabelAgreement) -> [String] {
    let held = labels.gold.positives.count { $0 > 0 }
    let silent = labels.gold.ids.indices.count { labels.gold.labels(ofRecord: $0).isEmpty }
    var notes = [
      "label F1 is of findings that keywords name in both texts, no reading of the ECG; macro over the \(held) of "
        + "\(labels.gold.classes.count) that some reference names"
    ]
    if silent > 0 { notes.append("\(silent) references name none of these findings") }
    return notes
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
