import Foundation
import Tensors
import Yams

/// The configuration as nested dictionaries with snake-case keys, between YAML and the Swift structs.
struct ConfigurationTree {
  private var values: [String: Any]
  /// Dotted keys in the order the structs declare them, absent optional ones included.
  private let order: [String]
  private let kinds: [String: Kind]

  /// What a value can be.
  private enum Kind: String {
    case flag = "true or false"
    case text
    case number = "a number"
    case numberOrNull = "a number or null"
    case whole = "a whole number"
    case natural = "a whole number of at least 0"
    case wholeOrNull = "a whole number or null"
    case naturalOrNull = "a whole number of at least 0, or null"
    case positions = "a list of whole numbers"
    case names = "a list of names, such as [q_proj, v_proj]"

    init(_ type: Any.Type) {
      switch type {
      case is Bool.Type: self = .flag
      case is String.Type: self = .text
      case is Double.Type: self = .number
      case is Double?.Type: self = .numberOrNull
      case is Int?.Type: self = .wholeOrNull
      case is [Int].Type: self = .positions
      case is [String].Type: self = .names
      case is UInt64.Type: self = .natural
      case is UInt64?.Type: self = .naturalOrNull
      default: self = .whole
      }
    }

    func admits(_ value: Any) -> Bool {
      switch self {
      case .flag: value is Bool
      case .text: value is String
      case .number: !(value is Bool) && (value is Int || (value as? Double)?.isFinite == true)
      case .whole: !(value is Bool) && value is Int
      case .natural: !(value is Bool) && (value as? Int).map { $0 >= 0 } ?? false
      case .numberOrNull: value is NSNull || Kind.number.admits(value)
      case .wholeOrNull: value is NSNull || Kind.whole.admits(value)
      case .naturalOrNull: value is NSNull || Kind.natural.admits(value)
      case .positions: (value as? [Any])?.allSatisfy(Kind.whole.admits) ?? false
      case .names: (value as? [Any])?.allSatisfy(Kind.text.admits) ?? false
      }
    }
  }

  init(_ configuration: RunConfiguration) throws {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    let object = try JSONSerialization.jsonObject(with: try encoder.encode(configuration))
    values = object as? [String: Any] ?? [:]
    let leaves = Self.keys(of: configuration, prefix: "")
    order = leaves.map(\.key)
    kinds = Dictionary(uniqueKeysWithValues: leaves.map { ($0.key, Kind($0.type)) })
  }

  /// Keys by reflection, so that a value that is absent by default is known too.
  private static func keys(of value: Any, prefix: String) -> [(key: String, type: Any.Type)] {
    Mirror(reflecting: value).children.flatMap { child -> [(key: String, type: Any.Type)] in
      guard let label = child.label else { return [] }
      let key = prefix + snakeCase(label)
      let mirror = Mirror(reflecting: child.value)
      return mirror.displayStyle == .struct && !mirror.children.isEmpty && !(child.value is any Scalar)
        ? keys(of: child.value, prefix: key + ".") : [(key, type(of: child.value))]
    }
  }

  private static func snakeCase(_ name: String) -> String {
    name.reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
  }

  /// What the key expects, when the value is of another kind.
  func expectation(_ key: String, against value: Any) -> String? {
    guard let kind = kinds[key], !kind.admits(value) else { return nil }
    return kind.rawValue
  }

  func contains(_ key: String) -> Bool { order.contains(key) }

  /// All keys in order.
  var keys: [String] { order }

  private func value(_ key: String) -> Any {
    key.split(separator: ".").reduce(values as Any) { ($0 as? [String: Any])?[String($1)] ?? NSNull() }
  }

  mutating func set(_ key: String, _ value: Any) {
    func updated(_ tree: [String: Any], _ path: ArraySlice<String>) -> [String: Any] {
      guard let first = path.first else { return tree }
      var tree = tree
      tree[first] = path.count == 1 ? value : updated(tree[first] as? [String: Any] ?? [:], path.dropFirst())
      return tree
    }
    values = updated(values, key.split(separator: ".").map(String.init)[...])
  }

  func decoded() throws -> RunConfiguration {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do {
      return try decoder.decode(RunConfiguration.self, from: try JSONSerialization.data(withJSONObject: values))
    } catch {
      throw UserError(.usage, "a value is out of range: \(error)", remedy: "`evl-dist config` shows values that fit")
    }
  }

  /// A key's value as YAML on a line.
  func text(_ key: String) -> String {
    let value = value(key)
    // A flag may come back as the number 0 or 1.
    if kinds[key] == .flag, let flag = value as? NSNumber { return flag.boolValue ? "true" : "false" }
    return Self.text(value)
  }

  private static func text(_ value: Any) -> String {
    switch value {
    case is NSNull: "null"
    case let list as [Any]: "[" + list.map(text).joined(separator: ", ") + "]"
    case let string as String: isPlain(string) ? string : quoted(string)
    default: "\(value)"
    }
  }

  /// Whether YAML reads a text as itself without quotes.
  private static func isPlain(_ text: String) -> Bool {
    text.wholeMatch(of: /[A-Za-z_.\/~][A-Za-z0-9_.\/ +=@%~-]*/) != nil
      && (try? Yams.load(yaml: text)) as? String == text
  }

  private static func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n") + "\""
  }

  /// Values on a line by dotted key, of the keys that begin with one of `prefixes`.
  func values(under prefixes: [String]) -> [String: String] {
    let chosen = order.filter { key in prefixes.contains { key.hasPrefix($0) } }
    return Dictionary(uniqueKeysWithValues: chosen.map { ($0, text($0)) })
  }

  /// The tree as YAML, sections in declared order.
  func yaml() throws -> String {
    var lines: [String] = []
    var open: [String] = []
    for key in order {
      let path = key.split(separator: ".").map(String.init)
      let sections = Array(path.dropLast())
      let common = zip(open, sections).prefix { $0 == $1 }.count
      for depth in common..<max(common, sections.count) {
        lines.append(String(repeating: "  ", count: depth) + sections[depth] + ":")
      }
      open = sections
      lines.append(String(repeating: "  ", count: sections.count) + (path.last ?? key) + ": " + text(key))
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension RunConfiguration {
  /// Values on a line by dotted key, of the keys that begin with one of `prefixes`.
  func values(under prefixes: [String]) throws -> [String: String] {
    try ConfigurationTree(self).values(under: prefixes)
  }
}
