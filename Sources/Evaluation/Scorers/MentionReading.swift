/// The labels that a text mentions, held against the words around them.
///
/// Not asserted is what is negated within its clause, as far as no "but" or the like ends the negation; the members of a
/// list that is ("no MI, CD or HYP", "no MI, CD and HYP", "neither MI, CD nor HYP"); what is answered with no ("MI: no",
/// "| MI | no |", "CD is absent", "MI and CD are not seen"); and what a word behind it gives another meaning. The last of a
/// list may have a statement of its own: "there is no MI and STTC is present".
struct MentionReading {
  typealias Mention = DefaultScorer.Mention
  typealias Statement = DefaultScorer.Statement

  /// What stands between two elements of a list.
  private struct Joint {
    let words: [String]
    let hasComma: Bool

    var isAlternative: Bool { words.contains("or") || words.contains("nor") }
  }

  /// Elements that only commas, "and" or "or" part. An element is one mention, or several of one thing: "MI (myocardial
  /// infarction)", "MI/CD".
  private struct List {
    var elements: [[Mention]]
    var joints: [Joint] = []

    var hasAlternatives: Bool { joints.contains(where: \.isAlternative) }
  }

  /// Words that join the members of a list.
  private static let joints: Set<String> = ["or", "nor", "and"]
  private static let singular: Set<String> = ["is", "was", "has", "appears", "seems"]

  private let text: WordText
  private let vocabulary: DefaultScorer.Vocabulary
  /// In their order.
  private let mentions: [Mention]
  /// Where lines end, and where a table's cells do.
  private let (lineEnds, bars): ([Int], [Int])

