/// Letters that stand side by side.
extension LetterReading {
  private static let (opening, closing) = ("([*$", ".)]*}$")

  /// Where the letter stands that is the equal of the one before it: behind "or", "and", a stroke, or in a list with commas.
  ///
  /// - Complexity: O(signs and spaces between the two).
  func equal(behind range: Range<Int>) -> Int? {
    let end = skip(range.upperBound, signs: Self.closing)
    return joined(from: end) ?? listed(from: end)
  }

  /// "or B", ", and option (B)", "/ B".
  private func joined(from end: Int) -> Int? {
    let comma = text.sign(at: end, isOneOf: ",") ? end + 1 : end
    let word = skipSpace(comma)
    let stroke = skipSpace(end)
    var start: Int
    if word > comma, let behind = ["or", "and"].compactMap({ behindWord($0, at: word) }).first,
      skipSpace(behind) > behind
    {
      start = skipSpace(behind)
    } else if text.sign(at: stroke, isOneOf: "/&") {
      start = skipSpace(stroke + 1)
    } else {
      return nil
    }
    if let behind = behindWord("option", at: start), skipSpace(behind) > behind { start = skipSpace(behind) }
    start = skip(start, signs: Self.opening)
    return isLetter(start) && !text.isWord(at: start + 1) && !text.sign(at: start + 1, isOneOf: "'-") ? start : nil
  }

  /// ", B", where something else follows than the rest of a sentence.
  private func listed(from end: Int) -> Int? {
    guard text.sign(at: end, isOneOf: ",") else { return nil }
    let start = skip(skipSpace(end + 1), signs: Self.opening)
    guard isLetter(start), !text.isWord(at: start + 1) else { return nil }
    let behind = skip(start + 1, signs: Self.closing)
    let next = skipSpace(behind)
    let goesOn =
      text.holds(start + 1..<behind, ".") || next == text.scalars.count || text.sign(at: next, isOneOf: ".,;:")
      || behindWord("or", at: next) != nil || behindWord("and", at: next) != nil
    return goesOn ? start : nil
  }

  private func isLetter(_ place: Int) -> Bool {
    guard text.scalars.indices.contains(place) else { return false }
    return ("a"..."z").contains(text.scalars[place]) || ("A"..."Z").contains(text.scalars[place])
  }

  /// Where a word ends that stands at `place` in small letters; nil where it does not.
  private func behindWord(_ word: String, at place: Int) -> Int? {
    let end = place + word.unicodeScalars.count
    guard end <= text.scalars.count, text.scalars[place..<end].elementsEqual(word.unicodeScalars),
      !text.isWord(at: end)
    else { return nil }
    return end
  }

  private func skipSpace(_ place: Int) -> Int { text.rest(after: place).lowerBound }

  func skip(_ place: Int, signs: String) -> Int {
    text.scalars[place...].firstIndex { !signs.unicodeScalars.contains($0) } ?? text.scalars.count
  }
}
