import Corpus
import Foundation
import Tensors

/// A benchmark whose answers can be written for a judge.
public protocol ExportedTask: BenchmarkTask {
  /// Questions, references and answers as JSON lines.
  /// - Throws: `UserError` where the predictions are not those of the items.
  func export(_ predictions: Predictions) throws -> Data
}

/// Dialogues about an ECG, such as ECG-Arena: each question is asked behind the model's own answers to those before it.
///
/// Their score is a judge's, which this program does not make: the dialogues are run and exported.
/// Source: ECGBench (arXiv 2410.19008), `llava/eval/model_ecg_arena.py`.
public struct ArenaTask: ExportedTask {
  public struct Item: TextItem, Equatable {
    public let question: TextQuestion
    /// The answers of the data, one to each question.
    public let references: [String]
  }

  public let name: String
  public var items: [Item]
  private let subset: String

  /// - Parameter keys: a name of each conversation that no other has.
  /// - Throws: `UserError` naming the entry that is no dialogue whose images are shown with its first question; where no entry has a
  ///   second question.
  public init(name: String, subset: String, conversations: [Conversation], keys: [String]) throws {
    self.name = name
    self.subset = subset
    items = try zip(conversations, keys).map { conversation, key in
      let questions = conversation.turns.filter { $0.role == .human }
      let references = conversation.turns.filter { $0.role == .assistant }.map(\.text)
      guard let first = questions.first, first.images == conversation.images.count,
        questions.count + references.count == conversation.turns.count, questions.count == references.count
      else {
        throw UserError(
          .badInput, "\(conversation.place): \(questions.count) questions, \(references.count) answers",
          remedy: "an entry is a list of questions with their answers; its image is shown with the first question")
      }
      return Item(
        question: TextQuestion(
          id: key, prompt: first.text, shown: conversation.images, followUps: questions.dropFirst().map(\.text)),
        references: references)
    }
    guard items.contains(where: { !$0.question.followUps.isEmpty }) else {
      throw UserError(
        .badInput, "\(subset): none of its \(items.count) entries has more than one question",
        remedy: "\(name) takes dialogues; a file of single questions is another task's, mmmu-ecg for example")
    }
  }

  public var yesNoQuestions: [YesNoQuestion] { [] }

  public func check(_ rules: ScoringRules) throws {
    guard rules == .ecgbench else { return }
    throw UserError(
      .usage, "\(name): ECGBench's score is a language model's judgement, which this program does not make",
      remedy: "leave out --scorer, and give the exported dialogues to a judge")
  }

  /// How many dialogues there are, and that there is no score.
  public func report(
    _ predictions: Predictions, rules: ScoringRules, bootstrap: Bootstrap, notes: [String]
  ) throws -> any EvaluationReport {
    let answers = try dialogues(predictions).flatMap(\.answers)
    return ArenaReport(
      task: name, subset: subset, dialogues: items.count, answers: answers.count,
      emptyAnswers: answers.count { $0.allSatisfy(\.isWhitespace) },
      notes: ["no score: it is a judge's (ECGBench asks a language model), who reads the exported dialogues"] + notes)
  }

  public func differences(
    _ first: Predictions, _ second: Predictions, rules: ScoringRules, bootstrap: Bootstrap
  ) throws -> ScoreDifferences {
    throw UserError(
      .usage, "\(name): dialogues have no score here that could be compared",
      remedy: "leave out --compare, and give the exported dialogues of both to a judge")
  }

  public func export(_ predictions: Predictions) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try dialogues(predictions).reduce(into: Data()) { data, dialogue in
      let (item, answers) = dialogue
      let questions = [item.question.prompt] + item.question.followUps
      let turns = zip(questions, zip(item.references, answers)).map {
        ExportedDialogue.Turn(question: $0, reference: $1.0, answer: $1.1)
      }
      data += try encoder.encode(ExportedDialogue(id: item.question.id, images: item.question.shown, turns: turns))
      data.append(UInt8(ascii: "\n"))
    }
  }

  /// Each item with the answers to its questions.
  private func dialogues(_ predictions: Predictions) throws -> [(item: Item, answers: [String])] {
    let (asked, given) = try paired(predictions)
    return try zip(asked, given).map { item, prediction in
      let answers = prediction.turns ?? [prediction.text]
      guard answers.count == item.references.count else {
        throw UserError(
          .badInput,
          "\(name), dialogue \(item.question.id): \(answers.count) answers to \(item.references.count) questions",
          remedy: #"write one line a dialogue, {"question_id": "...", "turns": ["...", "..."]}"#)
      }
      return (item, answers)
    }
  }
}

/// A dialogue as a judge is given it.
private struct ExportedDialogue: Encodable {
  struct Turn: Encodable {
    var question: String
    var reference: String
    var answer: String
  }

  var id: String
  var images: [String]
  var turns: [Turn]
}

/// What is to be said of dialogues without a judge.
public struct ArenaReport: EvaluationReport, Equatable, Codable {
  public var task: String
  public var subset: String
  public var dialogues: Int
  public var answers: Int
  public var emptyAnswers: Int
  public var notes: [String]

  public func table(by rules: ScoringRules) -> String {
    var table = TextTable()
    table.row("dialogues", "\(dialogues)")
    table.row("answers", "\(answers)")
    table.row("empty answers", "\(emptyAnswers)")
    return "\(task): \(subset)\n\n" + table.render() + notes.map { $0 + "\n" }.joined()
  }
}
