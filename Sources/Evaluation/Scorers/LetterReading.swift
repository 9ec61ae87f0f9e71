/// The letters of options in a text: where they stand, and which of them the text chooses.
///
/// Every place is looked at once, and no more than a few words around it, so that the work grows with the length of a text.
struct LetterReading {
  /// A letter that stands for an option: no article, and no pronoun.
  struct Place {
    /// In capitals, whatever the text has.
    let letter: String
    let range: Range<Int>
  }

  let text: WordText
  let letters: [String]
  /// What the letters stand for.
  let options: [String]
  /// The places of capital letters, in their order.
  let capitals: [Place]
  /// The letters that the text rejects: "not A", "neither A nor B", "A is wrong", "A: incorrect", "A and B are wrong".
  private(set) var rejected: Set<String> = []
  /// Of each word, the first at it or behind it that is none of `links`.
  private let next: [Int]
  private let (sentenceEnds, verdictSigns): ([Int], [Int])

  /// Words that may stand between a cue and its letter.
  private static let links: Set<String> = ["is", "was", "option", "choice"]

  /// - Complexity: O(text).
  init(_ text: String, _ options: [String]) {
    let text = WordText(strippedLikePython(text))
    self.text = text
    self.options = options
    letters = (0..<min(options.count, 26)).map { String(UnicodeScalar(UInt8(65 + $0))) }
    capitals = letters.flatMap { letter in
      text.ranges(of: letter, caseSensitive: true).map { Place(letter: letter, range: $0) }
    }.filter { !Self.isArticle($0, in: text) }.sorted { $0.range.lowerBound < $1.range.lowerBound }
    next = text.nextWords { !Self.links.contains($0) }
    sentenceEnds = text.places(of: ".!?")
    verdictSigns = text.places(of: ":=")
    rejected = rejectedLetters
  }

  // MARK: - Ways to choose

  /// The letter that the text is but for signs around it.
  var lone: Set<String> {
    func isSign(_ scalar: Unicode.Scalar) -> Bool {
      scalar.properties.isWhitespace || "*_`\"'()[]{}<>.,:;!$#-".unicodeScalars.contains(scalar)
    }
    let core = text.scalars.drop(while: isSign).reversed().drop(while: isSign)
    guard core.count == 1, let letter = core.first else { return [] }
    return Set([String(letter).uppercased()]).intersection(letters)
  }

  /// The letter that the text begins with, set off or with a comma behind it, and those beside it.
  func leading(inAnyCase: Bool) -> Set<String> {
    let start = text.scalars.firstIndex { !"(*[`\"'$#".unicodeScalars.contains($0) } ?? 0
    guard let first = place(at: start), inAnyCase || isCapital(first),
      isSetOff(first.range) || hasComma(first.range) && first.letter != "I" || hasReason(first)
    else { return [] }
    return equals(of: first).subtracting(rejected)
  }

  /// The letter that an answer begins with, unless a later cue takes it back: "A. Wait, the answer is D".
  var cuedAgain: Set<String> {
    let (first, later) = (leading(inAnyCase: true), cued)
    return first.isEmpty || later.isEmpty ? first : later
  }

