import Tensors

/// The texts of tokens, one after another in one array of bytes.
struct TokenTexts {
  private(set) var bytes: [UInt8] = []
  /// Where each token's text ends.
  private var ends: [Int] = []

  var count: Int { ends.count }

  func range(_ index: Int) -> Range<Int> { (index > 0 ? ends[index - 1] : 0)..<ends[index] }

  /// Adds a token whose text `write` appends.
  @inline(__always) mutating func add(_ write: (inout [UInt8]) -> Void) {
    write(&bytes)
    ends.append(bytes.count)
  }

  mutating func add(_ text: some Collection<UInt8>) {
    bytes += text
    ends.append(bytes.count)
  }

  /// Adds a part of another array, usually a short one.
  @inline(__always) mutating func add(_ text: [UInt8], _ range: Range<Int>) {
    for position in range { bytes.append(text[position]) }
    ends.append(bytes.count)
  }

  mutating func reserve(_ tokens: Int, _ size: Int) {
    bytes.reserveCapacity(size)
    ends.reserveCapacity(tokens)
  }
}

/// A step that turns token texts back into plain text (`decoder` of tokenizer.json).
protocol TokenDecoder: Sendable {
  func decode(_ tokens: TokenTexts) -> TokenTexts
}

/// Byte-level letters back to bytes, and the bytes of all tokens together to text.
struct ByteLevelDecoder: TokenDecoder {
  let alphabet = ByteAlphabet()

  func decode(_ tokens: TokenTexts) -> TokenTexts {
    var bytes: [UInt8] = []
    for index in 0..<tokens.count { append(tokens.bytes, tokens.range(index), to: &bytes) }
    var result = TokenTexts()
    result.add(String(decoding: bytes, as: UTF8.self).utf8)
    return result
  }

  /// A token with any letter outside the alphabet (a special token) stands for its own text.
  func append(_ text: [UInt8], _ range: Range<Int>, to bytes: inout [UInt8]) {
    if !alphabet.appendBytes(of: text, range, to: &bytes) { bytes += text[range] }
  }
}

/// Every match of a pattern replaced by a text, token by token.
struct ReplacingDecoder: TokenDecoder {
  let rule: TextReplacement

  func decode(_ tokens: TokenTexts) -> TokenTexts {
    var result = TokenTexts()
    result.reserve(tokens.count, tokens.bytes.count)
    for index in 0..<tokens.count { result.add { _ = rule.append(tokens.bytes, tokens.range(index), to: &$0) } }
    return result
  }
}

/// Runs of `<0xNN>` tokens back to the text of their bytes; one replacement character a byte where they are none.
struct ByteFallbackDecoder: TokenDecoder {
  func decode(_ tokens: TokenTexts) -> TokenTexts {
    var result = TokenTexts()
    result.reserve(tokens.count, tokens.bytes.count)
    var pending: [UInt8] = []
    for index in 0..<tokens.count {
      let range = tokens.range(index)
      if let byte = Self.byte(of: tokens.bytes, range) {
        pending.append(byte)
      } else {
        Self.flush(&pending, into: &result)
        result.add(tokens.bytes, range)
      }
    }
    Self.flush(&pending, into: &result)
    return result
  }

  private static func flush(_ pending: inout [UInt8], into result: inout TokenTexts) {
    guard !pending.isEmpty else { return }
    if String(validating: pending, as: UTF8.self) != nil {
      result.add(pending)
    } else {
      for _ in pending { result.add("\u{FFFD}".utf8) }
    }
    pending.removeAll(keepingCapacity: true)
  }

  /// Rust reads "+A" as a number too.
  private static func byte(of text: [UInt8], _ range: Range<Int>) -> UInt8? {
    guard range.count == 6, text[range.lowerBound] == UInt8(ascii: "<"),
      text[range.lowerBound + 1] == UInt8(ascii: "0"),
      text[range.lowerBound + 2] == UInt8(ascii: "x"), text[range.lowerBound + 5] == UInt8(ascii: ">")
    else { return nil }
    return UInt8(String(decoding: text[range.lowerBound + 3..<range.lowerBound + 5], as: UTF8.self), radix: 16)
  }
}

