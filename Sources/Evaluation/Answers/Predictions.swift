import Foundation
import Tensors

/// One generated answer.
public struct Prediction: Sendable, Equatable {
  /// The question's id in the benchmark.
  public var id: String
  /// The prompt it answers, where the file holds it (the published ECG-QA rules need it).
  public var prompt: String?
  /// The generated text.
  public var text: String
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
/// where a line holds both, `question_id` and `text` count. Ids may be texts or integers, the prompt a text or an
/// object with a `prompt`. Lines about labels may hold `probabilities`, an object of label to number, and those of
/// dialogues `turns`, a list of answers; both beside the text or in its place. `skipped` in their place says why a question
/// was not asked. Other keys are ignored, and so are empty lines.
public struct Predictions: Sendable, Equatable {
  public let predictions: [Prediction]

  /// - Throws: `UserError` when an id occurs twice.
  public init(_ predictions: [Prediction]) throws {
    if let id = firstRepeated(predictions.map(\.id)) { throw Self.repeated(id, "the predictions") }
    self.predictions = predictions
  }

  /// Reads a file.
  ///
  /// - Throws: `UserError` naming file and line for a file that cannot be read, a line that is no such object, or an id
  ///   that occurs twice; for a file without any prediction.
  public init(contentsOf file: URL) throws {
    let data: Data
    do { data = try Data(contentsOf: file) } catch {
      throw UserError(
        .inputOutput, "\(file.path) cannot be read: \(error.localizedDescription)",
        remedy: "give the path of a predictions file, one JSON object a line")
    }
    try self.init(jsonLines: data, source: file.path)
  }

  /// Reads the bytes of a file; `source` is its name in messages.
  public init(jsonLines data: Data, source: String) throws {
    var read: [Prediction] = []
    var lineOf: [String: Int] = [:]
    let decoder = JSONDecoder()
    for (index, bytes) in data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
      let isBlank = bytes.allSatisfy { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r") }
      if isBlank { continue }
      let place = "\(source), line \(index + 1)"
      let prediction = try Self.line(Data(bytes), decoder, place)
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
          question_id: prediction.id, prompt: prediction.prompt, text: prediction.text,
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
        "\(missing.count) of \(ids.count) questions of \(benchmark) have no prediction: \(Self.some(missing))",
        remedy: "predict every question (an empty text counts as wrong), or leave those without a prediction out "
          + "(--missing-predictions skip)" + Self.told(ofRepeated: missing, among: asked))
    }
    let strays = predictions.map(\.id).filter { !asked.contains($0) }
    guard strays.isEmpty else {
      throw UserError(
        .badInput, "\(strays.count) predictions answer no question of \(benchmark): \(Self.some(strays))",
        remedy: "check that task, data and fold are those the predictions were made for")
    }
    return predictions
  }

  /// These predictions alone, in their order.
  func including(_ isIncluded: (Prediction) -> Bool) -> Predictions {
    Predictions(unchecked: predictions.filter(isIncluded))
  }

  private init(unchecked predictions: [Prediction]) { self.predictions = predictions }

  /// The first few of many names.
  static func some(_ ids: [String]) -> String {
    ids.prefix(5).joined(separator: ", ") + (ids.count > 5 ? ", ..." : "")
  }

  private static func repeated(_ id: String, _ place: String) -> UserError {
    UserError(
      .badInput, "\(place): id \"\(id)\" occurs twice",
      remedy:
        "keep one prediction for each id; where the data file repeats the id, name its second entry \"\(id)#2\", the "
        + "third \"\(id)#3\"")
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

  private static func line(_ bytes: Data, _ decoder: JSONDecoder, _ place: String) throws -> Prediction {
    let form = #"a line is {"question_id": "...", "text": "..."} or {"id": "...", "response": "..."}"#
    let line: ReadLine
    do { line = try decoder.decode(ReadLine.self, from: bytes) } catch DecodingError.typeMismatch(_, let context) {
      let key = context.codingPath.last?.stringValue
      let what = key.map { "\"\($0)\" is of the wrong type" } ?? "not a JSON object"
      throw UserError(.badInput, "\(place): \(what)", remedy: form)
    } catch DecodingError.valueNotFound(_, let context) {
      let key = context.codingPath.last?.stringValue ?? ""
      throw UserError(
        .badInput, "\(place): \"\(key)\" is null",
        remedy: "give a value of it, or leave out all probabilities of the file")
    } catch {
      if let word = nonNumber(in: bytes) {
        throw UserError(
          .badInput, "\(place): \(word) is no number that JSON knows, and no score",
          remedy: "write a number; a model whose numbers run over has no probabilities, and its text may stand alone")
      }
      throw UserError(.badInput, "\(place): not a JSON object", remedy: form)
    }
    guard let id = line.question_id ?? line.id else {
      throw UserError(.badInput, "\(place): neither \"question_id\" nor \"id\"", remedy: form)
    }
    let stand = line.probabilities.map { _ in "" } ?? line.skipped.map { _ in "" }
    guard let text = line.text ?? line.response ?? line.turns?.last ?? stand else {
      throw UserError(.badInput, "\(place): neither \"text\" nor \"response\"", remedy: form)
    }
    return Prediction(
      id: id.text, prompt: line.prompt?.text, text: text, probabilities: line.probabilities, turns: line.turns,
      skipped: line.skipped)
  }

  /// NaN, Infinity or -Infinity outside of texts, as Python's writer puts them; nil where there is none.
  private static func nonNumber(in bytes: Data) -> String? {
    var (isText, isEscaped) = (false, false)
    let line = Array(bytes)
    for (place, byte) in line.enumerated() {
      if isText {
        if byte == UInt8(ascii: "\""), !isEscaped { isText = false }
        isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
      } else if byte == UInt8(ascii: "\"") {
        isText = true
      } else if let word = ["NaN", "Infinity", "-Infinity"].first(where: { line[place...].starts(with: $0.utf8) }) {
        return word
      }
    }
    return nil
  }
}

private struct WrittenLine: Encodable {
  var question_id: String
  var prompt: String?
  var text: String
  var probabilities: [String: Double]?
  var turns: [String]?
  var skipped: String?
}

private struct ReadLine: Decodable {
  var question_id: Identifier?
  var id: Identifier?
  var prompt: Prompt?
  var text: String?
  var response: String?
  var probabilities: [String: Double]?
  var turns: [String]?
  var skipped: String?

  struct Identifier: Decodable {
    var text: String

    init(from decoder: any Decoder) throws {
      let value = try decoder.singleValueContainer()
      if let number = try? value.decode(Int.self) {
        text = String(number)
      } else {
        text = try value.decode(String.self)
      }
    }
  }

  struct Prompt: Decodable {
    var text: String

    private enum Key: String, CodingKey { case prompt }

    init(from decoder: any Decoder) throws {
      if let nested = try? decoder.container(keyedBy: Key.self) {
        text = try nested.decode(String.self, forKey: .prompt)
      } else {
        text = try decoder.singleValueContainer().decode(String.self)
      }
    }
  }
}
