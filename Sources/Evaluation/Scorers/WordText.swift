/// A text searched for phrases at word boundaries.
///
/// A word is a run of letters, digits and underscores; a hyphen between two words joins them, so "non-MI" and "I-AVB" are
/// one word each. Matching is code point by code point, on simple lower case where asked for.
struct WordText: Sendable {
  let scalars: [Unicode.Scalar]
  private let lowered: [Unicode.Scalar]

  init(_ text: String) {
    scalars = Array(text.unicodeScalars)
    lowered = scalars.map(Self.lower)
  }

  /// Where `phrase` occurs as whole words.
  func ranges(of phrase: String, caseSensitive: Bool) -> [Range<Int>] {
    let needle = caseSensitive ? Array(phrase.unicodeScalars) : phrase.unicodeScalars.map(Self.lower)
    let text = caseSensitive ? scalars : lowered
    guard !needle.isEmpty, needle.count <= text.count else { return [] }
    return (0...(text.count - needle.count)).compactMap { start in
      let range = start..<start + needle.count
      guard needle.indices.allSatisfy({ text[start + $0] == needle[$0] }), isWhole(range) else { return nil }
      return range
    }
  }

  /// The same text with a single long word in place of each stretch, at the same places.
  func hiding(_ ranges: [Range<Int>]) -> WordText {
    var hidden = scalars
    for range in ranges { hidden.replaceSubrange(range, with: repeatElement("_", count: range.count)) }
    return WordText(String(String.UnicodeScalarView(hidden)))
  }

  /// The lower-cased words of a stretch, in order.
  func words(in range: Range<Int>) -> [String] {
    lowered[range].split { !Self.isWord($0) && $0 != "'" }.map { part in
      String(String.UnicodeScalarView(part))
    }
  }

  /// The stretch of the clause around `place`, up to it: from behind the last of . , ; : ! ? | and line ends.
  func clause(before place: Int) -> Range<Int> {
    let start = scalars[..<place].lastIndex { ".,;:!?|\n\r".unicodeScalars.contains($0) }
    return (start.map { $0 + 1 } ?? 0)..<place
  }

  /// The stretch from `place` to the end of its clause.
  func clause(after place: Int) -> Range<Int> {
    place..<(scalars[place...].firstIndex { ".,;:!?|\n\r".unicodeScalars.contains($0) } ?? scalars.count)
  }

  /// The text from `place` on, white space skipped.
  func rest(after place: Int) -> Range<Int> {
    let start = scalars[place...].firstIndex { !$0.properties.isWhitespace } ?? scalars.count
    return start..<scalars.count
  }

  func isColon(_ place: Int) -> Bool { scalars.indices.contains(place) && scalars[place] == ":" }

  private func isWhole(_ range: Range<Int>) -> Bool {
    !joins(range.lowerBound - 1, range.lowerBound - 2) && !joins(range.upperBound, range.upperBound + 1)
  }

  /// Whether the neighbour continues the word: it is a word's scalar, or a hyphen with one behind it.
  private func joins(_ neighbour: Int, _ beyond: Int) -> Bool {
    guard scalars.indices.contains(neighbour) else { return false }
    if Self.isWord(scalars[neighbour]) { return true }
    return scalars[neighbour] == "-" && scalars.indices.contains(beyond) && Self.isWord(scalars[beyond])
  }

  static func isWord(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isAlphabetic || scalar.properties.numericType != nil || scalar == "_"
  }

  /// Simple lower case, so that places stay the same.
  private static func lower(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    let mapped = scalar.properties.lowercaseMapping.unicodeScalars
    guard let first = mapped.first, mapped.count == 1 else { return scalar }
    return first
  }
}
