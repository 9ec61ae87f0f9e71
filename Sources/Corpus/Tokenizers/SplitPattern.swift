/// The regular expressions of tokenizer files, matched over Unicode scalars.
///
/// The constructs that split rules use: alternation, groups, lookahead, character classes with Unicode general
/// categories, greedy and possessive repetition of single characters, optional groups, ASCII case folding by `(?i:`.
/// Anything else is refused at compile time. Foundation's expressions are no substitute: their `\s` lacks characters
/// that Oniguruma's has, and they work on UTF-16.
///
/// - Complexity: linear in the text for the rules in use; the worst case is that of a backtracking matcher.
struct SplitPattern: Sendable {
  /// A construct the matcher does not know.
  struct Unsupported: Error {
    let construct: String
  }

  /// One character's condition.
  indirect enum CharacterSet: Sendable {
    case scalars(ClosedRange<Unicode.Scalar>)
    case folded(Unicode.Scalar)
    case category(Set<Unicode.GeneralCategory>)
    case whitespace
    case word
    case any
    case union([CharacterSet])
    case inverse(CharacterSet)
  }

  indirect enum Node: Sendable {
    case one(CharacterSet)
    case repeated(CharacterSet, atLeast: Int, atMost: Int, possessive: Bool)
    case optional(Node)
    case lookahead(Node, positive: Bool)
    case choice([[Node]])
  }

  let root: Node

  init(_ expression: String) throws {
    var compiler = SplitPatternCompiler(expression)
    root = try compiler.compile()
  }

  /// A pattern that matches one string.
  init(literal: String) {
    root = .choice([literal.unicodeScalars.map { .one(.scalars($0...$0)) }])
  }

  /// The text cut at the matches, found from the left: matches and the stretches between them, none empty.
  func split(_ text: Scalars) -> [(range: Range<Int>, matched: Bool)] {
    var pieces: [(range: Range<Int>, matched: Bool)] = []
    var open = 0
    var position = 0
    while position < text.count {
      guard let end = match(text, at: position), end > position else {
        position += 1
        continue
      }
      if open < position { pieces.append((open..<position, false)) }
      pieces.append((position..<end, true))
      open = end
      position = end
    }
    if open < text.count { pieces.append((open..<text.count, false)) }
    return pieces
  }

  /// The end of the match that begins at the position; nil without one.
  func match(_ text: Scalars, at position: Int) -> Int? {
    var end: Int?
    let matcher = Matcher(text: text)
    _ = matcher.run(root, position) {
      end = $0
      return true
    }
    return end
  }
}

extension SplitPattern.CharacterSet {
  func contains(_ scalar: Unicode.Scalar) -> Bool {
    switch self {
    case .scalars(let range): range.contains(scalar)
    case .folded(let letter): scalar.caseFolded == letter
    case .category(let categories): categories.contains(scalar.properties.generalCategory)
    case .whitespace: scalar.properties.isWhitespace
    case .word: scalar.isWordCharacter
    case .any: scalar != "\n"
    case .union(let sets): sets.contains { $0.contains(scalar) }
    case .inverse(let set): !set.contains(scalar)
    }
  }
}

extension Unicode.Scalar {
  /// The scalar without its case: "s" for "s", "S" and the long s; itself where case maps to several scalars.
  var caseFolded: Unicode.Scalar {
    let upper = Scalars(properties.uppercaseMapping.unicodeScalars)
    guard upper.count == 1 else { return self }
    let lower = Scalars(upper[0].properties.lowercaseMapping.unicodeScalars)
    return lower.count == 1 ? lower[0] : self
  }

  /// Letters, marks, decimal digits and connectors: `\w`.
  var isWordCharacter: Bool {
    if properties.isAlphabetic { return true }
    switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
    default: return self == "\u{200C}" || self == "\u{200D}"
    }
  }
}

/// Backtracking by continuations: `rest` says whether the remaining pattern matches from a position.
private struct Matcher {
  let text: Scalars

  func run(_ node: SplitPattern.Node, _ position: Int, _ rest: (Int) -> Bool) -> Bool {
    switch node {
    case .one(let set): return position < text.count && set.contains(text[position]) && rest(position + 1)
    case .repeated(let set, let least, let most, let possessive):
      var end = position
      while end < text.count, end - position < most, set.contains(text[end]) { end += 1 }
      let last = possessive ? end : position + least
      guard end - position >= least else { return false }
      while end >= last {
        if rest(end) { return true }
        end -= 1
      }
      return false
    case .optional(let inner): return run(inner, position, rest) || rest(position)
    case .lookahead(let inner, let positive): return run(inner, position) { _ in true } == positive && rest(position)
    case .choice(let branches): return branches.contains { run($0[...], position, rest) }
    }
  }

  func run(_ sequence: ArraySlice<SplitPattern.Node>, _ position: Int, _ rest: (Int) -> Bool) -> Bool {
    guard let first = sequence.first else { return rest(position) }
    return run(first, position) { run(sequence.dropFirst(), $0, rest) }
  }
}
