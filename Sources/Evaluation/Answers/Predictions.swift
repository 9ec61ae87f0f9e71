import Corpus
import Foundation
import Tensors

/// One generated answer.
public struct Prediction: Sendable, Equatable {
  /// The question's id in the benchmark.
  public var id: String
  /// The prompt it answers, where the file holds it (the published ECG-QA rules need it).
  public var prompt: String?
  /// The generated text; empty where there is none.
  public var text: String
  /// Whether there is a text, be it an empty one.
  public var hasText = true
  /// Of each label by its name; nil where there are none.
  public var probabilities: [String: Double]?
  /// All answers of a dialogue, of which `text` is the last; nil for a single question.
  public var turns: [String]?
  /// Why the question was not asked; nil for an answer.
  public var skipped: String?

  public init(
    id: String, prompt: String? = nil, text: String, probabilities: [String: Double]? = nil, turns: [String]? = nil,
    skipped: String? = nil
  ) {
    self.id = id
    self.prompt = prompt
    self.text = text
    self.probabilities = probabilities
    self.turns = turns
    self.skipped = skipped
  }
}

/// A file of generated answers, one JSON object a line, in the order of its lines.
///
/// Both published forms are read: `{"question_id": ..., "prompt": ..., "text": ...}` and `{"id": ..., "response": ...}`;
/// of a line that holds both ids `question_id` counts, and texts under both keys are the same. Ids may be texts or integers,
/// the prompt a text or an object with a `prompt`. Lines about labels may hold `probabilities`, an object of label to number,
/// and those of dialogues `turns`, a list of answers; both beside the text or in its place. `skipped` in their place says why
/// a question was not asked. Other keys are ignored, and so are empty lines. Lines end with a line feed, with a carriage
/// return before it or without; in a file without any line feed, with carriage returns.
public struct Predictions: Sendable {
  public let predictions: [Prediction]
  /// What they were read from; nil where they were not.
  private var source: String?
  /// The line of each id there.
  private var lineOf: [String: Int] = [:]

  /// - Parameter source: what they are called in messages; nil for a model's own, which need no name.
  /// - Throws: `UserError` when an id occurs twice.
  public init(_ predictions: [Prediction], source: String? = nil) throws {
    if let id = firstRepeated(predictions.map(\.id)) { throw Self.repeated(id, source ?? "the predictions") }
    self.predictions = predictions
    self.source = source
  }

  /// Reads a file.
  ///
  /// - Throws: `UserError` naming file and line for a file that cannot be read, a line that is no such object, or an id
  ///   that occurs twice; for a file without any prediction.
  public init(contentsOf file: URL) throws {
    let data = try InputFile(file).data(remedy: "give the path of a predictions file, one JSON object a line")
    try self.init(jsonLines: data, source: file.path)
  }

  /// Reads the bytes of a file; `source` is its name in messages.
  public init(jsonLines data: Data, source: String) throws {
    try ByteOrderMark.refuseUTF16(data, named: source)
    guard !data.starts(with: [0x1F, 0x8B]) else {
      throw UserError(
        .badInput, "\(source) is compressed by gzip", remedy: "unpack it (gunzip) and give the file in it")
    }
    var read: [Prediction] = []
    let (feed, carriageReturn) = (UInt8(ascii: "\n"), UInt8(ascii: "\r"))
    let lines = data.split(separator: data.contains(feed) ? feed : carriageReturn, omittingEmptySubsequences: false)
    for (index, bytes) in lines.enumerated() {
      let isBlank = bytes.allSatisfy { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == carriageReturn }
      if isBlank { continue }
      let place = "\(source), line \(index + 1)"
      let line: PredictionLine
      do { line = try PredictionLine(Data(bytes), place: place) } catch {
        throw Self.otherForm(of: data, source) ?? error
      }
      let prediction = try line.prediction()
      if let earlier = lineOf.updateValue(index + 1, forKey: prediction.id) {
        throw Self.repeated(prediction.id, "\(place) (first in line \(earlier))")
      }
      read.append(prediction)
    }
    guard !read.isEmpty else {
      throw UserError(
        .badInput, "\(source) holds no prediction",
        remedy: #"write one JSON object a line, such as {"question_id": "...", "text": "..."}"#)
    }
    predictions = read
    self.source = source
  }

  /// What is wrong with a file that is one JSON document; nil for any other.
  private static func otherForm(of data: Data, _ source: String) -> UserError? {
    guard let document = try? JSONValue(parsing: data, file: source, replacingHalfPairs: true),
      document.array != nil || document.object != nil
    else { return nil }
    return UserError(
      .badInput, "\(source) is \(document.array == nil ? "one JSON object over several lines" : "a JSON list")",
      remedy: "write one object a line, without a list around them")
  }

  /// Writes the first published form, replacing the file in one step.
  ///
  /// - Throws: `UserError` when the file cannot be written.
  public func write(to file: URL) throws {
    do { try jsonLines().write(to: file, options: .atomic) } catch {
      throw UserError(
        .inputOutput, "\(file.path) cannot be written: \(error.localizedDescription)",
        remedy: "check free space and permissions")
    }
  }

  /// The bytes of the file: `question_id`, `text`, and what else there is of a prediction; keys sorted, UTF-8.
  public func jsonLines() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try predictions.reduce(into: Data()) { data, prediction in
      data += try encoder.encode(
        WrittenLine(
          question_id: prediction.id, prompt: prediction.prompt, text: prediction.hasText ? prediction.text : nil,
          probabilities: prediction.probabilities, turns: prediction.turns, skipped: prediction.skipped))
      data.append(UInt8(ascii: "\n"))
    }
  }

