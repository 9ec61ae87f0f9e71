import Foundation

/// A JSON document that keeps the order of keys, their exact Unicode scalars, and integers apart from other numbers.
///
/// Foundation's parser puts keys into a Swift dictionary, where canonically equivalent strings are one key; a vocabulary
/// holds such strings as different tokens (the ohm sign and the letter omega), so tokens would be lost silently.
public enum JSONValue: Sendable {
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([(key: String, value: JSONValue)])

  /// Parses one document. Nesting deeper than 128 is refused.
  ///
  /// A number without point and exponent is an integer where an `Int` holds it.
  /// - Parameter replacingHalfPairs: whether an escape of half a surrogate pair, which Python writes and reads, is U+FFFD
  ///   here, in place of being refused.
  /// - Throws: `UserError` of kind badInput naming `file` and the byte where the text stops being JSON.
  public init(parsing data: Data, file: String, replacingHalfPairs: Bool = false) throws {
    var reader = JSONReader(bytes: [UInt8](data), file: file, replacesHalfPairs: replacingHalfPairs)
    self = try reader.document()
  }

  /// An object with its keys in alphabetical order.
  public static func object(_ fields: [String: JSONValue]) -> JSONValue {
    .object(fields.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) })
  }

  /// The first value stored under the key; nil for other kinds of value.
  public subscript(key: String) -> JSONValue? { object?.first { $0.key == key }?.value }

  public var string: String? { if case .string(let value) = self { value } else { nil } }
  public var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
  public var object: [(key: String, value: JSONValue)]? { if case .object(let value) = self { value } else { nil } }
  public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  public var isNull: Bool { if case .null = self { true } else { false } }

  /// The number, integer or not.
  public var number: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  /// The number when it is a whole one, written with a point or without.
  public var whole: Int? {
    switch self {
    case .integer(let value): value
    case .number(let value): Int(exactly: value)
    default: nil
    }
  }

  /// The number when it is a whole one that fits an Int32: sums and products of a few cannot overflow.
  public var integer: Int? { whole.flatMap { Int32(exactly: $0) }.map(Int.init) }
}

extension JSONValue: Equatable {
  /// Equal objects hold equal fields in the same order; an integer differs from a number of the same value.
  public static func == (a: JSONValue, b: JSONValue) -> Bool {
    switch (a, b) {
    case (.null, .null): true
    case (.bool(let a), .bool(let b)): a == b
    case (.integer(let a), .integer(let b)): a == b
    case (.number(let a), .number(let b)): a == b
    case (.string(let a), .string(let b)): a == b
    case (.array(let a), .array(let b)): a == b
    case (.object(let a), .object(let b)): a.elementsEqual(b) { $0.key == $1.key && $0.value == $1.value }
    default: false
    }
  }
}

extension JSONValue {
  /// The value as text, two spaces of indentation; numbers as Python reads them back.
  public func text(indentation: Int = 0) -> String {
    let inner = String(repeating: " ", count: indentation + 2)
    let outer = String(repeating: " ", count: indentation)
    switch self {
    case .null: return "null"
    case .bool(let value): return value ? "true" : "false"
    case .integer(let value): return String(value)
    case .number(let value): return value.description  // always with a point or an exponent: a float in Python
    case .string(let value): return Self.quoted(value)
    case .array(let values):
      let lines = values.map { inner + $0.text(indentation: indentation + 2) }
      return lines.isEmpty ? "[]" : "[\n" + lines.joined(separator: ",\n") + "\n\(outer)]"
    case .object(let fields):
      let lines = fields.map { "\(inner)\(Self.quoted($0.key)): \($0.value.text(indentation: indentation + 2))" }
      return lines.isEmpty ? "{}" : "{\n" + lines.joined(separator: ",\n") + "\n\(outer)}"
    }
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
