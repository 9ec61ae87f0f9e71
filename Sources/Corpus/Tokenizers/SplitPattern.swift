/// The regular expressions of tokenizer files, matched over UTF-8.
///
/// The constructs that split rules use: alternation, groups, lookahead, character classes with Unicode general
/// categories, greedy and possessive repetition of single characters, optional groups, ASCII case folding by `(?i:`.
/// Anything else is refused at compile time. Foundation's expressions are no substitute: their `\s` lacks characters
/// that Oniguruma's has, and they work on UTF-16.
///
/// A table says for each byte which of the outermost alternatives may begin with it, so that most are never tried.
///
/// - Complexity: linear in the text for the rules in use; the worst case is that of a backtracking matcher.
struct SplitPattern: Sendable {
  /// A construct the matcher does not know.
  struct Unsupported: Error {
    let construct: String
  }

  /// Whose `\w` is meant.
  enum Dialect: Sendable {
    case oniguruma, rust
  }

  indirect enum Node: Sendable {
    case one(ScalarSet)
    case repeated(ScalarSet, atLeast: Int, atMost: Int, possessive: Bool)
    case optional(Node)
    case lookahead(Node, positive: Bool)
    case choice([[Node]])
  }

  private let program: PatternProgram

  init(_ expression: String, dialect: Dialect = .oniguruma) throws {
    var compiler = SplitPatternCompiler(expression, dialect: dialect)
    program = try PatternProgram(compiler.compile())
  }

  /// A pattern that matches one string. - Throws: `Unsupported` for more than 64 different characters.
  init(literal: String) throws {
    program = try PatternProgram([literal.unicodeScalars.map { .one(ScalarSet($0)) }])
  }
}

extension SplitPattern: Delimiter {
  /// The text cut at the matches, found from the left: matches and what stands between them.
  ///
  /// As in Oniguruma, an empty match counts unless it stands where the last match ended.
  func segments(of bytes: [UInt8], in range: Range<Int>, into segments: inout [Segment]) {
    var stack: [PatternProgram.Frame] = []
    var open = range.lowerBound
    var position = range.lowerBound
    var lastEnd = -1
    while position <= range.upperBound {
      guard let end = program.match(bytes, at: position, until: range.upperBound, &stack),
        end > position || end != lastEnd
      else {
        guard position < range.upperBound else { break }
        position += bytes.scalar(at: position).length
        continue
      }
      if open < position { segments.append(Segment(range: open..<position, isMatch: false)) }
      segments.append(Segment(range: position..<end, isMatch: true))
      (open, position, lastEnd) = (end, end, end)
    }
    if open < range.upperBound { segments.append(Segment(range: open..<range.upperBound, isMatch: false)) }
  }
}

/// A pattern as a list of steps with a stack for going back.
struct PatternProgram: Sendable {
  private enum Kind: UInt8 {
    /// One scalar; as many as there are, giving back; the same, keeping all.
    case one, loop, possessive
    /// Goes on with the next step, later perhaps with the target; goes to the target.
    case choose, jump
    /// The steps up to `accept` must (not) match here; goes on at the target.
    case ahead, notAhead
    case accept
  }

  private struct Step {
    let kind: Kind
    var mask: UInt64 = 0
    var least = 0
    var most = 0
    var target = 0
  }

  /// A place to go back to: at the step, from the position, or with shorter repetitions from before it.
  struct Frame {
    let step: Int
    var position: Int
    let least: Int
  }

  private var steps: [Step] = []
  private var sets: [ScalarSet] = []
  private var starts: [Int] = []
  /// For each first byte, and (index 256) for the end of the text: bits of the alternatives that may match.
  private var candidates = Array(repeating: UInt64(0), count: 257)
  private var classes: ScalarClasses

  init(_ alternatives: [[SplitPattern.Node]]) throws {
    guard let empty = ScalarClasses([]), alternatives.count <= 64 else {
      throw SplitPattern.Unsupported(construct: "more than 64 alternatives")
    }
    classes = empty
    for (index, nodes) in alternatives.enumerated() {
      starts.append(steps.count)
      try append(nodes)
      steps.append(Step(kind: .accept))
      let (leads, mayBeEmpty) = Self.first(nodes)
      for byte in 0..<256 where mayBeEmpty || leads[byte] { candidates[byte] |= 1 << UInt64(index) }
      if mayBeEmpty { candidates[256] |= 1 << UInt64(index) }
    }
    guard let classes = ScalarClasses(sets) else {
      throw SplitPattern.Unsupported(construct: "more than 64 character classes")
    }
    self.classes = classes
  }

