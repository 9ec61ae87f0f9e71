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

  /// The parts of a Replace rule; regular expressions are refused.
  func replacement(_ value: JSONValue, in part: String) throws -> (pattern: Scalars, replacement: Scalars) {
    guard let pattern = value["pattern"]?["String"]?.string, !pattern.isEmpty else {
      throw unsupported("a Replace rule without a plain string in the \(part)")
    }
    return (Scalars(pattern.unicodeScalars), Scalars(try text(value, "content").unicodeScalars))
  }
}
