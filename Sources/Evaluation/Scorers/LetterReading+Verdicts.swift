/// What a text says of the letters that it names: that they are right, or wrong.
extension LetterReading {
  enum Verdict { case inFavour, against }

  /// The letters, none of them rejected, that the text calls right or sets against one that it rejects: "C is correct", "it is
  /// C, not A", "C and not D".
  var meant: Set<String> {
    let found = capitals.indices.filter { isCalledRight(capitals[$0]) || isContrasted($0) }
    return Set(found.map { capitals[$0].letter }).subtracting(rejected)
  }

  /// As `rejected`; once, from the last letter to the first.
  var rejectedLetters: Set<String> {
    var found: Set<String> = []
    // Where the list goes on whose last letter is said to be wrong with all of the others.
    var list: Int?
    for place in capitals.reversed() {
      let verdict = verdict(on: place)
      let isOfList = list != nil && equal(behind: place.range) == list
      if verdict == .against || isOfList || isRejectedBefore(place) { found.insert(place.letter) }
      list = isOfList || verdict == .against && isOfSeveral(place) ? place.range.lowerBound : nil
    }
    return found
  }

  // MARK: - Before a letter

  /// What may stand before a letter and says what it is.
  private static let titles: Set<String> = ["option", "choice", "answer", "letter", "the"]

  private func isRejectedBefore(_ place: Place) -> Bool {
    let before = text.lazyWords(in: text.clause(before: place.range.lowerBound))
    var words = before.reversed().prefix(2 * letters.count + 8).makeIterator()
    // "Not option A", "not A or B".
    var last = words.next()
    while let word = last, Self.titles.contains(word) { last = words.next() }
    while last == "or", let letter = words.next(), letters.contains(letter.uppercased()) { last = words.next() }
    guard let last else { return false }
    // "Rather than A", "more likely than A", but not "none other than A" or "less likely than A".
    if last == "than" { return words.next() != "other" && words.next() != "less" }
    return ["not", "nor", "neither"].contains(last) || last.hasSuffix("n't")
      || last == "of" && words.next() == "instead"
  }

  /// What may stand between a letter and one that it is set against, beside the negation of that.
  private static let contrasts = titles.union(["and", "but", "not", "rather", "than", "instead", "of", "certainly"])

  /// Whether the next letter is set against this one: "C, not A", "C rather than option A".
  private func isContrasted(_ index: Int) -> Bool {
    guard index + 1 < capitals.count, isRejectedBefore(capitals[index + 1]) else { return false }
    let between = capitals[index].range.upperBound..<capitals[index + 1].range.lowerBound
    return text.lazyWords(in: between).allSatisfy(Self.contrasts.contains) && !text.holds(between, ".;:!?|/\n\r")
  }

  // MARK: - Behind a letter

  private static let wrong: Set<String> = [
    "wrong", "incorrect", "false", "excluded", "unlikely", "implausible", "impossible",
  ]
  /// What a letter is not that is none.
  private static let right: Set<String> = [
    "correct", "right", "true", "the", "supported", "present", "seen", "likely", "possible", "plausible", "consistent",
  ]
  private static let verbs: Set<String> = [
    "is", "was", "are", "were", "seems", "appears", "would", "be", "both", "all", "clearly", "therefore", "thus",
    "can",
  ]
  /// Words before a letter that make no verdict of one behind it.
  private static let doubts: Set<String> = [
    "not", "cannot", "never", "no", "neither", "nor", "doubt", "whether", "if", "unless", "hardly", "might", "may",
    "could",
  ]
  /// What may follow "C is right" but for the end of its clause; "A is right bundle branch block" says what A is.
  private static let behindRight: Set<String> = [
    "answer", "option", "choice", "one", "because", "since", "as", "here", "and", "but", "given", "while", "whereas",
    "than",
  ]
  private static let verdictReach = 8

  /// What the words behind a letter, or behind its option's text, say of it.
  func verdict(on place: Place) -> Verdict? {
    let (words, hasColon) = words(behind: place)
    let said = words.drop(while: Self.verbs.contains)
    guard let first = said.first else { return nil }
    if first == "no" || first == "yes" {
      return hasColon && words.count == 1 ? first == "no" ? .against : .inFavour : nil
    }
    // An option may itself begin with such a word: "A. Incorrect lead placement".
    let hasVerb = said.startIndex > words.startIndex
    if hasVerb && first == "ruled" && said.dropFirst().first == "out" { return .against }
    if Self.wrong.contains(first) { return hasVerb || hasColon && words.count == 1 ? .against : nil }
    if hasVerb && first == "not" || first == "isn't" || first == "aren't" {
      return Self.right.contains(said.dropFirst().first ?? "") ? .against : nil
    }
    let right = said.drop { ["the", "most", "more", "only"].contains($0) }
    let degrees = said.prefix { $0 != "likely" }
    let isLikeliest = right.first == "likely" && (degrees.contains("most") || degrees.contains("more"))
    guard hasVerb, isLikeliest || ["correct", "right", "true", "best", "better", "answer"].contains(right.first ?? "")
    else {
      return nil
    }
    return right.dropFirst().first.map(Self.behindRight.contains) ?? true ? .inFavour : nil
  }

  /// The first words behind a letter in its clause, its option's text left out, and whether a colon stands before them.
  private func words(behind place: Place) -> (words: [String], hasColon: Bool) {
    let end = place.range.upperBound
    var start = skip(end, signs: " .)]*:`-–—")
    if let option = letters.firstIndex(of: place.letter),
      case let name = text.stretch(of: options[option], at: skip(start, signs: "(\"")), !name.isEmpty
    {
      start = skip(name.upperBound, signs: " .)]*:`\"-–—")
    }
    let words = text.lazyWords(in: text.clause(after: start)).prefix(Self.verdictReach)
    return (Array(words), text.holds(end..<start, ":-–—"))
  }

  /// Whether a verdict is of a list: "are wrong".
  private func isOfSeveral(_ place: Place) -> Bool {
    let verb = words(behind: place).words.first
    return verb == "are" || verb == "were"
  }

  /// "It must be C, since", "it is C because".
  private func isReasoned(_ place: Place) -> Bool {
    let before = text.lazyWords(in: text.clause(before: place.range.lowerBound)).last
    return (before == "be" || before == "is") && isReason(skip(place.range.upperBound, signs: " )]*`\","))
  }

  private func isCalledRight(_ place: Place) -> Bool {
    guard verdict(on: place) == .inFavour && !isOfSeveral(place) || isReasoned(place) else { return false }
    return !text.lazyWords(in: text.clause(before: place.range.lowerBound)).suffix(Self.verdictReach).contains {
      Self.doubts.contains($0) || $0.hasSuffix("n't")
    }
  }
}