  private mutating func append(_ nodes: [SplitPattern.Node]) throws {
    for node in nodes {
      switch node {
      case .one(let set): steps.append(Step(kind: .one, mask: try mask(set)))
      case .repeated(let set, let least, let most, let possessive):
        steps.append(Step(kind: possessive ? .possessive : .loop, mask: try mask(set), least: least, most: most))
      case .optional(let inner):
        let choice = steps.count
        steps.append(Step(kind: .choose))
        try append([inner])
        steps[choice].target = steps.count
      case .lookahead(let inner, let positive):
        let look = steps.count
        steps.append(Step(kind: positive ? .ahead : .notAhead))
        try append([inner])
        steps.append(Step(kind: .accept))
        steps[look].target = steps.count
      case .choice(let branches): try append(branches)
      }
    }
  }

  private mutating func append(_ branches: [[SplitPattern.Node]]) throws {
    var ends: [Int] = []
    for (index, branch) in branches.enumerated() {
      let isLast = index == branches.count - 1
      let choice = steps.count
      if !isLast { steps.append(Step(kind: .choose)) }
      try append(branch)
      guard !isLast else { break }
      ends.append(steps.count)
      steps.append(Step(kind: .jump))
      steps[choice].target = steps.count
    }
    for end in ends { steps[end].target = steps.count }
  }

  private mutating func mask(_ set: ScalarSet) throws -> UInt64 {
    if let known = sets.firstIndex(of: set) { return 1 << UInt64(known) }
    guard sets.count < 64 else { throw SplitPattern.Unsupported(construct: "more than 64 character classes") }
    sets.append(set)
    return 1 << UInt64(sets.count - 1)
  }

  /// The bytes a match can begin with, and whether it can be empty.
  private static func first(_ nodes: [SplitPattern.Node]) -> (leads: [Bool], mayBeEmpty: Bool) {
    var leads = Array(repeating: false, count: 256)
    func add(_ more: [Bool]) { for byte in 0..<256 where more[byte] { leads[byte] = true } }
    for node in nodes {
      switch node {
      case .one(let set):
        add(set.leadBytes)
        return (leads, false)
      case .repeated(let set, let least, let most, _):
        if most > 0 { add(set.leadBytes) }
        if least > 0 { return (leads, false) }
      case .optional(let inner): add(first([inner]).leads)
      case .lookahead: continue
      case .choice(let branches):
        let parts = branches.map { first($0) }
        for part in parts { add(part.leads) }
        if !parts.contains(where: \.mayBeEmpty) { return (leads, false) }
      }
    }
    return (leads, true)
  }

  /// The end of the match that begins at the position; nil without one. `stack` is empty before and after.
  @inline(__always)
  func match(_ bytes: [UInt8], at position: Int, until end: Int, _ stack: inout [Frame]) -> Int? {
    var waiting = candidates[position < end ? Int(bytes[position]) : 256]
    while waiting != 0 {
      let index = waiting.trailingZeroBitCount
      waiting &= waiting - 1
      if let stop = run(starts[index], bytes, position, end, &stack) { return stop }
    }
    return nil
  }

  private func run(_ start: Int, _ bytes: [UInt8], _ from: Int, _ end: Int, _ stack: inout [Frame]) -> Int? {
    let bottom = stack.count
    var (index, position) = (start, from)
    while true {
      let step = steps[index]
      var matches = true
      switch step.kind {
      case .accept:
        stack.removeLast(stack.count - bottom)
        return position
      case .one:
        matches = advance(bytes, &position, end, step.mask)
        index += 1
      case .loop, .possessive:
        let least = repeats(bytes, &position, end, step)
        matches = least >= 0
        index += 1
        if matches, step.kind == .loop, position > least {
          stack.append(Frame(step: index, position: position, least: least))
        }
      case .choose:
        stack.append(Frame(step: step.target, position: position, least: -1))
        index += 1
      case .jump: index = step.target
      case .ahead, .notAhead:
        matches = (run(index + 1, bytes, position, end, &stack) != nil) == (step.kind == .ahead)
        index = step.target
      }
      if matches { continue }
      guard stack.count > bottom else { return nil }
      let top = stack.count - 1
      index = stack[top].step
      if stack[top].least < 0 {
        position = stack.removeLast().position
      } else {
        position = bytes.scalarStart(before: stack[top].position)
        stack[top].position = position
        if position <= stack[top].least { stack.removeLast() }
      }
    }
  }

  @inline(__always)
  private func advance(_ bytes: [UInt8], _ position: inout Int, _ end: Int, _ mask: UInt64) -> Bool {
    guard position < end else { return false }
    let (scalar, length) = bytes.scalar(at: position)
    guard classes.mask(scalar) & mask != 0 else { return false }
    position += length
    return true
  }

  /// Takes as many scalars as there are; where the least allowed number of them ends, or -1 when there are fewer.
  @inline(__always)
  private func repeats(_ bytes: [UInt8], _ position: inout Int, _ end: Int, _ step: Step) -> Int {
    var least = step.least == 0 ? position : -1
    var taken = 0
    while taken < step.most, advance(bytes, &position, end, step.mask) {
      taken += 1
      if taken == step.least { least = position }
    }
    return least
  }
}
