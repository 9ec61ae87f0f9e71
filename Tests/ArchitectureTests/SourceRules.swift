import Foundation

/// A breach of the house's rules, as a line to click on.
struct Violation: Equatable, CustomStringConvertible {
  var path: String
  var line: Int
  var what: String

  var description: String { "\(path):\(line): \(what)" }
}

/// The rules that hold for a file, read as text. Paths are relative to the package, with Sources or Tests in front.
struct SourceRules {
  var house = House.ours
  /// Lines of a file, and of a function from its name to its closing brace, at most.
  var longest = 400
  var longestFunction = 60
  var pointerFiles = House.pointerFiles

  /// Every breach in a Swift file of Sources.
  func violations(path: String, text: String) -> [Violation] {
    let tokens = SwiftText(text).tokens
    return imports(path, tokens) + pointers(path, tokens) + traps(path, tokens)
      + length(path: path, text: text) + functionLengths(path: path, text: text) + unfinished(path: path, text: text)
      + undocumented(path, text)
  }

  /// Files are read by people: no file is longer than a few screens.
  func length(path: String, text: String) -> [Violation] {
    let count = text.split(separator: "\n", omittingEmptySubsequences: false).count - (text.hasSuffix("\n") ? 1 : 0)
    return count > longest ? [Violation(path: path, line: count, what: "\(count) lines, \(longest) at most")] : []
  }

  /// A function fits on a screen. Reads the layout that swift-format gives: a function ends with a brace on its own column.
  func functionLengths(path: String, text: String) -> [Violation] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    func indent(_ line: Substring) -> Int { line.prefix { $0 == " " }.count }
    return lines.indices.compactMap { start in
      let column = indent(lines[start])
      guard let name = lines[start].firstMatch(of: /^ *(?:[@\w()]+ )*(?:func (\S+?)[<(]|(init)[?<(])/) else {
        return nil
      }
      let header = lines[start...].firstIndex { $0.hasSuffix("{") || $0.hasSuffix("}") } ?? start
      guard lines[header].hasSuffix("{"),
        lines[start...header].dropFirst().allSatisfy({ indent($0) > column || $0.dropFirst(column).hasPrefix(")") }),
        let end = lines[header...].dropFirst().firstIndex(where: { indent($0) == column && $0.dropFirst(column) == "}" }
        )
      else { return nil }
      let count = end - start + 1
      guard count > longestFunction else { return nil }
      return Violation(
        path: path, line: start + 1, what: "\(name.1 ?? "init") has \(count) lines, \(longestFunction) at most")
    }
  }

  /// Marks of unfinished work, in code and comments alike.
  func unfinished(path: String, text: String) -> [Violation] {
    text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().flatMap { number, line in
      let words = line.split { !$0.isLetter && $0 != "_" }
      return ["TODO", "FIXME", "XXX", "HACK"].filter { words.contains(Substring($0)) }
        .map { Violation(path: path, line: number + 1, what: "\($0) marks unfinished work") }
    }
  }

  /// Public types at the top of a file without a line that says what they are; members may speak for themselves.
  func undocumented(_ path: String, _ text: String) -> [Violation] {
    let type = /^(@\S+\s+)*(public|open)\s+(final\s+|indirect\s+)*(struct|class|enum|protocol|actor)\s+(\w+)/
    var documented = false
    return text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap { number, line in
      let start = line.drop { $0 == " " }
      // An attribute may stand between the comment and the type.
      if start.hasPrefix("@"), !start.contains("public ") { return nil }
      defer { documented = start.hasPrefix("///") }
      guard !documented, let match = line.firstMatch(of: type) else { return nil }
      return Violation(path: path, line: number + 1, what: "\(match.5) has no documentation")
    }
  }

  func imports(_ path: String, _ tokens: [SwiftText.Token]) -> [Violation] {
    let name = Self.target(of: path)
    guard house.target(name) != nil else {
      return [Violation(path: path, line: 1, what: "the target \(name) has no place in the house")]
    }
    let open = house.reach(of: name).union(House.platform).union([name])
    return Self.importedModules(tokens).filter { !open.contains($0.text) }.map {
      let known = house.target($0.text) != nil || House.packages.contains($0.text)
      let what = known ? "\(name) may not import \($0.text)" : "\($0.text) is no module that the house knows"
      return Violation(path: path, line: $0.line, what: what)
    }
  }

  func pointers(_ path: String, _ tokens: [SwiftText.Token]) -> [Violation] {
    let atHome = House.pointerTargets.contains(Self.target(of: path)) || pointerFiles.contains(path)
    return tokens.enumerated().compactMap { index, token in
      let isState = token.text == "unsafe" && index >= 2 && tokens[index - 2].text == "nonisolated"
      if isState { return Violation(path: path, line: token.line, what: "state outside of any isolation") }
      guard !atHome, Self.isUnsafe(token.text) else { return nil }
      return Violation(path: path, line: token.line, what: "\(token.text) belongs into Tensors, Cluster or a wrapper")
    }
  }

  /// What ends the program instead of throwing an error that says what to do.
  func traps(_ path: String, _ tokens: [SwiftText.Token]) -> [Violation] {
    zip(tokens, tokens.dropFirst()).compactMap { token, next in
      let isForced =
        (token.text == "try" || token.text == "as") && next.text == "!"
        && next.offset == token.offset + token.text.utf8.count
      let isTrap = token.text == "fatalError" && next.text == "(" || isForced
      return isTrap ? Violation(path: path, line: token.line, what: "\(token.text)\(next.text) traps") : nil
    }
  }

  static func isUnsafe(_ word: String) -> Bool {
    ["OpaquePointer", "Unmanaged", "withMemoryRebound", "assumingMemoryBound", "bindMemory"].contains(word)
      || word.hasPrefix("Unsafe") || word.hasPrefix("withUnsafe") || word.hasPrefix("unsafe") && word != "unsafe"
  }

  /// The folder below Sources, which is the target's name.
  static func target(of path: String) -> String {
    let parts = path.split(separator: "/")
    return parts.count > 1 ? String(parts[1]) : path
  }

  static func importedModules(_ tokens: [SwiftText.Token]) -> [SwiftText.Token] {
    let kinds: Set = ["struct", "class", "enum", "protocol", "typealias", "func", "let", "var"]
    return tokens.indices.compactMap { index in
      guard tokens[index].text == "import", index == 0 || !["`", "."].contains(tokens[index - 1].text) else {
        return nil
      }
      let named = tokens[(index + 1)...].first { !kinds.contains($0.text) }
      return named
    }
  }

  /// The dependencies that the manifest gives each layer: `layer("Name", ["A", b])` lines.
  func manifestViolations(_ manifest: String) -> [Violation] {
    var violations: [Violation] = []
    var declared: Set<String> = []
    for (number, line) in manifest.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      guard let match = line.firstMatch(of: /layer\("(\w+)", \[([^\]]*)\]/) else { continue }
      let name = String(match.1)
      declared.insert(name)
      let reach = house.reach(of: name)
      violations += match.2.matches(of: /"(\w+)"/).map { String($0.1) }.filter { !reach.contains($0) }.map {
        Violation(path: "Package.swift", line: number + 1, what: "\(name) may not depend on \($0)")
      }
    }
    let missing = house.targets.filter { !$0.isInC && $0.name != "EvlDist" && !declared.contains($0.name) }
    return violations + missing.map { Violation(path: "Package.swift", line: 1, what: "\($0.name) is not declared") }
  }
}
