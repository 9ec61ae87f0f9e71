extension DefaultScorer {
  /// An answer to a question that can be answered by yes or no.
  public enum Verdict: String, Sendable, Codable { case yes, no, notSure = "not sure" }

  /// The verdict of a text; nil where it gives none or both.
  ///
  /// "not sure" anywhere; else a leading yes or no; else whichever of the two occurs as a word alone.
  public static func verdict(in text: String) -> Verdict? {
    let reading = WordText(answer(in: text))
    if !reading.ranges(of: "not sure", caseSensitive: false).isEmpty { return .notSure }
    let words = reading.words(in: 0..<reading.scalars.count)
    if let first = words.first.flatMap({ Verdict(rawValue: $0) }) { return first }
    switch (words.contains("yes"), words.contains("no")) {
    case (true, false): return .yes
    case (false, true): return .no
    default: return nil
    }
  }

  /// The options a text names; empty where it names none.
  ///
  /// Whole words in any case, the longest option first: words that belong to a longer option do not also name a shorter
  /// one inside it. Where all options are yes, no or not sure, the verdict of the text.
  public static func options(_ options: [String], in text: String) -> Set<String> {
    if !options.isEmpty, options.allSatisfy({ Verdict(rawValue: $0.lowercased()) != nil }) {
      let verdict = verdict(in: text)?.rawValue
      return Set(options.filter { $0.lowercased() == verdict })
    }
    let reading = WordText(answer(in: text))
    var taken: [Range<Int>] = []
    var found = Set<String>()
    for option in options.sorted(by: { ($0.unicodeScalars.count, $1) > ($1.unicodeScalars.count, $0) }) {
      for range in reading.ranges(of: option, caseSensitive: false)
      where !taken.contains(where: { $0.overlaps(range) }) {
        taken.append(range)
        found.insert(option)
      }
    }
    return found
  }

  /// The options listed in a prompt behind the last "Options:", cut at commas outside parentheses.
  ///
  /// The instruction sentence behind them is left out. Empty where the prompt lists none.
  public static func options(inPrompt prompt: String) -> [String] {
    let exact = ExactText(prompt)
    guard exact.contains("Options:") else { return [] }
    let list = exact.afterLast("Options:").removing("Only answer based on the given Options without any explanation.")
    var pieces = [""]
    var depth = 0
    for character in list.text {
      if character == "(" { depth += 1 }
      if character == ")" { depth = max(0, depth - 1) }
      if character == ",", depth == 0 { pieces.append("") } else { pieces[pieces.count - 1].append(character) }
    }
    return pieces.map(strippedLikePython).filter { !$0.isEmpty }
  }

  /// Whether a text names exactly the reference answers, letter case aside; no reference answer stands for "none".
  public static func isCorrect(options: [String], text: String, gold: [String]) -> Bool {
    let named = Set(Self.options(options, in: text).map { $0.lowercased() })
    return named == Set(gold.isEmpty ? ["none"] : gold.map { $0.lowercased() })
  }

  /// The letter chosen from `options` (lettered A, B, ... in order); nil where none, or more than one, can be read.
  ///
  /// In order: what stands behind "Answer:" begins with a letter; a letter behind the last "answer", "correct option" or
  /// "correct choice"; the text begins with a letter set off ("B.", "(B)", "B:"); the only letter set off anywhere; the
  /// only option named in full.
  public static func letter(in text: String, options: [String]) -> String? {
    let letters = (0..<min(options.count, 26)).map { String(UnicodeScalar(UInt8(65 + $0))) }
    let reading = WordText(text)
    let answer = answer(in: text)
    if answer != text, let letter = leadingLetter(of: answer, letters) { return letter }
    if let letter = cuedLetter(in: reading, letters) { return letter }
    if let letter = leadingLetter(of: text, letters) { return letter }
    let setOff = Set(
      letters.filter { letter in
        reading.ranges(of: letter, caseSensitive: true).contains { reading.isSetOff($0) }
      })
    if setOff.count == 1 { return setOff.first }
    let named = Self.options(options, in: text)
    guard setOff.isEmpty, named.count == 1, let only = named.first, let place = options.firstIndex(of: only),
      letters.indices.contains(place)
    else { return nil }
    return letters[place]
  }

  private static func leadingLetter(of text: String, _ letters: [String]) -> String? {
    let reading = WordText(strippedLikePython(text))
    let start = reading.scalars.first == "(" ? 1 : 0
    return letters.first { letter in
      reading.ranges(of: letter, caseSensitive: true).first.map {
        $0.lowerBound == start && ($0.upperBound == reading.scalars.count || reading.isSetOff($0))
      } ?? false
    }
  }

  /// The letter behind the last cue word, with only "is", "was" and signs between.
  private static func cuedLetter(in reading: WordText, _ letters: [String]) -> String? {
    let cues = ["answer", "correct option", "correct choice"].flatMap { reading.ranges(of: $0, caseSensitive: false) }
    for cue in cues.sorted(by: { $0.lowerBound > $1.lowerBound }) {
      for letter in letters {
        let follows = reading.ranges(of: letter, caseSensitive: true).contains { range in
          guard range.lowerBound >= cue.upperBound else { return false }
          let between = cue.upperBound..<range.lowerBound
          return reading.isOneSentence(between)
            && reading.words(in: between).allSatisfy { ["is", "was", "option", "choice"].contains($0) }
        }
        if follows { return letter }
      }
    }
    return nil
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
