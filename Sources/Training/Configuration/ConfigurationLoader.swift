import Foundation
import Tensors
import Yams

/// A configuration together with where each of its values came from.
public struct ResolvedConfiguration: Sendable {
  public let configuration: RunConfiguration
  /// Dotted key: "default", "file NAME" or "--set".
  public let origins: [String: String]

  /// The values as dotted keys in the order of the sections, each with its value as YAML and its origin.
  public func listing() throws -> [(key: String, value: String, origin: String)] {
    let tree = try ConfigurationTree(configuration)
    return tree.keys.map { ($0, tree.text($0), origins[$0] ?? "default") }
  }

  /// - Throws: `UserError` (usage) that lists every value a run would refuse.
  public func validate() throws { try Self.refuse(configuration.problems()) }

  static func refuse(_ problems: [String]) throws {
    guard !problems.isEmpty else { return }
    throw UserError(
      .usage,
      problems.count == 1 ? problems[0] : "\(problems.count) problems:\n  " + problems.joined(separator: "\n  "),
      remedy: "`evl-dist config` with the same options lists every key with its value and origin")
  }

  /// The whole configuration as YAML that loads again.
  public func yaml() throws -> String { try ConfigurationTree(configuration).yaml() }
}

/// Reads a configuration: built-in defaults, then a YAML file, then `--set` assignments, each overriding the former.
public struct ConfigurationLoader {
  public init() {}

  /// - Parameters:
  ///   - file: YAML file; nil for the built-in quick start.
  ///   - assignments: `section.key=value`, the value in YAML.
  ///   - base: the configuration to begin from.
  ///   - section: of the file, for another reader.
  /// - Throws: `UserError` (usage) that lists every problem found.
  public func load(
    file: URL? = nil, assignments: [String] = [], base: RunConfiguration = RunConfiguration(),
    leavingOut section: String? = nil
  ) throws -> ResolvedConfiguration {
    let resolved = try merge(file: file, assignments: assignments, base: base, leavingOut: section)
    try resolved.validate()
    return resolved
  }

  /// As `load`, with values that a run would refuse; keys are known and values of the right kind.
  public func merge(
    file: URL? = nil, assignments: [String] = [], base: RunConfiguration = RunConfiguration(),
    leavingOut section: String? = nil
  ) throws -> ResolvedConfiguration {
    var tree = try ConfigurationTree(base)
    var origins: [String: String] = [:]
    var problems: [String] = []
    func set(_ key: String, _ value: Any, origin: String) {
      guard tree.contains(key) else {
        problems.append("\(origin): unknown key \(key)" + suggestion(for: key, among: tree.keys))
        return
      }
      if let expected = tree.expectation(key, against: value) {
        problems.append("\(origin): \(key) is \(value); expected \(expected)")
        return
      }
      tree.set(key, value)
      origins[key] = origin
    }
    if let file {
      let sections = try Self.sections(of: file).filter { $0.key != section }
      for (key, value) in flatten(sections, prefix: "", isLeaf: tree.contains).sorted(by: { $0.0 < $1.0 }) {
        set(key, value, origin: "file \(file.lastPathComponent)")
      }
    }
    for assignment in assignments {
      guard let (key, value) = Self.assigned(assignment) else {
        problems.append("--set \(assignment): expected section.key=value")
        continue
      }
      set(key, value, origin: "--set")
    }
    try ResolvedConfiguration.refuse(problems)
    return ResolvedConfiguration(configuration: try tree.decoded(), origins: origins)
  }

  /// A section of a file that is no part of a run's configuration, as JSON, with the assignments to its keys.
  ///
  /// - Returns: nil where the file has no such section.
  /// - Throws: `UserError` (usage) for a file that cannot be read, or a section that is no mapping.
  public func section(_ name: String, of file: URL, assignments: [String] = []) throws -> Data? {
    guard let found = try Self.sections(of: file)[name] else { return nil }
    guard var section = found as? [String: Any] else {
      throw UserError(
        .usage, "\(file.path): \(name) is not a mapping", remedy: "write `\(name):` and its keys below it")
    }
    for (key, value) in assignments.compactMap(Self.assigned) where key.hasPrefix(name + ".") {
      section[String(key.dropFirst(name.count + 1))] = value
    }
    guard JSONSerialization.isValidJSONObject(section) else {
      throw UserError(
        .usage, "\(file.path): \(name) holds something else than texts, numbers, lists and mappings",
        remedy: "put dates and the like in quotes")
    }
    return try JSONSerialization.data(withJSONObject: section)
  }

