import Foundation
import Tensors
import Yams

/// The configuration as nested dictionaries with snake-case keys, between YAML and the Swift structs.
struct ConfigurationTree {
  private var values: [String: Any]
  /// Dotted keys in the order the structs declare them, absent optional ones included.
  private let order: [String]

  init(_ configuration: RunConfiguration) throws {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    let object = try JSONSerialization.jsonObject(with: try encoder.encode(configuration))
    values = object as? [String: Any] ?? [:]
    order = Self.keys(of: configuration, prefix: "")
  }

  /// Keys by reflection, so that a value that is absent by default is known too.
  private static func keys(of value: Any, prefix: String) -> [String] {
    Mirror(reflecting: value).children.flatMap { child -> [String] in
      guard let label = child.label else { return [] }
      let key = prefix + snakeCase(label)
      let mirror = Mirror(reflecting: child.value)
      return mirror.displayStyle == .struct && !mirror.children.isEmpty && !(child.value is any Scalar)
        ? keys(of: child.value, prefix: key + ".") : [key]
    }
  }

  private static func snakeCase(_ name: String) -> String {
    name.reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
  }

  func contains(_ key: String) -> Bool { order.contains(key) }

  /// Keys and values; NSNull for what is absent.
  var leaves: [(key: String, value: Any)] { order.map { ($0, value($0)) } }

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
    } catch let error as DecodingError {
      throw UserError(
        .usage, Self.explain(error, in: self), remedy: "`evl-dist config` shows a value of the right kind")
    }
  }

  private static func explain(_ error: DecodingError, in tree: ConfigurationTree) -> String {
    func key(_ context: DecodingError.Context) -> String {
      context.codingPath.filter { $0.intValue == nil }.map { snakeCase($0.stringValue) }.joined(separator: ".")
    }
    switch error {
    case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
      return "\(key(context)) is \(text(tree.value(key(context)))); expected \(kind(type))"
    case .dataCorrupted(let context):
      return "\(key(context)) is \(text(tree.value(key(context)))), which is out of range or of the wrong kind"
    default: return "\(error)"
    }
  }

  private static func kind(_ type: Any.Type) -> String {
    switch type {
    case is Bool.Type: "true or false"
    case is String.Type: "text"
    case is Double.Type: "a number"
    case is Int.Type, is UInt64.Type: "a whole number"
    default: "a list or section"
    }
  }

  /// One value as YAML on a line.
  static func text(_ value: Any) -> String {
    switch value {
    case is NSNull: return "null"
    case let list as [Any]: return "[" + list.map(text).joined(separator: ", ") + "]"
    case let string as String: return string.isEmpty || string.contains(":") ? "\"\(string)\"" : string
    case let number as NSNumber:
      if CFNumberIsBoolean(number) { return number.boolValue ? "true" : "false" }
      return "\(number)"
    default: return "\(value)"
    }
  }

  private static func CFNumberIsBoolean(_ number: NSNumber) -> Bool { String(cString: number.objCType) == "c" }

  /// The tree as YAML, sections in declared order.
  func yaml() throws -> String {
    var lines: [String] = []
    var open: [String] = []
    for (key, value) in leaves {
      let path = key.split(separator: ".").map(String.init)
      let sections = Array(path.dropLast())
      let common = zip(open, sections).prefix { $0 == $1 }.count
      for depth in common..<max(common, sections.count) {
        lines.append(String(repeating: "  ", count: depth) + sections[depth] + ":")
      }
      open = sections
      lines.append(String(repeating: "  ", count: sections.count) + (path.last ?? key) + ": " + Self.text(value))
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
