/// Reads the text of a split rule into nodes; see `SplitPattern` for what it knows.
struct SplitPatternCompiler {
  private typealias Node = SplitPattern.Node

  private let source: [Unicode.Scalar]
  private let dialect: SplitPattern.Dialect
  private var position = 0
  private var depth = 0
  private var ignoresCase = false

  init(_ expression: String, dialect: SplitPattern.Dialect) {
    source = Array(expression.unicodeScalars)
    self.dialect = dialect
  }

  /// The outermost alternatives.
  mutating func compile() throws -> [[SplitPattern.Node]] {
    let branches = try branches()
    guard position == source.count else { throw unsupported("an unmatched bracket") }
    return branches
  }

  private func unsupported(_ what: String) -> SplitPattern.Unsupported { SplitPattern.Unsupported(construct: what) }

  private var current: Unicode.Scalar? { position < source.count ? source[position] : nil }

  private mutating func skip(_ text: String) -> Bool {
    let scalars = Array(text.unicodeScalars)
    guard source[position...].starts(with: scalars) else { return false }
    position += scalars.count
    return true
  }

  private mutating func branches() throws -> [[Node]] {
    guard depth < 32 else { throw unsupported("deep nesting") }
    depth += 1
    defer { depth -= 1 }
    var branches: [[Node]] = [[]]
    while let scalar = current, scalar != ")" {
      if scalar == "|" {
        position += 1
        branches.append([])
      } else {
        branches[branches.count - 1].append(try quantified())
      }
    }
    return branches
  }

  private mutating func quantified() throws -> Node {
    let atom = try atom()
    guard let (least, most) = try quantifier() else { return atom }
    if skip("?") { throw unsupported("lazy repetition") }
    let possessive = skip("+")
    switch atom {
    case .one(let set): return .repeated(set, atLeast: least, atMost: most, possessive: possessive)
    case .choice where (least, most) == (0, 1) && !possessive: return .optional(atom)
    default: throw unsupported("repetition of a group")
    }
  }

  private mutating func quantifier() throws -> (Int, Int)? {
    switch current {
    case "?":
      position += 1
      return (0, 1)
    case "*":
      position += 1
      return (0, .max)
    case "+":
      position += 1
      return (1, .max)
    case "{":
      guard let close = source[position...].firstIndex(of: "}") else { throw unsupported("an open brace") }
      let parts = String(String.UnicodeScalarView(source[position + 1..<close])).split(
        separator: ",", omittingEmptySubsequences: false)
      position = close + 1
      guard let first = parts.first, let least = Int(first), least >= 0, parts.count <= 2 else {
        throw unsupported("a repetition count")
      }
      if parts.count == 1 { return (least, least) }
      if parts[1].isEmpty { return (least, .max) }
      guard let most = Int(parts[1]), most >= least else { throw unsupported("a repetition count") }
      return (least, most)
    default: return nil
    }
  }

  private mutating func atom() throws -> Node {
    guard let scalar = current else { throw unsupported("an early end") }
    switch scalar {
    case "(": return try group()
    case "[":
      position += 1
      return .one(try bracketed())
    case "\\": return .one(try escaped(bracketed: false))
    case ".":
      position += 1
      return .one(ScalarSet("\n").inverse)
    case "^", "$", "*", "+", "?", "{": throw unsupported("\"\(scalar)\" here")
    default:
      position += 1
      return .one(ignoresCase ? try folded(scalar) : ScalarSet(scalar))
    }
  }

  private mutating func group() throws -> Node {
    let outer = ignoresCase
    defer { ignoresCase = outer }
    var positive: Bool?
    if skip("(?!") {
      positive = false
    } else if skip("(?=") {
      positive = true
    } else if skip("(?i:") {
      ignoresCase = true
    } else if !skip("(?:") {
      guard skip("("), current != "?" else { throw unsupported("a group of this kind") }
    }
    let node = Node.choice(try branches())
    guard skip(")") else { throw unsupported("an open group") }
    if let positive { return .lookahead(node, positive: positive) }
    return node
  }

