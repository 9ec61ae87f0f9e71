import Foundation
import Tensors

/// One line of a predictions file while it is read.
struct PredictionLine {
  static let form = #"a line is {"question_id": "...", "text": "..."} or {"id": "...", "response": "..."}"#

  /// What is not null; of a key that is repeated the last counts, as in Python.
  private let fields: [String: JSONValue]
  private let place: String

  /// - Parameter place: file and line, for messages.
  /// - Throws: `UserError` (bad input) for bytes that are no JSON object.
  init(_ bytes: Data, place: String) throws {
    let value: JSONValue
    do { value = try JSONValue(parsing: bytes, file: place, replacingHalfPairs: true) } catch let error as UserError {
      throw Self.fault(of: bytes, place) ?? UserError(error.kind, error.message, remedy: Self.form)
    }
    guard let pairs = value.object else {
      throw UserError(
        .badInput, "\(place): a JSON \(value.array == nil ? "value" : "list"), not an object", remedy: Self.form)
    }
    fields = Dictionary(pairs.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 }).filter { !$0.value.isNull }
    self.place = place
  }

  /// - Throws: `UserError` (bad input) where the object is no prediction.
  func prediction() throws -> Prediction {
    guard let id = try identifier("question_id") ?? identifier("id") else {
      throw failure("neither \"question_id\" nor \"id\"")
    }
    let (turns, probabilities) = (try turns(), try probabilities())
    let (prompt, skipped) = (try prompt(), try text("skipped"))
    let (first, second) = (try text("text"), try text("response"))
    if let first, let second, first != second {
      throw UserError(
        .badInput, "\(place): \"text\" and \"response\" differ",
        remedy: "keep the one that is the answer, under either key")
    }
    let answer = first ?? second ?? turns?.last
    guard answer != nil || probabilities != nil || skipped != nil else {
      throw failure("neither \"text\" nor \"response\"")
    }
    var prediction = Prediction(
      id: id, prompt: prompt, text: answer ?? "", probabilities: probabilities, turns: turns, skipped: skipped)
    prediction.hasText = answer != nil
    return prediction
  }

  private func failure(_ what: String) -> UserError { UserError(.badInput, "\(place): \(what)", remedy: Self.form) }

  private func wrongType(_ key: String) -> UserError { failure("\"\(key)\" is of the wrong type") }

  private func text(_ key: String) throws -> String? {
    guard let value = fields[key] else { return nil }
    guard let text = value.string else { throw wrongType(key) }
    return text
  }

  private func identifier(_ key: String) throws -> String? {
    guard let value = fields[key] else { return nil }
    guard let id = value.string ?? value.whole.map(String.init) else { throw wrongType(key) }
    return id
  }

  /// A text, or that of an object's own key of the same name.
  private func prompt() throws -> String? {
    guard let value = fields["prompt"] else { return nil }
    guard let text = value.string ?? value["prompt"]?.string else { throw wrongType("prompt") }
    return text
  }

  private func turns() throws -> [String]? {
    guard let value = fields["turns"] else { return nil }
    guard let turns = value.array.map({ $0.compactMap(\.string) }), turns.count == value.array?.count else {
      throw wrongType("turns")
    }
    return turns
  }

  private func probabilities() throws -> [String: Double]? {
    guard let value = fields["probabilities"] else { return nil }
    guard let pairs = value.object else { throw wrongType("probabilities") }
    let read = try pairs.map { key, value in
      guard !value.isNull else {
        throw UserError(
          .badInput, "\(place): \"\(key)\" is null",
          remedy: "give a value of it, or leave out all probabilities of the file")
      }
      guard let number = value.number else {
        throw UserError(
          .badInput, "\(place): the probability of \"\(key)\" is no number",
          remedy: "write it as a number from 0 to 1, without quotation marks")
      }
      return (key, number)
    }
    return Dictionary(read, uniquingKeysWith: { $1 })
  }

  /// What can be said of a line that is not JSON beside where it ceases to be.
  private static func fault(of bytes: Data, _ place: String) -> UserError? {
    if String(validating: bytes, as: UTF8.self) == nil {
      return UserError(.badInput, "\(place): not UTF-8 text", remedy: "write the file as UTF-8")
    }
    if let word = nonNumber(in: bytes) {
      return UserError(
        .badInput, "\(place): \(word) is no number that JSON knows, and no score",
        remedy: "write a number; a model whose numbers run over has no probabilities, and its text may stand alone")
    }
    let signs = bytes.filter { ![UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r")].contains($0) }
    guard [[UInt8(ascii: "{")], [UInt8(ascii: "[")]].contains(Array(signs)) else { return nil }
    return UserError(.badInput, "\(place): JSON over several lines", remedy: "write one object a line")
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
