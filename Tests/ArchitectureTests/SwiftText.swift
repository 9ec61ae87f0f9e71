/// A Swift file as its words and signs, line by line, without comments and without the text of string and regex literals.
/// Code inside string interpolations stays. Enough of the grammar for rules about names; it is no parser.
struct SwiftText {
  struct Token: Equatable {
    var text: String
    var line: Int
    /// Where it begins in the text, in bytes.
    var offset: Int
  }

  let tokens: [Token]

  init(_ text: String) {
    var scanner = Scanner(bytes: Array(text.utf8))
    scanner.scanCode(inInterpolation: false)
    tokens = scanner.tokens
  }
}

private struct Scanner {
  let bytes: [UInt8]
  var position = 0
  var line = 1
  var tokens: [SwiftText.Token] = []

  init(bytes: [UInt8]) { self.bytes = bytes }

  private func byte(at offset: Int = 0) -> UInt8? {
    position + offset < bytes.count ? bytes[position + offset] : nil
  }

  private func starts(_ text: StaticString, at offset: Int = 0) -> Bool {
    let wanted = Array("\(text)".utf8)
    let start = position + offset
    return start + wanted.count <= bytes.count && Array(bytes[start..<start + wanted.count]) == wanted
  }

  private mutating func advance(_ count: Int = 1) {
    for _ in 0..<count where position < bytes.count {
      if bytes[position] == UInt8(ascii: "\n") { line += 1 }
      position += 1
    }
  }

  /// Code up to the end of the text, or of the interpolation that the caller has opened.
  mutating func scanCode(inInterpolation: Bool) {
    var depth = 0
    while let next = byte() {
      if starts("//") {
        while let next = byte(), next != UInt8(ascii: "\n") { advance() }
      } else if starts("/*") {
        scanBlockComment()
      } else if let hashes = hashesBeforeLiteral(UInt8(ascii: "\"")) {
        scanString(hashes: hashes)
      } else if let hashes = hashesBeforeLiteral(UInt8(ascii: "/")), hashes > 0 || regexEnd() != nil {
        scanRegex(hashes: hashes)
      } else if isWord(next) {
        scanWord()
      } else {
        if next == UInt8(ascii: "(") { depth += 1 }
        if next == UInt8(ascii: ")") {
          depth -= 1
          if inInterpolation, depth < 0 { return }
        }
        if next > UInt8(ascii: " ") {
          tokens.append(.init(text: String(UnicodeScalar(next)), line: line, offset: position))
        }
        advance()
      }
    }
  }

  private func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...: true
    default: false
    }
  }

  private mutating func scanWord() {
    let start = position
    while let next = byte(), isWord(next) { position += 1 }
    tokens.append(.init(text: String(decoding: bytes[start..<position], as: UTF8.self), line: line, offset: start))
  }

  private mutating func scanBlockComment() {
    var depth = 0
    repeat {
      if starts("/*") {
        depth += 1
        advance(2)
      } else if starts("*/") {
        depth -= 1
        advance(2)
      } else {
        advance()
      }
    } while depth > 0 && position < bytes.count
  }

  /// How many number signs stand before the given delimiter here; nil when no such literal begins here.
  private func hashesBeforeLiteral(_ delimiter: UInt8) -> Int? {
    var hashes = 0
    while byte(at: hashes) == UInt8(ascii: "#") { hashes += 1 }
    return byte(at: hashes) == delimiter ? hashes : nil
  }

  private func hasHashes(_ count: Int, at offset: Int) -> Bool {
    (0..<count).allSatisfy { byte(at: offset + $0) == UInt8(ascii: "#") }
  }

  private mutating func scanString(hashes: Int) {
    let isMultiline = starts("\"\"\"", at: hashes)
    let quotes = isMultiline ? 3 : 1
    advance(hashes + quotes)
    while let next = byte() {
      if next == UInt8(ascii: "\\"), hasHashes(hashes, at: 1) {
        let opens = byte(at: 1 + hashes) == UInt8(ascii: "(")
        advance(2 + hashes)
        guard opens else { continue }
        scanCode(inInterpolation: true)
        advance()
      } else if isMultiline ? starts("\"\"\"") : next == UInt8(ascii: "\""), hasHashes(hashes, at: quotes) {
        advance(quotes + hashes)
        return
      } else if !isMultiline, next == UInt8(ascii: "\n") {
        return  // a string that is not closed does not compile; the next line is code again
      } else {
        advance()
      }
    }
  }

  /// The offset of the slash that ends a bare regex literal beginning here; nil when this slash divides.
  private func regexEnd() -> Int? {
    guard let first = byte(at: 1), first > UInt8(ascii: " "), first != UInt8(ascii: ")") else { return nil }
    let before = tokens.last.map(\.text) ?? "="
    let operand = before == ")" || before == "]" || before == "}" || before.utf8.allSatisfy(isWord)
    let keyword = ["return", "in", "case", "try", "await", "if", "guard", "while", "where"].contains(before)
    guard !operand || keyword else { return nil }
    var offset = 1
    while let next = byte(at: offset), next != UInt8(ascii: "\n") {
      if next == UInt8(ascii: "/") { return offset }
      offset += next == UInt8(ascii: "\\") ? 2 : 1
    }
    return nil
  }

  private mutating func scanRegex(hashes: Int) {
    if hashes == 0 {
      advance((regexEnd() ?? 0) + 1)
      return
    }
    advance(hashes + 1)
    while let next = byte() {
      if next == UInt8(ascii: "/"), hasHashes(hashes, at: 1) {
        advance(1 + hashes)
        return
      }
      advance(next == UInt8(ascii: "\\") ? 2 : 1)
    }
  }
}
