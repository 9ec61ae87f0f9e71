import Foundation
import Tensors

/// The text of a tokenizer.json, with the errors its readers throw.
struct TokenizerFile {
  let name: String
  let root: JSONValue

  init(_ data: Data, name: String) throws {
    self.name = name
    root = try JSONValue(parsing: data, file: name)
  }

  /// What the file asks for is outside what this program reads.
  func unsupported(_ what: String) -> UserError {
    UserError(
      .badInput, "\(name): \(what) is not supported",
      remedy: "use a byte-pair tokenizer as GPT-2, Llama, Qwen or SmolLM have it")
  }

  /// The file contradicts itself or lacks a part.
  func damaged(_ what: String) -> UserError {
    UserError(
      .badInput, "\(name): \(what)", remedy: "fetch the file again, or save it anew with the tokenizers library")
  }

  func type(of value: JSONValue, in part: String) throws -> String {
    guard let type = value["type"]?.string else { throw damaged("the \(part) has no type") }
    return type
  }

  func text(_ value: JSONValue, _ key: String) throws -> String {
    guard let text = value[key]?.string else { throw damaged("\"\(key)\" must be a string") }
    return text
  }

  func list(_ value: JSONValue, _ key: String) throws -> [JSONValue] {
    guard let list = value[key]?.array else { throw damaged("\"\(key)\" must be a list") }
    return list
  }

  /// A yes or no; the default where the key is missing or null.
  func flag(_ value: JSONValue, _ key: String, default standard: Bool) throws -> Bool {
    guard let found = value[key], !found.isNull else { return standard }
    guard let flag = found.bool else { throw damaged("\"\(key)\" must be true or false") }
    return flag
  }

  /// A string; nil where the key is missing or null.
  func optionalText(_ value: JSONValue, _ key: String) throws -> String? {
    guard let found = value[key], !found.isNull else { return nil }
    guard let text = found.string else { throw damaged("\"\(key)\" must be a string") }
    return text
  }

  /// A string of one scalar.
  func scalar(_ value: JSONValue, _ key: String) throws -> Unicode.Scalar {
    let scalars = try text(value, key).unicodeScalars
    guard scalars.count == 1, let scalar = scalars.first else { throw damaged("\"\(key)\" must be one character") }
    return scalar
  }

  /// The `pattern` of a rule, a plain string or an expression; nil when there is none.
  func pattern(of value: JSONValue) throws -> SplitPattern? {
    if let expression = value["pattern"]?["Regex"]?.string { return try pattern(expression) }
    guard let literal = value["pattern"]?["String"]?.string, !literal.isEmpty else { return nil }
    do { return try SplitPattern(literal: literal) } catch let error as SplitPattern.Unsupported {
      throw unsupported("\(error.construct) in the pattern \"\(literal)\"")
    }
  }

  func pattern(_ expression: String, dialect: SplitPattern.Dialect = .oniguruma) throws -> SplitPattern {
    do { return try SplitPattern(expression, dialect: dialect) } catch let error as SplitPattern.Unsupported {
      throw unsupported("\(error.construct) in the pattern \(expression)")
    }
  }
}
