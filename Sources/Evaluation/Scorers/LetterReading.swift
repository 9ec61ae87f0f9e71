/// The letters of options in a text: where they stand, and which of them the text chooses or rejects.
struct LetterReading {
  private let text: WordText
  private let letters: [String]

  init(_ text: String, _ letters: [String]) {
    self.text = WordText(strippedLikePython(text))
    self.letters = letters
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
    for letter in letters {
      let found = places(of: letter, inAnyCase: inAnyCase).first { $0.lowerBound == start }
      guard let found, isSetOff(found) || hasComma(found) && letter != "I" else { continue }
      return equals(of: found, letter).subtracting(rejected)
    }
    return []
  }

  /// The letters in `\boxed{B}`, `\boxed{\text{(B)}}` or `\boxed{B. its option}`.
  var boxed: Set<String> {
    let whole = String(String.UnicodeScalarView(text.scalars))
    let boxes = whole.matches(of: #/\\boxed\{\s*(?:\\[a-z]+\{\s*)?\(?([A-Z])\s*[.:)},]/#)
    return Set(boxes.map { String($0.output.1) }).intersection(letters)
  }

  /// The letter behind the last cue word, with only "is", "was" and signs between, and those beside it.
  var cued: Set<String> {
    let cues = ["answer", "correct option", "correct choice"].flatMap { text.ranges(of: $0, caseSensitive: false) }
    for cue in cues.sorted(by: { $0.lowerBound > $1.lowerBound }) {
      let found = named(behind: cue)
      if !found.isEmpty { return found }
    }
    return []
  }

  /// Words before "choose" or "select" that make no choice of it.
  private static let hedges: Set<String> = [
    "no", "not", "cannot", "never", "neither", "nor", "without", "than", "might", "may", "could", "tempted",
  ]

  /// The letters behind all "choose" and "select" that are meant.
  var chosen: Set<String> {
    let cues = ["choose", "chose", "select", "selected"].flatMap { text.ranges(of: $0, caseSensitive: false) }
    return cues.reduce(into: []) { found, cue in
      let before = text.words(in: text.clause(before: cue.lowerBound)).suffix(3)
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

  /// The letters set off anywhere that the text does not reject.
  var setOff: Set<String> {
    let found = letters.filter { letter in places(of: letter, inAnyCase: false).contains(where: isSetOff) }
    return Set(found).subtracting(rejected)
  }

  /// Whether one of these letters stands beside others as their equal: "Either B or C." sets off the last of a list alone.
  func isListed(_ chosen: Set<String>) -> Bool {
    letters.contains { letter in
      places(of: letter, inAnyCase: false).contains { range in
        let beside = equals(of: range, letter).subtracting(rejected)
        return beside.count > 1 && !beside.isDisjoint(with: chosen)
      }
    }
  }

  // MARK: - Places

  /// What may follow a letter that is no article: "A because", "A in this case".
  private static let afterLetter: Set<String> = [
    "because", "since", "as", "and", "or", "nor", "is", "was", "not", "but", "based", "due", "given", "which", "rather",
    "with", "in", "on", "for", "from", "by", "at", "to", "would", "seems", "fits", "has", "shows", "isn't",
  ]

  /// Where a letter stands for an option: no article, and no pronoun.
  private func places(of letter: String, inAnyCase: Bool) -> [Range<Int>] {
    text.ranges(of: letter, caseSensitive: !inAnyCase).filter { range in
      guard letter == "A" || letter == "I", text.scalars.indices.contains(range.upperBound + 1),
        text.scalars[range.upperBound] == " ", WordText.isWord(text.scalars[range.upperBound + 1])
      else { return true }
      return Self.afterLetter.contains(text.words(in: text.clause(after: range.upperBound)).first ?? "")
    }
  }

  private func sign(at place: Int, isOneOf signs: String) -> Bool {
    text.scalars.indices.contains(place) && signs.unicodeScalars.contains(text.scalars[place])
  }

  private func hasComma(_ range: Range<Int>) -> Bool { sign(at: range.upperBound, isOneOf: ",") }

  /// Whether the match is followed by . ) : or stands alone at the end of its line, or in marks of its own: **B**, [B].
  private func isSetOff(_ range: Range<Int>) -> Bool {
    guard text.scalars.indices.contains(range.upperBound) else { return true }
    return sign(at: range.upperBound, isOneOf: ".):\n\r") || isMarked(range, "*", "*") || isMarked(range, "`", "`")
      || isMarked(range, "[", "]")
  }

  private func isMarked(_ range: Range<Int>, _ open: String, _ close: String) -> Bool {
    sign(at: range.lowerBound - 1, isOneOf: open) && sign(at: range.upperBound, isOneOf: close)
  }

  /// The letter that stands behind a cue within its sentence, and those beside it.
  private func named(behind cue: Range<Int>) -> Set<String> {
    for letter in letters {
      let follows = places(of: letter, inAnyCase: true).first { range in
        guard range.lowerBound >= cue.upperBound else { return false }
        let between = cue.upperBound..<range.lowerBound
        let words = text.words(in: between)
        guard words.allSatisfy({ ["is", "was", "option", "choice"].contains($0) }),
          !text.scalars[between].contains(where: { ".!?".unicodeScalars.contains($0) }), !isRejectedBehind(range)
        else { return false }
        return isCapital(range) || isSmallLetter(range, between, words)
      }
      if let follows { return equals(of: follows, letter) }
    }
    return []
  }

  private func isCapital(_ range: Range<Int>) -> Bool { ("A"..."Z").contains(text.scalars[range.lowerBound]) }

  /// Whether a small letter behind a cue is an option's: parted from the cue, and not the beginning of something else.
  private func isSmallLetter(_ range: Range<Int>, _ between: Range<Int>, _ words: [String]) -> Bool {
    let hasSign = text.scalars[between].contains { ":=".unicodeScalars.contains($0) }
    let isNamed = text.words(in: text.clause(before: range.lowerBound)).last.map { ["option", "choice"].contains($0) }
    // A text cut off behind "the answer is a" has no letter.
    let ends = text.scalars.indices.contains(range.upperBound)
    guard hasSign || isNamed == true || !words.isEmpty && (ends || text.scalars[range.lowerBound] != "a") else {
      return false
    }
    return isSetOff(range) || hasComma(range)
      || Self.afterLetter.contains(text.words(in: text.clause(after: range.upperBound)).first ?? "")
  }

  /// A letter with those that stand beside it as its equals: "A or B", "(A) and (B)", "A, B", "A/B".
  private func equals(of range: Range<Int>, _ letter: String) -> Set<String> {
    let rest = String(String.UnicodeScalarView(text.scalars[range.upperBound...]))
    let joined = #/^[.)\]*}$]*(?:,?\s+(?:or|and)\s+|\s*[\/&]\s*)(?:option\s+)?[(\[*$]*([A-Za-z])(?![\w'-])/#
    let listed = #/^[.)\]*}$]*,\s*[(\[*$]*([A-Za-z])[.)\]*}$]*(?=\s*(?:$|[.,;:]|(?:or|and)\b))/#
    guard let other = (rest.firstMatch(of: joined)?.output.1 ?? rest.firstMatch(of: listed)?.output.1).map(String.init),
      !isCapital(range) || other == other.uppercased(), letters.contains(other.uppercased())
    else { return [letter] }
    return [letter, other.uppercased()]
  }

  // MARK: - Rejected letters

  /// The letters that the text rejects: "not A", "neither A nor B", "A is wrong", "A: incorrect".
  private var rejected: Set<String> {
    Set(
      letters.filter { letter in
        places(of: letter, inAnyCase: false).contains { isRejectedBefore($0) || isRejectedBehind($0) }
      })
  }

  private func isRejectedBefore(_ range: Range<Int>) -> Bool {
    var words = text.words(in: text.clause(before: range.lowerBound))
    // "Not option A", "not A or B".
    while let last = words.last, ["option", "choice", "answer", "letter", "the"].contains(last) { words.removeLast() }
    while words.count > 1, words.last == "or", letters.contains(words[words.count - 2].uppercased()) {
      words.removeLast(2)
    }
    guard let last = words.last else { return false }
    let pair = Array(words.suffix(2))
    return ["not", "nor", "neither"].contains(last) || last.hasSuffix("n't") || pair == ["rather", "than"]
      || pair == ["instead", "of"]
  }

  private static let wrong: Set<String> = [
    "wrong", "incorrect", "false", "excluded", "unlikely", "implausible", "impossible",
  ]
  /// What a letter is not that is none.
  private static let right: Set<String> = [
    "correct", "right", "true", "the", "supported", "present", "seen", "likely", "possible", "plausible", "consistent",
  ]
  private static let verbs: Set<String> = [
    "is", "was", "seems", "appears", "would", "be", "clearly", "therefore", "thus",
  ]

  private func isRejectedBehind(_ range: Range<Int>) -> Bool {
    let start = text.scalars[range.upperBound...].firstIndex {
      $0 != " " && !".)]*:`".unicodeScalars.contains($0)
    }
    guard let start else { return false }
    let words = text.words(in: text.clause(after: start))
    let said = words.drop(while: Self.verbs.contains)
    guard let first = said.first else { return false }
    // An option may itself begin with such a word: "A. Incorrect lead placement".
    let hasVerb = said.startIndex > 0
    let hasColon = text.scalars[range.upperBound..<start].contains(":")
    if Self.wrong.contains(first) { return hasVerb || hasColon && words.count == 1 }
    return (hasVerb && first == "not" || first == "isn't") && Self.right.contains(said.dropFirst().first ?? "")
  }
}
