extension DefaultScorer {
  /// A place where a text names a label.
  struct Mention {
    let entry: Vocabulary.Entry
    let range: Range<Int>
  }

  private static let negators: Set<String> = ["no", "not", "without", "neither", "nor", "negative", "absent", "never"]
  /// Verdicts behind a label: "CD is absent", "MI: negative".
  private static let denials: Set<String> = ["absent", "negative", "excluded", "unlikely"]
  /// What may stand between a label and its verdict.
  private static let fillers: Set<String> = [
    "is", "are", "was", "were", "be", "been", "has", "have", "had", "can", "could", "appears", "appear", "seems",
    "seem",
    "to", "clearly", "definitely", "both", "either", "also",
  ]
  /// What "not" denies a label with where no verb stands before it: "MI not present".
  private static let findings: Set<String> = [
    "present", "seen", "evident", "found", "detected", "identified", "noted", "observed", "shown", "visible",
    "apparent",
    "suspected", "likely", "demonstrated", "indicated", "confirmed", "diagnosed",
  ]
  /// What makes of "not" something else than a denial: "cannot be excluded", "is not only".
  private static let reversals: Set<String> = ["excluded", "ruled", "only", "merely", "just"]
  /// Words that join the members of a list.
  private static let joints: Set<String> = ["or", "nor", "and"]

  /// The mentions that a text makes of itself: not negated within their clause, nor as members of a list of alternatives
  /// that is ("no MI, CD or HYP", "neither MI, CD nor HYP"), nor answered with no ("MI: no", "CD is absent", "MI and CD
  /// are not seen"), nor followed by a word that gives them another meaning.
  static func asserted(_ mentions: [Mention], in text: WordText, _ vocabulary: Vocabulary) -> [Mention] {
    lists(mentions, in: text).flatMap { list -> [Mention] in
      let joints = zip(list, list.dropFirst()).map { text.words(in: between($0, $1)) }
      let isAlternative = joints.contains { $0.contains("or") || $0.contains("nor") }
      if isAlternative, let first = list.first, isNegated(first, text, vocabulary) { return [] }
      let isJoined = joints.contains { !$0.isEmpty }
      if isJoined, let last = list.last, isDenied(last, text) { return [] }
      return list.filter { mention in
        !isNegated(mention, text, vocabulary) && !isDenied(mention, text) && !isAnother(mention, text)
      }
    }
  }

  /// Mentions in their order, those that only commas, brackets, "and" or "or" part in one list.
  private static func lists(_ mentions: [Mention], in text: WordText) -> [[Mention]] {
    let ordered = mentions.sorted {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    var lists: [[Mention]] = []
    // The longest mention so far may end behind one that lies within it.
    var end = 0
    for mention in ordered {
      if !lists.isEmpty, joins(min(end, mention.range.lowerBound)..<mention.range.lowerBound, text) {
        lists[lists.count - 1].append(mention)
      } else {
        lists.append([mention])
      }
      end = max(end, mention.range.upperBound)
    }
    return lists
  }

  private static func between(_ one: Mention, _ next: Mention) -> Range<Int> {
    min(one.range.upperBound, next.range.lowerBound)..<next.range.lowerBound
  }

  private static func joins(_ range: Range<Int>, _ text: WordText) -> Bool {
    text.words(in: range).allSatisfy(joints.contains)
      && !text.scalars[range].contains { ".;:!?\n\r=".unicodeScalars.contains($0) }
  }

  private static func isNegated(_ mention: Mention, _ text: WordText, _ vocabulary: Vocabulary) -> Bool {
    text.words(in: text.clause(before: mention.range.lowerBound)).suffix(vocabulary.reach).contains { word in
      negators.contains(word) || word.hasSuffix("n't") || vocabulary.furtherNegators.contains(word)
    }
  }

  /// Whether a word behind the mention gives it another meaning.
  private static func isAnother(_ mention: Mention, _ text: WordText) -> Bool {
    let rest = text.rest(after: mention.range.upperBound)
    guard rest.lowerBound > mention.range.upperBound, let start = rest.first, WordText.isWord(text.scalars[start]),
      let next = text.words(in: rest.prefix(40)).first
    else { return false }
    return mention.entry.otherBefore.contains(next)
  }

  /// Whether what stands behind a mention, or in brackets behind it, answers it with no.
  private static func isDenied(_ mention: Mention, _ text: WordText) -> Bool {
    var rest = text.rest(after: mention.range.upperBound)
    if let start = rest.first, text.scalars[start] == "(" {
      guard let end = rest.prefix(80).first(where: { text.scalars[$0] == ")" }) else { return false }
      let inside = text.words(in: start..<end)
      if inside.count <= 2, inside.first == "no" || denies(inside) { return true }
      rest = text.rest(after: end + 1)
    }
    guard let sign = rest.first else { return false }
    guard text.isColon(sign) || text.scalars[sign] == "=" else {
      return denies(text.words(in: text.clause(after: rest.lowerBound)))
    }
    let verdict = text.words(in: text.clause(after: text.rest(after: sign + 1).lowerBound))
    return ["no", "none", "false", "0"].contains(verdict.first ?? "") || verdict == ["not"] || denies(verdict)
  }

  /// Whether words say that what stands before them is not there.
  private static func denies(_ words: [String]) -> Bool {
    let verdict = words.drop(while: fillers.contains)
    guard let first = verdict.first else { return false }
    let rest = verdict.dropFirst().drop(while: fillers.contains)
    if denials.contains(first) { return true }
    if first == "ruled" { return rest.first == "out" }
    guard first == "not" || first == "cannot" || first == "never" || first.hasSuffix("n't"), let next = rest.first
    else { return false }
    if reversals.contains(next) { return false }
    return verdict.startIndex > words.startIndex || first != "not" || findings.contains(next)
  }
}

extension WordText {
  func isColon(_ place: Int) -> Bool { scalars.indices.contains(place) && scalars[place] == ":" }
}

extension Range where Bound == Int {
  /// The first `count` places.
  fileprivate func prefix(_ count: Int) -> Range<Int> { lowerBound..<Swift.min(upperBound, lowerBound + count) }
}
