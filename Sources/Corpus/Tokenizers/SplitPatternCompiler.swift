/// Reads the text of a split rule into nodes; see `SplitPattern` for what it knows.
struct SplitPatternCompiler {
  private typealias CharacterSet = SplitPattern.CharacterSet
  private typealias Node = SplitPattern.Node

  private let source: Scalars
  private var position = 0
  private var depth = 0
  private var ignoresCase = false

  init(_ expression: String) { source = Scalars(expression.unicodeScalars) }

  mutating func compile() throws -> SplitPattern.Node {
    let node = try choice()
    guard position == source.count else { throw unsupported("an unmatched bracket") }
    return node
  }

  private func unsupported(_ what: String) -> SplitPattern.Unsupported { SplitPattern.Unsupported(construct: what) }

  private var current: Unicode.Scalar? { position < source.count ? source[position] : nil }

  private mutating func skip(_ text: String) -> Bool {
    let scalars = Scalars(text.unicodeScalars)
    guard source[position...].starts(with: scalars) else { return false }
    position += scalars.count
    return true
  }

  private mutating func choice() throws -> Node {
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
    return .choice(branches)
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
      let parts = String(source[position + 1..<close]).split(separator: ",", omittingEmptySubsequences: false)
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
    case "\\": return .one(try escaped())
    case ".":
      position += 1
      return .one(.any)
    case "^", "$", "*", "+", "?", "{": throw unsupported("\"\(scalar)\" here")
    default:
      position += 1
      return .one(ignoresCase ? .folded(scalar.caseFolded) : .scalars(scalar...scalar))
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
    let node = try choice()
    guard skip(")") else { throw unsupported("an open group") }
    if let positive { return .lookahead(node, positive: positive) }
    return node
  }

  private mutating func bracketed() throws -> CharacterSet {
    let inverse = skip("^")
    var sets: [CharacterSet] = []
    while let scalar = current, scalar != "]" || sets.isEmpty {
      if scalar == "[" || source[position...].starts(with: ["&", "&"]) { throw unsupported("a nested class") }
      let first = try classMember()
      if case .scalars(let low) = first, current == "-", position + 1 < source.count, source[position + 1] != "]" {
        position += 1
        guard case .scalars(let high) = try classMember(), low.lowerBound <= high.lowerBound else {
          throw unsupported("a range within a class")
        }
        sets.append(.scalars(low.lowerBound...high.lowerBound))
      } else {
        sets.append(first)
      }
    }
    guard skip("]") else { throw unsupported("an open class") }
    if ignoresCase { throw unsupported("a class without case") }
    return inverse ? .inverse(.union(sets)) : .union(sets)
  }

  private mutating func classMember() throws -> CharacterSet {
    guard let scalar = current else { throw unsupported("an open class") }
    if scalar == "\\" { return try escaped() }
    position += 1
    return .scalars(scalar...scalar)
  }

  private mutating func escaped() throws -> CharacterSet {
    position += 1
    guard let scalar = current else { throw unsupported("an early end") }
    position += 1
    switch scalar {
    case "s": return .whitespace
    case "S": return .inverse(.whitespace)
    case "d": return .category([.decimalNumber])
    case "D": return .inverse(.category([.decimalNumber]))
    case "w": return .word
    case "W": return .inverse(.word)
    case "n": return .scalars("\n"..."\n")
    case "r": return .scalars("\r"..."\r")
    case "t": return .scalars("\t"..."\t")
    case "p": return try property()
    case "P": return .inverse(try property())
    default:
      guard scalar.isASCII, !scalar.properties.isAlphabetic, !scalar.isNumeric else {
        throw unsupported("\"\\\(scalar)\"")
      }
      return .scalars(scalar...scalar)
    }
  }

  private mutating func property() throws -> CharacterSet {
    guard current == "{", let close = source[position...].firstIndex(of: "}") else {
      throw unsupported("a property without braces")
    }
    let name = String(source[position + 1..<close])
    position = close + 1
    guard let categories = Self.categories[name] else { throw unsupported("\\p{\(name)}") }
    return .category(categories)
  }

  private static let categories: [String: Set<Unicode.GeneralCategory>] = {
    let single: [String: Unicode.GeneralCategory] = [
      "Lu": .uppercaseLetter, "Ll": .lowercaseLetter, "Lt": .titlecaseLetter, "Lm": .modifierLetter,
      "Lo": .otherLetter, "Mn": .nonspacingMark, "Mc": .spacingMark, "Me": .enclosingMark, "Nd": .decimalNumber,
      "Nl": .letterNumber, "No": .otherNumber, "Pc": .connectorPunctuation, "Pd": .dashPunctuation,
      "Ps": .openPunctuation, "Pe": .closePunctuation, "Pi": .initialPunctuation, "Pf": .finalPunctuation,
      "Po": .otherPunctuation, "Sm": .mathSymbol, "Sc": .currencySymbol, "Sk": .modifierSymbol, "So": .otherSymbol,
      "Zs": .spaceSeparator, "Zl": .lineSeparator, "Zp": .paragraphSeparator, "Cc": .control, "Cf": .format,
      "Co": .privateUse, "Cn": .unassigned, "Cs": .surrogate,
    ]
    var table: [String: Set<Unicode.GeneralCategory>] = [:]
    for (name, category) in single {
      table[name] = [category]
      table[String(name.prefix(1)), default: []].insert(category)
    }
    return table
  }()
}
