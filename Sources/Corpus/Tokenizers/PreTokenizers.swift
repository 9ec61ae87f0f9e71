import Tensors

/// A text and the pieces it is cut into; tokens are merged within a piece only.
struct Pieces {
  var bytes: [UInt8]
  var ranges: [Range<Int>]
  /// Whether the first piece begins where the whole text begins, before any added token.
  var isAtStart: Bool

  /// Cuts every piece again; empty ones are dropped.
  mutating func cut(at delimiter: some Delimiter, _ behavior: DelimiterBehavior, inverted: Bool) {
    var result: [Range<Int>] = []
    result.reserveCapacity(bytes.count / 4 + 4)
    var segments: [Segment] = []
    for range in ranges {
      segments.removeAll(keepingCapacity: true)
      delimiter.segments(of: bytes, in: range, into: &segments)
      if inverted { for index in segments.indices { segments[index].isMatch.toggle() } }
      if behavior == .isolated {
        for segment in segments where !segment.range.isEmpty { result.append(segment.range) }
      } else {
        for piece in behavior.pieces(segments) where !piece.isEmpty { result.append(piece) }
      }
    }
    isAtStart = isAtStart && result.first?.lowerBound == ranges.first?.lowerBound
    ranges = result
  }

  /// Writes every piece anew. `write` gets its bytes, whether it begins the whole text, and where to append.
  mutating func rewrite(_ write: ([UInt8], Range<Int>, Bool, inout [UInt8]) -> Void) {
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count + bytes.count / 2)
    for index in ranges.indices {
      let start = text.count
      write(bytes, ranges[index], isAtStart && index == 0, &text)
      ranges[index] = start..<text.count
    }
    bytes = text
  }
}

/// A rule that cuts text into the pieces within which tokens are merged (`pre_tokenizer` of tokenizer.json).
protocol PreTokenizer: Sendable {
  func apply(to pieces: inout Pieces)
}

/// Cuts at a delimiter.
struct DelimiterSplitter<D: Delimiter>: PreTokenizer {
  let delimiter: D
  let behavior: DelimiterBehavior
  var isInverted = false

  func apply(to pieces: inout Pieces) { pieces.cut(at: delimiter, behavior, inverted: isInverted) }
}

/// A space before every piece that has none.
struct SpacePrefix: PreTokenizer {
  func apply(to pieces: inout Pieces) {
    pieces.rewrite { bytes, range, _, text in
      if bytes[range.lowerBound] != UInt8(ascii: " ") { text.append(UInt8(ascii: " ")) }
      text += bytes[range]
    }
  }
}

/// Bytes spelled as the letters of the byte alphabet.
struct ByteSpelling: PreTokenizer {
  let alphabet = ByteAlphabet()

  func apply(to pieces: inout Pieces) {
    pieces.rewrite { bytes, range, _, text in alphabet.spell(bytes[range], into: &text) }
  }
}

/// SentencePiece's mark for spaces, put before a text, and cuts before each mark.
struct Metaspace: PreTokenizer {
  enum Prefix: String {
    case first, always, never
  }

  let mark: [UInt8]
  let prefix: Prefix
  /// Cuts before each mark; nil where the text stays whole.
  let cut: DelimiterSplitter<ScalarDelimiter>?

  func apply(to pieces: inout Pieces) {
    pieces.rewrite { bytes, range, isAtStart, text in
      let isMarked =
        bytes[range.lowerBound] == UInt8(ascii: " ")
        || bytes.holds(mark, at: range.lowerBound, until: range.upperBound)
      if !isMarked, prefix == .always || prefix == .first && isAtStart { text += mark }
      for byte in bytes[range] {
        if byte == UInt8(ascii: " ") { text += mark } else { text.append(byte) }
      }
    }
    cut?.apply(to: &pieces)
  }
}

/// Pieces of so many scalars.
struct FixedLengthSplitter: PreTokenizer, Delimiter {
  let length: Int

  func apply(to pieces: inout Pieces) { pieces.cut(at: self, .isolated, inverted: false) }

  func segments(of bytes: [UInt8], in range: Range<Int>, into segments: inout [Segment]) {
    var start = range.lowerBound
    while start < range.upperBound {
      var end = start
      for _ in 0..<length where end < range.upperBound { end += bytes.scalar(at: end).length }
      segments.append(Segment(range: start..<end, isMatch: true))
      start = end
    }
  }
}