  /// The answers to the questions `ids`, in the order of the file.
  ///
  /// - Throws: `UserError` naming the questions without an answer, or the answers to no question.
  public func answers(to ids: [String], benchmark: String) throws -> [Prediction] {
    let given = Set(predictions.map(\.id))
    let asked = Set(ids)
    let missing = ids.filter { !given.contains($0) }
    guard missing.isEmpty else {
      throw UserError(
        .badInput,
        "\(missing.count) of \(ids.count) questions of \(benchmark) have no prediction: \(UserError.some(missing))"
          + (given.isDisjoint(with: asked) ? "; the predictions name \(UserError.some(predictions.map(\.id)))" : ""),
        remedy: "predict every question (an empty text counts as wrong), or leave those without a prediction out "
          + "(--missing-predictions skip)" + Self.told(ofRepeated: missing, among: asked))
    }
    let strays = predictions.map(\.id).filter { !asked.contains($0) }
    guard strays.isEmpty else {
      throw UserError(
        .badInput, "\(strays.count) predictions answer no question of \(benchmark): \(UserError.some(strays))",
        remedy: "check that task, data and fold are those the predictions were made for")
    }
    return predictions
  }

  /// These predictions alone, in their order.
  func including(_ isIncluded: (Prediction) -> Bool) -> Predictions {
    Predictions(part: predictions.filter(isIncluded), of: self)
  }

  private init(part predictions: [Prediction], of whole: Predictions) {
    self.predictions = predictions
    (source, lineOf) = (whole.source, whole.lineOf)
  }

  /// A record by name, behind file and line of its prediction where these are known, for messages.
  func place(of id: String) -> String {
    guard let source else { return "record \(id)" }
    return source + (lineOf[id].map { ", line \($0)" } ?? "") + ": record \(id)"
  }

  /// Refuses predictions of which some lack what others have. - Throws: `UserError` (bad input) naming the first of them.
  func requireOfAll(_ what: String, _ has: (Prediction) -> Bool) throws {
    guard let lacking = predictions.first(where: { !has($0) }) else { return }
    throw UserError(
      .badInput, "\(place(of: lacking.id)) has no \(what), though others have",
      remedy: "give \(what) for all or for none")
  }

  private static func repeated(_ id: String, _ place: String) -> UserError {
    UserError(
      .badInput, "\(place): id \"\(id)\" occurs twice",
      remedy:
        "keep one prediction for each id, by the ids that evaluate --questions writes; a file of conversations that repeats "
        + "an id has its second entry as \"\(id)#2\" there")
  }

  /// What is to be said of ids that the data repeat, which `ConversationDataset.keys` numbers.
  private static func told(ofRepeated missing: [String], among asked: Set<String>) -> String {
    for key in missing {
      guard let sign = key.lastIndex(of: "#"), let number = Int(key[key.index(after: sign)...]) else { continue }
      let id = String(key[..<sign])
      if number > 1, asked.contains(id) {
        return
          ". The data file repeats the id \"\(id)\": its entry number \(number) of that id is \"\(key)\" here, and in the "
          + "predictions"
      }
      if id.isEmpty { return ". An entry of the data file with an empty id is \"\(key)\" here, and in the predictions" }
    }
    return ""
  }
}

extension Predictions: Equatable {
  /// Equal predictions in the same order, wherever they are from.
  public static func == (a: Predictions, b: Predictions) -> Bool { a.predictions == b.predictions }
}

private struct WrittenLine: Encodable {
  var question_id: String
  var prompt: String?
  var text: String?
  var probabilities: [String: Double]?
  var turns: [String]?
  var skipped: String?
}