  /// The letters in `\boxed{B}`, `\boxed{\text{(B)}}` or `\boxed{B. its option}`.
  var boxed: Set<String> {
    guard text.scalars.contains("\\") else { return [] }
    let whole = String(String.UnicodeScalarView(text.scalars))
    let boxes = whole.matches(of: #/\\boxed\{\s*(?:\\[a-z]+\{\s*)?\(?([A-Z])\s*[.:)},]/#)
    return Set(boxes.map { String($0.output.1) }).intersection(letters)
  }

  /// The letter behind the last cue word, with only "is", "was" and signs between, and those beside it.
  var cued: Set<String> {
    let cues = ["answer", "correct option", "correct choice", "best option", "best choice"].flatMap {
      text.ranges(of: $0, caseSensitive: false)
    }
    for cue in cues.sorted(by: { $0.lowerBound > $1.lowerBound }) {
      let found = named(behind: cue)
      if !found.isEmpty { return found }
    }
    return []
  }

  private static let choosing = ["choose", "chose", "select", "selected", "pick", "picked", "go with", "opt for"]
  /// Words before "choose" and the like that make no choice of it.
  private static let hedges: Set<String> = [
    "no", "not", "cannot", "never", "neither", "nor", "without", "than", "might", "may", "could", "tempted",
  ]

  /// The letters behind all "choose", "select" and the like that are meant.
  var chosen: Set<String> {
    let cues = Self.choosing.flatMap { text.ranges(of: $0, caseSensitive: false) }
    return cues.reduce(into: []) { found, cue in
      let before = text.lazyWords(in: text.clause(before: cue.lowerBound)).suffix(3)
      guard !before.contains(where: { Self.hedges.contains($0) || $0.hasSuffix("n't") }) else { return }
      found.formUnion(named(behind: cue))
    }
  }

  /// The letter behind "option" or "choice" where the text begins with that or a colon follows, and no other is named so.
  var optionNamed: Set<String> {
    let cues = ["option", "choice"].flatMap { text.ranges(of: $0, caseSensitive: false) }
    let first = text.scalars.firstIndex(where: WordText.isWord)
    guard cues.contains(where: { $0.lowerBound == first || text.isColon($0.upperBound) }) else { return [] }
    let meant = cues.reduce(into: Set<String>()) { $0.formUnion(named(behind: $1)) }.subtracting(rejected)
    return meant.count == 1 ? meant : []
  }

  /// The letters that are ticked: "[x] B", "B ✓".
  var ticked: Set<String> {
    let marks = CheckMarks(in: text, labels: capitals.map(\.range.lowerBound))
    return Set(capitals.filter { marks.says(of: $0.range) == true }.map(\.letter))
  }

  /// The letters set off anywhere that the text does not reject.
  var setOff: Set<String> {
    Set(capitals.lazy.filter { isSetOff($0.range) }.map(\.letter)).subtracting(rejected)
  }

  /// Whether one of these letters stands beside others as their equal: "Either B or C." sets off the last of a list alone.
  func isListed(_ chosen: Set<String>) -> Bool {
    capitals.contains { place in
      let beside = equals(of: place).subtracting(rejected)
      return beside.count > 1 && !beside.isDisjoint(with: chosen)
    }
  }

  // MARK: - Places

  /// What may follow a letter that is no article: "A because", "A in this case".
  private static let afterLetter: Set<String> = [
    "because", "since", "as", "and", "or", "nor", "is", "was", "are", "were", "not", "but", "based", "due", "given",
    "which", "rather", "with", "in", "on", "for", "from", "by", "at", "to", "would", "seems", "fits", "has", "shows",
    "isn't",
  ]

  private static func isArticle(_ place: Place, in text: WordText) -> Bool {
    let end = place.range.upperBound
    guard place.letter == "A" || place.letter == "I", text.sign(at: end, isOneOf: " "), text.isWord(at: end + 1)
    else { return false }
    return !afterLetter.contains(text.lazyWords(in: text.clause(after: end)).first ?? "")
  }

  /// The letter that stands at `start`, in any case.
  private func place(at start: Int) -> Place? {
    guard text.scalars.indices.contains(start) else { return nil }
    let letter = String(text.scalars[start]).uppercased()
    let place = Place(letter: letter, range: start..<start + 1)
    return letters.contains(letter) && text.isWhole(place.range) && !Self.isArticle(place, in: text) ? place : nil
  }

  /// "D because the QRS is wide".
  private func hasReason(_ place: Place) -> Bool { isCapital(place) && isReason(place.range.upperBound) }

  /// Whether a clause that gives a reason begins at `place`.
  func isReason(_ place: Int) -> Bool {
    ["because", "since"].contains(text.lazyWords(in: text.clause(after: place)).first ?? "")
  }

  private func hasComma(_ range: Range<Int>) -> Bool { text.sign(at: range.upperBound, isOneOf: ",") }

  /// Whether the match is followed by . ) : or stands alone at the end of its line, or in marks of its own: **B**, [B].
  private func isSetOff(_ range: Range<Int>) -> Bool {
    guard text.scalars.indices.contains(range.upperBound) else { return true }
    return text.sign(at: range.upperBound, isOneOf: ".):\n\r") || isMarked(range, "*", "*") || isMarked(range, "`", "`")
      || isMarked(range, "[", "]")
  }

  private func isMarked(_ range: Range<Int>, _ open: String, _ close: String) -> Bool {
    text.sign(at: range.lowerBound - 1, isOneOf: open) && text.sign(at: range.upperBound, isOneOf: close)
  }

  /// The letter that stands behind a cue within its sentence, and those beside it.
  private func named(behind cue: Range<Int>) -> Set<String> {
    let first = text.firstWord(from: cue.upperBound)
    guard first < next.count, case let word = next[first], let start = text.start(ofWord: word),
      start >= cue.upperBound, let found = place(at: start)
    else { return [] }
    let end = sentenceEnds.place(from: cue.upperBound, of: \.self)
    guard end == sentenceEnds.count || sentenceEnds[end] > start, verdict(on: found) != .against else { return [] }
    let isNamed = isCapital(found) || isSmallLetter(found, behind: cue, hasWords: word > first)
    return isNamed ? equals(of: found) : []
  }

  private func isCapital(_ place: Place) -> Bool { ("A"..."Z").contains(text.scalars[place.range.lowerBound]) }

  /// Whether a small letter behind a cue is an option's: parted from the cue, and not the beginning of something else.
  private func isSmallLetter(_ place: Place, behind cue: Range<Int>, hasWords: Bool) -> Bool {
    let range = place.range
    let sign = verdictSigns.place(from: cue.upperBound, of: \.self)
    let hasSign = sign < verdictSigns.count && verdictSigns[sign] < range.lowerBound
    let last = text.lazyWords(in: text.clause(before: range.lowerBound)).last
    // A text cut off behind "the answer is a" has no letter.
    let ends = text.scalars.indices.contains(range.upperBound)
    guard hasSign || last == "option" || last == "choice" || hasWords && (ends || place.letter != "A") else {
      return false
    }
    return isSetOff(range) || hasComma(range)
      || Self.afterLetter.contains(text.lazyWords(in: text.clause(after: range.upperBound)).first ?? "")
  }

  /// A letter with one that stands beside it as its equal: "A or B", "(A) and (B)", "A, B", "A/B".
  private func equals(of place: Place) -> Set<String> {
    guard let start = equal(behind: place.range) else { return [place.letter] }
    let letter = String(text.scalars[start]).uppercased()
    let isSame = !isCapital(place) || ("A"..."Z").contains(text.scalars[start])
    return isSame && letters.contains(letter) ? [place.letter, letter] : [place.letter]
  }
}