  /// The scalars that differ from an ASCII scalar by case only; the long s and the Kelvin sign among them.
  private func folded(_ scalar: Unicode.Scalar) throws -> ScalarSet {
    guard scalar.isASCII else { throw unsupported("case folding of \"\(scalar)\"") }
    let cases = [scalar.properties.lowercaseMapping, scalar.properties.uppercaseMapping].flatMap(\.unicodeScalars)
    let more: [Unicode.Scalar] =
      switch scalar {
      case "s", "S": ["\u{17F}"]
      case "k", "K": ["\u{212A}"]
      default: []
      }
    return ScalarSet((cases + more).map { $0.value...$0.value })
  }

  private mutating func bracketed() throws -> ScalarSet {
    let inverse = skip("^")
    var set = ScalarSet()
    var isEmpty = true
    while let scalar = current, scalar != "]" || isEmpty {
      if scalar == "[" || source[position...].starts(with: ["&", "&"]) { throw unsupported("a nested class") }
      isEmpty = false
      let escapes = scalar == "\\"
      let first = try classMember()
      guard current == "-", position + 1 < source.count, source[position + 1] != "]", first.isSingle else {
        set = set.union(first)
        continue
      }
      position += 1
      let last = try classMember()
      guard last.isSingle, let low = first.ranges.first, let high = last.ranges.first, low.lowerBound <= high.lowerBound
      else { throw unsupported(escapes ? "a range of escapes" : "a range within a class") }
      set = set.union(ScalarSet([low.lowerBound...high.lowerBound]))
    }
    guard skip("]") else { throw unsupported("an open class") }
    if ignoresCase { throw unsupported("a class without case") }
    return inverse ? set.inverse : set
  }

  private mutating func classMember() throws -> ScalarSet {
    guard let scalar = current else { throw unsupported("an open class") }
    if scalar == "\\" { return try escaped(bracketed: true) }
    position += 1
    return ScalarSet(scalar)
  }

  private mutating func escaped(bracketed: Bool) throws -> ScalarSet {
    position += 1
    guard let scalar = current else { throw unsupported("an early end") }
    position += 1
    switch scalar {
    case "s": return .whitespace
    case "S": return ScalarSet.whitespace.inverse
    case "d": return try category("Nd")
    case "D": return try category("Nd").inverse
    case "w": return words(bracketed: bracketed)
    case "W": return words(bracketed: bracketed).inverse
    case "n": return ScalarSet("\n")
    case "r": return ScalarSet("\r")
    case "t": return ScalarSet("\t")
    case "u": return ScalarSet(try codePoint())
    case "p": return try property()
    case "P": return try property().inverse
    default:
      guard scalar.isASCII, !scalar.properties.isAlphabetic, !("0"..."9").contains(scalar) else {
        throw unsupported("\"\\\(scalar)\"")
      }
      return ScalarSet(scalar)
    }
  }

  private func words(bracketed: Bool) -> ScalarSet {
    if dialect == .rust { return .wordOfRust }
    return bracketed ? .bracketedWordOfOniguruma : .wordOfOniguruma
  }

  /// The four hexadecimal digits after `\u`.
  private mutating func codePoint() throws -> Unicode.Scalar {
    let digits = String(String.UnicodeScalarView(source[position...].prefix(4)))
    guard digits.utf8.count == 4, let code = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(code) else {
      throw unsupported("\"\\u\" without four digits")
    }
    position += 4
    return scalar
  }

  private mutating func property() throws -> ScalarSet {
    guard current == "{", let close = source[position...].firstIndex(of: "}") else {
      throw unsupported("a property without braces")
    }
    var name = String(String.UnicodeScalarView(source[position + 1..<close]))
    position = close + 1
    let inverse = name.hasPrefix("^")
    if inverse { name.removeFirst() }
    let set = try category(name)
    return inverse ? set.inverse : set
  }

  private func category(_ name: String) throws -> ScalarSet {
    guard let set = ScalarSet(category: name) else { throw unsupported("\\p{\(name)}") }
    return set
  }
}

extension ScalarSet {
  /// Whether it holds one scalar only.
  fileprivate var isSingle: Bool { ranges.count == 1 && ranges[0].count == 1 }
}