  /// Key and value of `section.key=value`, the value in YAML; nil for another form.
  private static func assigned(_ assignment: String) -> (key: String, value: Any)? {
    guard let equals = assignment.firstIndex(of: "="), equals != assignment.startIndex else { return nil }
    let text = String(assignment[assignment.index(after: equals)...])
    return (String(assignment[..<equals]), (try? parse(text)).flatMap { $0 } ?? text)
  }

  private static func sections(of file: URL) throws -> [String: Any] {
    let text: String
    do { text = try String(contentsOf: file, encoding: .utf8) } catch {
      throw UserError(
        .usage, "the configuration \(file.path) cannot be read: \(error.localizedDescription)",
        remedy: "check --config")
    }
    let parsed: Any?
    do { parsed = try parse(text) } catch let error as UserError {
      throw UserError(.usage, "\(file.path), \(error.message)", remedy: "give every key a name of plain text")
    } catch {
      throw UserError(.usage, "\(file.path) is not YAML: \(error)", remedy: "mend the line it names")
    }
    guard let parsed else { return [:] }
    guard let sections = parsed as? [String: Any] else {
      throw UserError(
        .usage, "\(file.path) is not a mapping of sections", remedy: "write `section:` and its keys below it")
    }
    return sections
  }

  /// A YAML text as dictionaries, arrays and values. Keys that are no scalars are refused before the library constructs
  /// its dictionaries, where it takes them to be text.
  private static func parse(_ text: String) throws -> Any? {
    guard let node = try Yams.compose(yaml: text) else { return nil }
    try refuseCompoundKeys(in: node)
    return try Yams.load(yaml: text)
  }

  private static func refuseCompoundKeys(in node: Node) throws {
    for entry in node.mapping ?? [:] {
      guard entry.key.scalar != nil else {
        throw UserError(.usage, "line \(entry.key.mark?.line ?? 0): a key is a list or a mapping")
      }
      try refuseCompoundKeys(in: entry.value)
    }
    for item in node.sequence ?? [] { try refuseCompoundKeys(in: item) }
  }

  private func flatten(_ tree: [String: Any], prefix: String, isLeaf: (String) -> Bool) -> [(String, Any)] {
    tree.flatMap { key, value -> [(String, Any)] in
      let path = prefix + key
      if let inner = value as? [String: Any], !isLeaf(path) {
        return flatten(inner, prefix: path + ".", isLeaf: isLeaf)
      }
      if value is NSNull, !isLeaf(path) { return [] }
      return [(path, value)]
    }
  }

  /// ", did you mean ...?" for the nearest known key within a third of its length in edits.
  private func suggestion(for key: String, among keys: [String]) -> String {
    let last = key.split(separator: ".").last.map(String.init) ?? key
    let ranked = keys.map { candidate in
      let name = candidate.split(separator: ".").last.map(String.init) ?? candidate
      return (candidate, min(editDistance(candidate, key), editDistance(name, last) + 1))
    }
    guard let best = ranked.min(by: { ($0.1, $0.0) < ($1.1, $1.0) }), best.1 <= max(2, key.count / 4) else { return "" }
    return ", did you mean \(best.0)?"
  }
}

/// Levenshtein distance. - Complexity: O(n m).
func editDistance(_ first: String, _ second: String) -> Int {
  let (a, b) = (Array(first), Array(second))
  var row = Array(0...b.count)
  for i in a.indices {
    var diagonal = row[0]
    row[0] = i + 1
    for j in b.indices {
      let above = row[j + 1]
      row[j + 1] = min(above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1))
      diagonal = above
    }
  }
  return row[b.count]
}
