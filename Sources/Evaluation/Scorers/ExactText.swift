/// Substring operations code point by code point, as Python does them.
///
/// Swift compares strings by characters: a label followed by a combining accent, or a line feed after a carriage return,
/// would not be found. UTF-8 is self-synchronising, so a search over bytes is a search over code points.
struct ExactText: Sendable {
  let bytes: [UInt8]

  init(_ text: String) { bytes = Array(text.utf8) }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  var text: String { String(decoding: bytes, as: UTF8.self) }

  /// Whether `needle` occurs; the empty text always does.
  func contains(_ needle: String) -> Bool { first(Array(needle.utf8), from: 0) != nil }

  /// What follows the last occurrence of `mark`; all of it when there is none.
  func afterLast(_ mark: String) -> ExactText {
    let needle = Array(mark.utf8)
    var start = 0
    while let place = first(needle, from: start) { start = place + needle.count }
    return ExactText(bytes: Array(bytes[start...]))
  }

  /// Without any occurrence of `phrase`.
  func removing(_ phrase: String) -> ExactText {
    let needle = Array(phrase.utf8)
    var kept: [UInt8] = []
    var start = 0
    while let place = first(needle, from: start) {
      kept += bytes[start..<place]
      start = place + needle.count
    }
    return ExactText(bytes: kept + bytes[start...])
  }

  /// The pieces between commas, empty ones included.
  func splitAtCommas() -> [String] {
    bytes.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
  }

  /// Where `needle` next begins at or after `start`. - Complexity: O(bytes * needle).
  private func first(_ needle: [UInt8], from start: Int) -> Int? {
    guard start <= bytes.count - needle.count else { return nil }
    return (start...(bytes.count - needle.count)).first { place in
      needle.indices.allSatisfy { bytes[place + $0] == needle[$0] }
    }
  }
}

/// Without white space at both ends, by Python's notion of white space.
func strippedLikePython(_ text: String) -> String {
  func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
  }
  let scalars = text.unicodeScalars
  guard let first = scalars.firstIndex(where: { !isSpace($0) }), let last = scalars.lastIndex(where: { !isSpace($0) })
  else { return "" }
  return String(scalars[first...last])
}