extension TokenizerFile {
  /// GPT-2's split rule.
  static let byteLevelPattern =
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  /// The steps of the file's pre-tokenizer; none when it names none (the whole text is one piece).
  func preTokenizers(_ value: JSONValue?) throws -> [any PreTokenizer] {
    guard let value, !value.isNull else { return [] }
    switch try type(of: value, in: "pre_tokenizer") {
    case "ByteLevel":
      let prefix = try flag(value, "add_prefix_space", default: true)
      let splits = try flag(value, "use_regex", default: true)
      return (prefix ? [SpacePrefix()] : [])
        + (splits ? [DelimiterSplitter(delimiter: try pattern(Self.byteLevelPattern), behavior: .isolated)] : [])
        + [ByteSpelling()]
    case "Digits":
      let alone = try flag(value, "individual_digits", default: false)
      return [try splitter(at: .numeric, alone ? .isolated : .contiguous)]
    case "Punctuation": return [try splitter(at: .punctuation, try behavior(value) ?? .isolated)]
    case "WhitespaceSplit": return [try splitter(at: .whitespace, .removed)]
    case "Whitespace":
      let words = try pattern(#"\w+|[^\w\s]+"#, dialect: .rust)
      return [DelimiterSplitter(delimiter: words, behavior: .removed, isInverted: true)]
    case "BertPreTokenizer":
      return [try splitter(at: .whitespace, .removed), try splitter(at: .punctuation, .isolated)]
    case "CharDelimiterSplit": return [try splitter(at: ScalarSet(try scalar(value, "delimiter")), .removed)]
    case "FixedLength":
      let length = value["length"] == nil ? 5 : value["length"]?.integer
      guard let length, length > 0 else { throw damaged("\"length\" of FixedLength must be a number from 1") }
      return [FixedLengthSplitter(length: length)]
    case "Metaspace": return [try metaspace(value)]
    case "Split": return [try patternSplitter(value)]
    case "Sequence": return try list(value, "pretokenizers").flatMap { try preTokenizers($0) }
    case let other: throw unsupported("pre-tokenizer \"\(other)\"")
    }
  }

  private func splitter(
    at set: ScalarSet, _ behavior: DelimiterBehavior
  ) throws -> DelimiterSplitter<ScalarDelimiter> {
    guard let delimiter = ScalarDelimiter(set) else { throw unsupported("a set of characters of this kind") }
    return DelimiterSplitter(delimiter: delimiter, behavior: behavior)
  }

  private func behavior(_ value: JSONValue) throws -> DelimiterBehavior? {
    guard value["behavior"] != nil else { return nil }
    let name = try text(value, "behavior")
    guard let behavior = DelimiterBehavior(rawValue: name) else { throw unsupported("behaviour \"\(name)\"") }
    return behavior
  }

  private func metaspace(_ value: JSONValue) throws -> Metaspace {
    let (mark, prefix) = try metaspaceRule(value)
    let cut = try flag(value, "split", default: true) ? try splitter(at: ScalarSet(mark), .mergedWithNext) : nil
    return Metaspace(mark: Array(String(mark).utf8), prefix: prefix, cut: cut)
  }

  /// The mark and the prefix of a Metaspace pre-tokenizer or decoder.
  func metaspaceRule(_ value: JSONValue) throws -> (mark: Unicode.Scalar, prefix: Metaspace.Prefix) {
    var prefix = Metaspace.Prefix.always
    if let name = value["prepend_scheme"] {
      guard let known = name.string.flatMap({ Metaspace.Prefix(rawValue: $0) }) else {
        throw damaged("\"prepend_scheme\" must be first, always or never")
      }
      prefix = known
    }
    if try !flag(value, "add_prefix_space", default: true) {
      guard prefix == .never || value["prepend_scheme"] == nil else {
        throw damaged("\"add_prefix_space\" and \"prepend_scheme\" contradict each other")
      }
      prefix = .never
    }
    return (try scalar(value, "replacement"), prefix)
  }

  private func patternSplitter(_ value: JSONValue) throws -> DelimiterSplitter<SplitPattern> {
    guard let behavior = try behavior(value) else { throw damaged("the Split pre-tokenizer has no behavior") }
    guard let pattern = try pattern(of: value) else { throw damaged("the Split pre-tokenizer has no pattern") }
    return DelimiterSplitter(
      delimiter: pattern, behavior: behavior, isInverted: try flag(value, "invert", default: false))
  }
}
