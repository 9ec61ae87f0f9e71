import Autograd
import Foundation
import Tensors

/// The keys of a JSON object, read one by one; every complaint names the file, the key and what was expected.
struct JSONFields {
  /// The file they come from, for messages.
  let file: String
  /// Keys that lead to the object, such as "text_config."; empty at the top.
  let path: String
  let values: [String: JSONValue]
  /// What to do about a key whose value cannot be used.
  private let remedy: String

  /// Reads a file that must hold one object.
  init(contentsOf url: URL, remedy: String = Self.remedy) throws {
    let data: Data
    do {
      data = try Data(contentsOf: url)
    } catch {
      throw UserError(
        .inputOutput, "\(url.path) cannot be read: \(error.localizedDescription)",
        remedy: "check the path and its permissions")
    }
    try self.init(data, file: url.path, remedy: remedy)
  }

  init(_ data: Data, file: String, remedy: String = Self.remedy) throws {
    guard case .object(let fields) = try JSONValue(parsing: data, file: file) else {
      throw UserError(.badInput, "\(file) is not a JSON object", remedy: "copy or download the file again")
    }
    self.init(file: file, path: "", fields: fields, remedy: remedy)
  }

  private init(file: String, path: String, fields: [(key: String, value: JSONValue)], remedy: String) {
    self.file = file
    self.path = path
    self.remedy = remedy
    // Of a key that stands twice the last value counts, as in Python.
    values = Dictionary(fields.map { ($0.key, $0.value) }) { $1 }
  }

  /// The error for a key whose value cannot be used.
  func wrong(_ key: String, expected: String) -> UserError {
    // A list on one line.
    let found =
      values[key].map { "is \($0.text().split(whereSeparator: \.isWhitespace).joined(separator: " ").prefix(80))" }
      ?? "is missing"
    return UserError(.badInput, "\(file): key \(path)\(key) \(found), expected \(expected)", remedy: remedy)
  }

  /// What to do about a configuration that no model can be built from.
  static let remedy = "name a model's folder with its files unchanged; docs/models.md lists what is read"

  private func present(_ key: String) -> JSONValue? { values[key].flatMap { $0 == .null ? nil : $0 } }

  func contains(_ key: String) -> Bool { present(key) != nil }

  func object(_ key: String) throws -> JSONFields {
    guard case .object(let inner)? = present(key) else { throw wrong(key, expected: "an object") }
    return JSONFields(file: file, path: path + key + ".", fields: inner, remedy: remedy)
  }

  /// A part that is absent: every key at its default.
  func empty(_ key: String) -> JSONFields { JSONFields(file: file, path: path + key + ".", fields: [], remedy: remedy) }

  /// An integer of a range; `standard` is what transformers takes for an absent key.
  func integer(_ key: String, in range: ClosedRange<Int> = 1...1_048_576, standard: Int? = nil) throws -> Int {
    if present(key) == nil, let standard { return standard }
    guard let value = present(key)?.whole, range.contains(value) else {
      throw wrong(key, expected: "an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// A positive number; `standard` is what transformers takes for an absent key.
  func number(_ key: String, standard: Double? = nil, allowsZero: Bool = false) throws -> Double {
    if present(key) == nil, let standard { return standard }
    guard let value = present(key)?.number, value > 0 || allowsZero && value == 0 else {
      throw wrong(key, expected: "a number above 0")
    }
    return value
  }

  func flag(_ key: String, standard: Bool) throws -> Bool {
    switch present(key) {
    case nil: return standard
    case .bool(let value)?: return value
    default: throw wrong(key, expected: "true or false")
    }
  }

  func string(_ key: String) throws -> String {
    guard case .string(let value)? = present(key) else { throw wrong(key, expected: "a text") }
    return value
  }

  /// One of several words; `standard` is what an absent key means, which need not be among them.
  func choice(_ key: String, _ words: [String], standard: String) throws -> String {
    let word = contains(key) ? try string(key) : standard
    guard words.contains(word) else {
      throw wrong(key, expected: words.map { "\"\($0)\"" }.joined(separator: " or "))
    }
    return word
  }

  /// One integer or a list of them.
  func integers(_ key: String) throws -> [Int] {
    if let value = present(key)?.whole { return [value] }
    guard let values = present(key)?.array else { throw wrong(key, expected: "an integer or a list of them") }
    return try values.map {
      guard let value = $0.whole else { throw wrong(key, expected: "integers") }
      return value
    }
  }

  /// An activation under one of the names transformers has for it.
  func activation(_ key: String, standard: Activation) throws -> Activation {
    guard let found = present(key) else { return standard }
    let names: [String: Activation] = [
      "gelu_pytorch_tanh": .geluTanh, "gelu_new": .geluTanh, "gelu": .gelu, "gelu_python": .gelu,
      "quick_gelu": .quickGELU, "silu": .silu, "swish": .silu,
    ]
    guard case .string(let name) = found, let activation = names[name] else {
      throw wrong(key, expected: "one of \(names.keys.sorted().joined(separator: ", "))")
    }
    return activation
  }

  /// Insists that a key, if present, has the one value that is implemented.
  func require(_ key: String, _ value: JSONValue) throws {
    guard let found = present(key) else { return }
    guard found == value || found.number != nil && found.number == value.number else {
      throw wrong(key, expected: "\(value.text()), the only form implemented")
    }
  }

  /// Token ids: one integer or a list of them; empty when absent.
  func tokens(_ key: String) throws -> [Int] {
    guard let found = present(key) else { return [] }
    if let id = found.whole { return [id] }
    guard let ids = found.array else { throw wrong(key, expected: "a token id or a list of them") }
    return try ids.map {
      guard let id = $0.whole else { throw wrong(key, expected: "token ids") }
      return id
    }
  }
}
