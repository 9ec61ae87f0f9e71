extension DefaultScorer {
  /// A place where a text names a label.
  struct Mention {
    let entry: Vocabulary.Entry
    let range: Range<Int>
  }

  /// The mentions that a text makes of itself, by the words before them, between them and behind them (`MentionReading`).
  static func asserted(_ mentions: [Mention], in text: WordText, _ vocabulary: Vocabulary) -> [Mention] {
    MentionReading(mentions, in: text, vocabulary).asserted
  }

  private static let negators: Set<String> = [
    "no", "not", "without", "neither", "nor", "negative", "absent", "never", "cannot",
  ]
  /// What makes of a negator before it something else than a denial: "not only", "no doubt", "cannot exclude".
  private static let harmless: Set<String> = [
    "only", "merely", "just", "solely", "simply", "doubt", "exclude", "rule", "free", "lack", "lacking",
  ]
  /// What ends a denial within its clause: "no MI but CD", "it cannot be excluded that".
  private static let turns: Set<String> = [
    "but", "however", "rather", "yet", "whereas", "instead", "although", "though", "while", "except", "besides",
    "doubt", "excluded", "ruled",
  ]
  /// Two words that deny what follows.
  private static let denyingPairs: Set<[String]> = [["rather", "than"], ["instead", "of"], ["anything", "but"]]
  /// Two words that deny what follows unless they are negated themselves: "rule out MI", but "cannot rule out MI".
  private static let excludingPairs: Set<[String]> = [
    ["rule", "out"], ["ruled", "out"], ["ruling", "out"], ["r", "o"],
  ]
  private static let reversing: Set<String> = [
    "not", "cannot", "never", "nor", "without", "unable", "difficult", "hard", "impossible",
  ]
  /// Words before which the negation of them is looked at, too, where a denial's reach ends at them: "no evidence for", "rule
  /// out".
  private static let linking: Set<String> = [
    "a", "an", "any", "of", "for", "evidence", "sign", "signs", "indication", "indications", "suggestion", "out",
  ]
  /// How many words before a mention are looked at for a denial, at the most.
  static let farthest = 12
  /// What denies the next words alone: "absence of CD", but "absence of P waves, which is AF".
  private static let lacking: Set<String> = ["lack", "lacks", "lacking", "absence"]
  /// Two words that end a denial: "no abnormality other than CD".
  private static let turningPairs: Set<[String]> = [["other", "than"], ["apart", "from"], ["aside", "from"]]
  /// Verbs behind which a sentence has another object.
  static let showingVerbs: Set<String> = [
    "there", "shows", "show", "showed", "reveals", "demonstrates", "indicates", "suggests",
  ]
  /// Verbs that a clause may have before what it denies: "there is no MI".
  static let clauseVerbs = showingVerbs.union([
    "is", "are", "was", "were", "has", "have", "had", "see", "find", "found",
  ])

  static func isNegator(_ word: String, _ vocabulary: Vocabulary) -> Bool {
    negators.contains(word) || word.hasSuffix("n't") || vocabulary.furtherNegators.contains(word)
  }

  /// The last words, as many as a denial reaches over. - Complexity: O(1).
  static func near(_ words: [String], _ vocabulary: Vocabulary) -> [String] {
    let last = words.suffix(farthest)
    var start = max(last.startIndex, last.endIndex - vocabulary.reach)
    while start > last.startIndex, linking.contains(last[start]) { start -= 1 }
    return Array(last[start...])
  }

  /// Whether words deny what comes right behind them, and no more: "free of", "lack of any", "unlikely" as the first word.
  private static func denyTheNext(_ words: [String]) -> Bool {
    let last = words.suffix(farthest).reversed().drop { ["a", "an", "any", "the", "signs", "evidence"].contains($0) }
    guard let word = last.first else { return false }
    if word == "unlikely" { return words.count == 1 }
    let behind = ["of", "from"].contains(word) ? last.dropFirst() : last
    guard let lack = behind.first, lacking.contains(lack) || lack == "free" && word != lack else { return false }
    let before = behind.dropFirst().first ?? ""
    return !negators.contains(before) && !before.hasSuffix("n't")
  }

  /// Whether words deny what follows them: the last of those in reach that denies is not turned by one behind it.
  static func denyWhatFollows(_ words: [String], _ vocabulary: Vocabulary) -> Bool {
    if denyTheNext(words) { return true }
    let near = near(words, vocabulary)
    var (isDenying, isPair) = (false, false)
    var place = 0
    while place < near.count {
      let word = near[place]
      let next = place + 1 < near.count ? near[place + 1] : ""
      place += 1
      if denyingPairs.contains([word, next]) {
        (isDenying, isPair) = (true, true)
        place += 1
      } else if turningPairs.contains([word, next]) {
        isDenying = false
        place += 1
      } else if excludingPairs.contains([word, next]) {
        let before = words.suffix(farthest).dropLast(near.count - place + 1)
        let isReversed = before.contains { reversing.contains($0) || $0.hasSuffix("n't") }
        (isDenying, isPair) = (!isReversed, false)
        place += 1
      } else if isNegator(word, vocabulary) {
        if !harmless.contains(next) { (isDenying, isPair) = (true, false) }
      } else if turns.contains(word) {
        // "not yet MI" denies.
        isDenying = isDenying && word == "yet" && place > 1 && near[place - 2] == "not"
      } else if isPair, clauseVerbs.contains(word) {
        // "Instead of MI it shows CD".
        isDenying = false
      }
    }
    return isDenying
  }
}
