import Corpus

extension DefaultScorer {
  /// The letter chosen from `options` (lettered A, B, ... in order); nil where none, or more than one, can be read.
  ///
  /// In order: what stands behind "Answer:" begins with a letter; a letter in `\boxed{}`; a letter behind the last "answer",
  /// "correct option" or "correct choice"; a letter behind "choose" or "select"; the text begins with a letter set off ("B.",
  /// "(B)", "B:"); the only letter set off anywhere; the only option named in full. The first of these that finds letters
  /// decides; where it finds several ("A or B", two boxes that differ) nothing is read.
  public static func letter(in text: String, options: [String]) -> String? {
    let letters = (0..<min(options.count, 26)).map { String(UnicodeScalar(UInt8(65 + $0))) }
    let reading = WordText(text)
    let answer = answer(in: text)
    let ways: [() -> Set<String>] = [
      { answer == text ? [] : leadingLetters(of: answer, letters) }, { boxedLetters(in: answer, letters) },
      { boxedLetters(in: text, letters) }, { cuedLetters(in: reading, letters) },
      { chosenLetters(in: reading, letters) },
      { leadingLetters(of: text, letters) },
    ]
    for way in ways {
      let found = way()
      if !found.isEmpty { return found.count == 1 ? found.first : nil }
    }
    let setOff = Set(
      letters.filter { letter in
        reading.ranges(of: letter, caseSensitive: true).contains { reading.isSetOff($0) }
      })
    if setOff.count == 1 {
      // "Either B or C." sets off the last of a list alone.
      let listed = letters.contains { letter in
        reading.ranges(of: letter, caseSensitive: true).contains { range in
          let equals = alternatives(range, letter, in: reading, letters)
          return equals.count > 1 && !equals.isDisjoint(with: setOff)
        }
      }
      return listed ? nil : setOff.first
    }
    let named = Self.options(options, in: text)
    guard setOff.isEmpty, named.count == 1, let only = named.first, let place = options.firstIndex(of: only),
      letters.indices.contains(place)
    else { return nil }
    return letters[place]
  }

  /// The letter that a text begins with, and those beside it.
  private static func leadingLetters(of text: String, _ letters: [String]) -> Set<String> {
    let reading = WordText(strippedLikePython(text))
    let start = reading.scalars.first == "(" ? 1 : 0
    for letter in letters {
      guard let range = reading.ranges(of: letter, caseSensitive: true).first, range.lowerBound == start,
        range.upperBound == reading.scalars.count || reading.isSetOff(range)
      else { continue }
      return alternatives(range, letter, in: reading, letters)
    }
    return []
  }

  /// The letters in `\boxed{B}`, `\boxed{\text{(B)}}` or `\boxed{B. its option}`.
  private static func boxedLetters(in text: String, _ letters: [String]) -> Set<String> {
    let boxes = text.matches(of: #/\\boxed\{\s*(?:\\[a-z]+\{\s*)?\(?([A-Z])\s*[.:)},]/#)
    return Set(boxes.map { String($0.output.1) }).intersection(letters)
  }

  /// The letter behind the last cue word, with only "is", "was" and signs between, and those beside it.
  private static func cuedLetters(in reading: WordText, _ letters: [String]) -> Set<String> {
    let cues = ["answer", "correct option", "correct choice"].flatMap { reading.ranges(of: $0, caseSensitive: false) }
    for cue in cues.sorted(by: { $0.lowerBound > $1.lowerBound }) {
      let found = Self.letters(behind: cue, in: reading, letters)
      if !found.isEmpty { return found }
    }
    return []
  }

  /// Words before "choose" or "select" that make no choice of it.
  private static let hedges: Set<String> = [
    "no", "not", "cannot", "never", "neither", "nor", "without", "than", "might", "may", "could", "tempted",
  ]

  /// The letters behind all "choose" and "select" that are meant.
  private static func chosenLetters(in reading: WordText, _ letters: [String]) -> Set<String> {
    let cues = ["choose", "chose", "select", "selected"].flatMap { reading.ranges(of: $0, caseSensitive: false) }
    return cues.reduce(into: []) { found, cue in
      let before = reading.words(in: reading.clause(before: cue.lowerBound)).suffix(3)
      guard !before.contains(where: { hedges.contains($0) || $0.hasSuffix("n't") }) else { return }
      found.formUnion(Self.letters(behind: cue, in: reading, letters))
    }
  }

  /// The letter that stands behind a cue within its sentence, and those beside it.
  private static func letters(behind cue: Range<Int>, in reading: WordText, _ letters: [String]) -> Set<String> {
    for letter in letters {
      let follows = reading.ranges(of: letter, caseSensitive: true).first { range in
        guard range.lowerBound >= cue.upperBound else { return false }
        let between = cue.upperBound..<range.lowerBound
        return reading.isOneSentence(between)
          && reading.words(in: between).allSatisfy { ["is", "was", "option", "choice"].contains($0) }
      }
      if let follows { return alternatives(follows, letter, in: reading, letters) }
    }
    return []
  }

  /// A letter with those that stand beside it as its equals: "A or B", "(A) and (B)", "A, B", "A/B".
  private static func alternatives(
    _ range: Range<Int>, _ letter: String, in reading: WordText, _ letters: [String]
  ) -> Set<String> {
    let rest = String(String.UnicodeScalarView(reading.scalars[range.upperBound...]))
    let joined = #/^[.)\]*}$]*(?:,?\s+(?:or|and)\s+|\s*[\/&]\s*)(?:option\s+)?[(\[*$]*([A-Z])(?![\w'-])/#
    let listed = #/^[.)\]*}$]*,\s*[(\[*$]*([A-Z])[.)\]*}$]*(?=\s*(?:$|[.,;:]|(?:or|and)\b))/#
    let other = rest.firstMatch(of: joined)?.output.1 ?? rest.firstMatch(of: listed)?.output.1
    return Set([letter] + [other.map(String.init)].compactMap { $0 }.filter(letters.contains))
  }
}

extension WordText {
  /// Whether the match is followed by . ) : or stands alone at the end of its line.
  fileprivate func isSetOff(_ range: Range<Int>) -> Bool {
    guard scalars.indices.contains(range.upperBound) else { return true }
    return ".):\n\r".unicodeScalars.contains(scalars[range.upperBound])
  }

  fileprivate func isOneSentence(_ range: Range<Int>) -> Bool {
    !scalars[range].contains { ".!?".unicodeScalars.contains($0) }
  }
}