/// All tokens joined into one.
struct FusingDecoder: TokenDecoder {
  func decode(_ tokens: TokenTexts) -> TokenTexts {
    var result = TokenTexts()
    result.add(tokens.bytes)
    return result
  }
}

/// Up to `start` leading and `stop` trailing occurrences of one character removed from every token.
struct StrippingDecoder: TokenDecoder {
  let content: [UInt8]
  let start: Int
  let stop: Int

  func decode(_ tokens: TokenTexts) -> TokenTexts {
    var result = TokenTexts()
    result.reserve(tokens.count, tokens.bytes.count)
    for index in 0..<tokens.count {
      let range = tokens.range(index)
      var (first, last) = (range.lowerBound, range.upperBound)
      var taken = 0
      while taken < start, tokens.bytes.holds(content, at: first, until: last) {
        first += content.count
        taken += 1
      }
      taken = 0
      while taken < stop, last - content.count >= first,
        tokens.bytes.holds(content, at: last - content.count, until: last)
      {
        last -= content.count
        taken += 1
      }
      result.add(tokens.bytes, first..<last)
    }
    return result
  }
}

/// SentencePiece's marks back to spaces; those of the first token are dropped unless the text was never given one.
struct MetaspaceDecoder: TokenDecoder {
  let mark: [UInt8]
  let dropsFirst: Bool

  func decode(_ tokens: TokenTexts) -> TokenTexts {
    var result = TokenTexts()
    result.reserve(tokens.count, tokens.bytes.count)
    for index in 0..<tokens.count {
      let range = tokens.range(index)
      result.add { text in
        var position = range.lowerBound
        while position < range.upperBound {
          guard tokens.bytes[position] == mark[0], tokens.bytes.holds(mark, at: position, until: range.upperBound)
          else {
            text.append(tokens.bytes[position])
            position += 1
            continue
          }
          if index > 0 || !dropsFirst { text.append(UInt8(ascii: " ")) }
          position += mark.count
        }
      }
    }
    return result
  }
}

/// The suffix at the end of words to a space, to nothing in the last token.
struct SuffixDecoder: TokenDecoder {
  let within: TextReplacement
  let last: TextReplacement

  func decode(_ tokens: TokenTexts) -> TokenTexts {
    var result = TokenTexts()
    result.reserve(tokens.count, tokens.bytes.count)
    for index in 0..<tokens.count {
      let rule = index == tokens.count - 1 ? last : within
      result.add { _ = rule.append(tokens.bytes, tokens.range(index), to: &$0) }
    }
    return result
  }
}

extension TokenizerFile {
  /// The steps of the file's decoder; nil when it names none.
  func decoders(_ value: JSONValue?) throws -> [any TokenDecoder]? {
    guard let value, !value.isNull else { return nil }
    switch try type(of: value, in: "decoder") {
    case "ByteLevel": return [ByteLevelDecoder()]
    case "Replace": return [ReplacingDecoder(rule: try TextReplacement(value, in: "decoder", self))]
    case "ByteFallback": return [ByteFallbackDecoder()]
    case "Fuse": return [FusingDecoder()]
    case "Metaspace":
      let (mark, prefix) = try metaspaceRule(value)
      return [MetaspaceDecoder(mark: Array(String(mark).utf8), dropsFirst: prefix != .never)]
    case "BPEDecoder":
      let suffix = try optionalText(value, "suffix") ?? "</w>"
      guard !suffix.isEmpty else { throw damaged("the suffix of BPEDecoder is empty") }
      return [
        SuffixDecoder(
          within: TextReplacement(literal: suffix, by: " "), last: TextReplacement(literal: suffix, by: ""))
      ]
    case "Strip":
      let content = try scalar(value, "content")
      guard let start = value["start"]?.integer, let stop = value["stop"]?.integer, start >= 0, stop >= 0 else {
        throw damaged("the Strip decoder needs one character and two counts")
      }
      return [StrippingDecoder(content: Array(String(content).utf8), start: start, stop: stop)]
    case "Sequence": return try list(value, "decoders").flatMap { try decoders($0) ?? [] }
    case let other: throw unsupported("decoder \"\(other)\"")
    }
  }
}