  init(_ mentions: [Mention], in text: WordText, _ vocabulary: DefaultScorer.Vocabulary) {
    self.text = text
    self.vocabulary = vocabulary
    self.mentions = mentions.sorted {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    lineEnds = text.scalars.indices.filter { text.scalars[$0] == "\n" || text.scalars[$0] == "\r" }
    bars = text.scalars.indices.filter { text.scalars[$0] == "|" }
  }

  /// The mentions that the text makes of itself. - Complexity: O(text + mentions * (clause + line of a table)).
  var asserted: [Mention] { lists.flatMap { members(of: $0) }.filter { !isAnother($0) } }

  private var lists: [List] {
    var lists: [List] = []
    // The longest mention so far may end behind one that lies within it.
    var end = 0
    for mention in mentions {
      let between = min(end, mention.range.lowerBound)..<mention.range.lowerBound
      end = max(end, mention.range.upperBound)
      guard var list = lists.popLast() else {
        lists.append(List(elements: [[mention]]))
        continue
      }
      if !joins(between) {
        lists += [list, List(elements: [[mention]])]
        continue
      }
      let joint = Joint(words: text.words(in: between), hasComma: holds(between, ","))
      if joint.words.isEmpty, !joint.hasComma, between.isEmpty || holds(between, "(/[") {
        list.elements[list.elements.count - 1].append(mention)
      } else {
        list.elements.append([mention])
        list.joints.append(joint)
      }
      lists.append(list)
    }
    return lists
  }

  private func holds(_ range: Range<Int>, _ signs: String) -> Bool {
    text.scalars[range].contains { signs.unicodeScalars.contains($0) }
  }

  private func joins(_ range: Range<Int>) -> Bool {
    text.words(in: range).allSatisfy(Self.joints.contains) && !holds(range, ".;:!?\n\r=|")
  }

  /// The mentions of a list that are asserted.
  private func members(of list: List) -> [Mention] {
    let statements = list.elements.map { element in element.lazy.compactMap { statement($0) }.first }
    let last = statements[statements.count - 1]
    let isLastDenied = last?.holds == false
    let isNegated = list.elements.map { element in
      element.first.map { DefaultScorer.denyWhatFollows(words(before: $0), vocabulary) } ?? false
    }
    let own = ownStatement(list, isNegated: isNegated[0], last)
    let covered = isNegated[0] ? negatedElements(list) : 0
    let isJoined = list.joints.contains { !$0.words.isEmpty }
    let denied = !isLastDenied || !isJoined ? list.elements.count : own < list.elements.count ? own : 0
    return list.elements.indices.flatMap { place -> [Mention] in
      let isAsserted =
        place >= own
        ? !isLastDenied
        : place >= covered && !isNegated[place] && statements[place]?.holds != false && place < denied
      return isAsserted ? list.elements[place] : []
    }
  }

  /// How many elements a negation before the first is of: up to that behind the last "or", all of "no MI, CD and HYP".
  private func negatedElements(_ list: List) -> Int {
    if let last = list.joints.lastIndex(where: \.isAlternative) { return last + 2 }
    let negator = words(before: list.elements[0][0]).suffix(vocabulary.reach).last {
      DefaultScorer.isNegator($0, vocabulary)
    }
    // "Not normal, MI and HYP" goes on to what there is.
    guard let negator, negator != "not", negator != "cannot", !negator.hasSuffix("n't") else { return 1 }
    let isEnumeration =
      list.joints.count > 1 && list.joints[list.joints.count - 1].words == ["and"]
      && list.joints.dropLast().allSatisfy { $0.hasComma && $0.words.isEmpty }
    return isEnumeration ? list.elements.count : 1
  }

  /// The first element of which the statement behind a list alone is, where "and" begins another clause: "there is no MI and
  /// STTC is present", "there is MI and CD is absent"; the number of elements where it is of all.
  private func ownStatement(_ list: List, isNegated: Bool, _ statement: Statement?) -> Int {
    let all = list.elements.count
    guard all > 1, let statement, let joint = list.joints.last, joint.words == ["and"], let verb = statement.verb
    else { return all }
    let isSingular = Self.singular.contains(verb)
    let clause = words(before: list.elements[0][0])
    let before = clause[(clause.lastIndex(of: "that").map { $0 + 1 } ?? 0)...]
    let negator = before.firstIndex { DefaultScorer.isNegator($0, vocabulary) } ?? before.endIndex
    let isOfVerb =
      negator < before.endIndex
      && (before[negator].hasSuffix("n't") || ["does", "do", "did"].contains(before[..<negator].last ?? ""))
    let hasVerb = isOfVerb || before[..<negator].contains(where: DefaultScorer.clauseVerbs.contains)
    guard statement.holds else {
      return !isNegated && hasVerb && isSingular && !list.hasAlternatives ? all - 1 : all
    }
    guard isNegated else { return all }
    // "No evidence of MI and CD is present" is one clause.
    let isOfSomething = before[negator...].contains { $0 == "of" || $0 == "for" }
    guard list.hasAlternatives || hasVerb || isSingular && !isOfSomething || all == 2 && joint.hasComma
    else { return all }
    let comma = list.joints.firstIndex(where: \.hasComma)
    return isSingular || list.hasAlternatives ? all - 1 : comma.map { $0 + 1 } ?? all - 1
  }

  /// The words of a mention's clause before it; those behind another one alone where that has its verdict already ("MI is
  /// absent and") or the sentence a new object ("no MI and the ECG shows").
  private func words(before mention: Mention) -> [String] {
    let clause = text.clause(before: mention.range.lowerBound)
    let others = mentions[..<firstMention(from: mention.range.lowerBound)].reversed()
      .prefix { $0.range.lowerBound >= clause.lowerBound }
      .filter { $0.range.upperBound <= mention.range.lowerBound }
    guard let other = others.map(\.range.upperBound).max() else { return text.words(in: clause) }
    let between = text.words(in: other..<mention.range.lowerBound)
    if between.contains(where: DefaultScorer.showingVerbs.contains) { return between }
    // "No MI seen and CD" denies both.
    if let said = Statement.of(between, isWhole: false), said.rest.first != "or", said.rest.first != "nor",
      !said.holds || statement(mention)?.holds == true
    {
      return Array(said.rest)
    }
    return text.words(in: clause)
  }

  /// Whether a word behind the mention gives it another meaning.
  private func isAnother(_ mention: Mention) -> Bool {
    let rest = text.rest(after: mention.range.upperBound)
    guard rest.lowerBound > mention.range.upperBound, let start = rest.first, WordText.isWord(text.scalars[start]),
      let next = text.words(in: rest.prefix(40)).first
    else { return false }
    return mention.entry.otherBefore.contains(next)
  }

  /// What stands behind a mention and says whether it is there: in its row of a table, in brackets, behind a colon or a
  /// dash, or in words.
  private func statement(_ mention: Mention) -> Statement? {
    if let cell = cell(mention) { return cell }
    var rest = text.rest(behindMarksAfter: mention.range.upperBound)
    if let start = rest.first, text.scalars[start] == "(" {
      guard let end = rest.prefix(80).first(where: { text.scalars[$0] == ")" }) else { return nil }
      let inside = text.words(in: start..<end)
      if inside.count <= 2 && inside.first == "no" || Statement.of(inside, isWhole: true)?.holds == false {
        return .denial
      }
      rest = text.rest(behindMarksAfter: end + 1)
    } else if let start = rest.first, text.scalars[start] == ")" {
      rest = text.rest(behindMarksAfter: start + 1)
    }
    guard let sign = rest.first else { return nil }
    if holds(sign..<sign + 1, ":=") {
      let verdict = text.rest(behindMarksAfter: sign + 1).lowerBound
      return Statement.behindColon(text.words(in: text.clause(after: verdict)))
    }
    let words = text.words(in: text.clause(after: sign))
    if holds(sign..<sign + 1, "-–—"), words == ["no"] { return .denial }
    return Statement.of(words, isWhole: true)
  }

  /// What the row of a table says of a mention: its first cell behind it that says yes or no, before another label's.
  private func cell(_ mention: Mention) -> Statement? {
    let start = mention.range.upperBound
    let firstBar = bars.place(from: start, of: \.self)
    guard firstBar < bars.count else { return nil }
    let line = lineEnds[lineEnds.place(from: start, of: \.self)...].first ?? text.scalars.count
    guard bars[firstBar] < line else { return nil }
    let other = mentions[firstMention(from: start)...].first { $0.entry.label != mention.entry.label }
    let end = min(line, other?.range.lowerBound ?? line)
    let inside = bars[firstBar..<bars.place(from: end, of: \.self)]
    let cells = zip(inside, inside.dropFirst() + [end]).lazy.map { text.words(in: $0 + 1..<$1) }
    return cells.compactMap(Statement.ofCell).first
  }

  /// The first mention that begins at `place` or behind it.
  private func firstMention(from place: Int) -> Int {
    mentions.place(from: place, of: \.range.lowerBound)
  }
}

extension WordText {
  /// The text from `place` on, white space and the marks of emphasis skipped.
  fileprivate func rest(behindMarksAfter place: Int) -> Range<Int> {
    let start = scalars[place...].firstIndex { !$0.properties.isWhitespace && $0 != "*" && $0 != "`" }
    return (start ?? scalars.count)..<scalars.count
  }
}

extension Array {
  /// Index of the first element, of those in ascending order of `position`, that is not before `start`.
  fileprivate func place(from start: Int, of position: (Element) -> Int) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if position(self[middle]) < start { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension Range where Bound == Int {
  /// The first `count` places.
  fileprivate func prefix(_ count: Int) -> Range<Int> { lowerBound..<Swift.min(upperBound, lowerBound + count) }
}
