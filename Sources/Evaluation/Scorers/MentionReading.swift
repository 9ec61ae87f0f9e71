/// The labels that a text mentions, held against the words around them.
///
/// Not asserted is what is negated within its clause, as far as no "but" or the like ends the negation; the members of a
/// list that is ("no MI, CD or HYP", "no MI, CD and HYP", "neither MI, CD nor HYP"); what is answered with no ("MI: no",
/// "| MI | no |", "CD is absent", "MI and CD are not seen"); what has an empty box or a cross (`CheckMarks`); and what a word
/// behind it gives another meaning. The last of a list may have a statement of its own: "there is no MI and STTC is present".
///
/// Of a clause no more is looked at than the `farthest` words before a mention, `clauseReach` before a list, and
/// `Statement.reach` behind one, so that the work grows with the length of a text that has no full stop, not with its square.
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
  private static let singular: Set<String> = ["is", "was", "has", "appears", "seems", "does", "applies"]
  private static let namesOfLabels: Set<String> = [
    "the", "these", "five", "labels", "classes", "superclasses", "options", "categories", "diagnoses",
  ]
  private static let showing: Set<String> = [
    "show", "reveal", "demonstrate", "indicate", "suggest", "have", "see", "find",
  ]
  /// How many words before a list tell whether what stands behind it is of its last element alone.
  private static let clauseReach = 50

  private let text: WordText
  private let vocabulary: DefaultScorer.Vocabulary
  /// In their order.
  private let mentions: [Mention]
  /// Where they end, in ascending order.
  private let ends: [Range<Int>]
  /// Of each mention, the first behind it that is of another label.
  private let others: [Int]
  private let marks: CheckMarks
  private let headings: DenyingHeadings
  private let cells: TableCells

  init(_ mentions: [Mention], in text: WordText, _ vocabulary: DefaultScorer.Vocabulary) {
    let mentions = mentions.sorted {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    var others = Array(repeating: mentions.count, count: mentions.count)
    for place in mentions.indices.dropLast().reversed() {
      let isSame = mentions[place].entry.label == mentions[place + 1].entry.label
      others[place] = isSame ? others[place + 1] : place + 1
    }
    (self.text, self.vocabulary, self.mentions, self.others) = (text, vocabulary, mentions, others)
    ends = mentions.map(\.range).sorted { $0.upperBound < $1.upperBound }
    let labels = mentions.map(\.range.lowerBound)
    marks = CheckMarks(in: text, labels: labels)
    headings = DenyingHeadings(in: text, labels: labels)
    cells = TableCells(in: text, marks)
  }

  /// The mentions that the text makes of itself. - Complexity: O(text + mentions * (log text + words within reach)).
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
      let joint = Joint(words: text.words(in: between), hasComma: text.holds(between, ","))
      if joint.words.isEmpty, !joint.hasComma, between.isEmpty || text.holds(between, "(/[") {
        list.elements[list.elements.count - 1].append(mention)
      } else {
        list.elements.append([mention])
        list.joints.append(joint)
      }
      lists.append(list)
    }
    return lists
  }

  private func joins(_ range: Range<Int>) -> Bool {
    text.lazyWords(in: range).allSatisfy(Self.joints.contains) && !text.holds(range, ".;:!?\n\r=|")
      && !marks.isMarked(range)
  }

  /// The mentions of a list that are asserted.
  private func members(of list: List) -> [Mention] {
    let start = list.elements[0][0].range.lowerBound
    if marks.deny(start) || headings.deny(start) { return [] }
    let statements = list.elements.map { element in element.lazy.compactMap { statement($0) }.first }
    if isChoice(list), statements.allSatisfy({ $0 == nil }) { return [] }
    let last = statements[statements.count - 1]
    let isLastDenied = last?.holds == false
    let isNegated = list.elements.map { element in
      element.first.map { DefaultScorer.denyWhatFollows(words(before: $0, atMost: DefaultScorer.farthest), vocabulary) }
        ?? false
    }
    let own = ownStatement(list, isNegated: isNegated[0], last)
    let covered = isNegated[0] ? negatedElements(list, last) : 0
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

  /// Whether a list is what there is to choose from: "among NORM, MI and CD", "among the labels NORM, MI and CD".
  private func isChoice(_ list: List) -> Bool {
    guard list.elements.count > 1 else { return false }
    let before = words(before: list.elements[0][0], atMost: 4).reversed()
    return before.drop { Self.namesOfLabels.contains($0) }.first.map { $0 == "among" || $0 == "amongst" } ?? false
  }

  /// How many elements a negation before the first is of: up to that behind the last "or"; all of "no MI, CD and HYP" and of
  /// "no MI, CD, HYP"; the first of "no MI, CD".
  private func negatedElements(_ list: List, _ statement: Statement?) -> Int {
    if let last = list.joints.lastIndex(where: \.isAlternative) { return last + 2 }
    let before = DefaultScorer.near(
      words(before: list.elements[0][0], atMost: DefaultScorer.farthest), vocabulary)
    guard let place = before.lastIndex(where: { DefaultScorer.isNegator($0, vocabulary) }),
      list.joints.dropLast().allSatisfy({ $0.hasComma && $0.words.isEmpty }), let last = list.joints.last,
      last.words.isEmpty || list.joints.count > 1
    else { return 1 }
    let (negator, behind) = (before[place], before[(place + 1)...])
    // "Not normal, MI and HYP" goes on to what there is, "does not show MI, CD and HYP" does not.
    let isOfOne = negator == "not" || negator == "cannot" || negator.hasSuffix("n't")
    if isOfOne, !behind.contains(where: Self.showing.contains) { return 1 }
    // "No signs of MI, CD", but "no signs of MI, CD is seen".
    let isOfSomething = statement == nil && (behind.contains("of") || behind.contains("for"))
    return list.joints.count > 1 || isOfSomething ? list.elements.count : 1
  }

  /// The first element of which the statement behind a list alone is, where "and" begins another clause: "there is no MI and
  /// STTC is present", "there is MI and CD is absent"; the number of elements where it is of all.
  private func ownStatement(_ list: List, isNegated: Bool, _ statement: Statement?) -> Int {
    let all = list.elements.count
    guard all > 1, let statement, let joint = list.joints.last, joint.words == ["and"], let verb = statement.verb
    else { return all }
    let isSingular = Self.singular.contains(verb)
    let clause = words(before: list.elements[0][0], atMost: Self.clauseReach)
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

  /// The last words of a mention's clause before it; those behind another one alone where that has its verdict already ("MI
  /// is absent and") or the sentence a new object ("no MI and the ECG shows").
  private func words(before mention: Mention, atMost count: Int) -> [String] {
    let start = mention.range.lowerBound
    let clause = text.clause(before: start)
    let all = text.lazyWords(in: clause).suffix(count)
    guard let other = end(before: start, in: clause) else { return Array(all) }
    let between = text.words(in: other..<start)
    if between.contains(where: DefaultScorer.showingVerbs.contains) { return between }
    // "No MI seen and CD" denies both.
    if let said = Statement.of(between, isWhole: false), said.rest.first != "or", said.rest.first != "nor",
      !said.holds || statement(mention)?.holds == true
    {
      return Array(said.rest)
    }
    return Array(all)
  }

  /// Where the last mention ends that lies before `place` in its clause; nil where there is none.
  private func end(before place: Int, in clause: Range<Int>) -> Int? {
    // One that begins before the clause may end in it, but those that end before it are none.
    let last = ends[..<ends.place(from: place + 1, of: \.upperBound)].last {
      $0.lowerBound >= clause.lowerBound || $0.upperBound <= clause.lowerBound
    }
    return last.flatMap { $0.lowerBound >= clause.lowerBound ? $0.upperBound : nil }
  }

  /// Whether a word behind the mention gives it another meaning.
  private func isAnother(_ mention: Mention) -> Bool {
    let rest = text.rest(after: mention.range.upperBound)
    guard rest.lowerBound > mention.range.upperBound, let start = rest.first, WordText.isWord(text.scalars[start]),
      let next = text.lazyWords(in: rest.prefix(40)).first
    else { return false }
    return mention.entry.otherBefore.contains(next)
  }

  /// What stands behind a mention and says whether it is there: in its row of a table, in brackets, behind a colon or a
  /// dash, in words, or by a mark.
  private func statement(_ mention: Mention) -> Statement? {
    if let cell = cell(mention) { return cell }
    var rest = text.rest(behindMarksAfter: mention.range.upperBound)
    if let start = rest.first, text.scalars[start] == "(" {
      guard let end = rest.prefix(80).first(where: { text.scalars[$0] == ")" }) else { return nil }
      if let mark = marks.statement(alone: start + 1..<end) { return mark }
      if end == start + 2, text.sign(at: start + 1, isOneOf: "-–−") { return .denial }
      let inside = text.words(in: start..<end)
      if inside.count <= 2 && inside.first == "no" || inside == ["0"]
        || Statement.of(inside, isWhole: true)?.holds == false
      {
        return .denial
      }
      rest = text.rest(behindMarksAfter: end + 1)
    } else if let start = rest.first, text.scalars[start] == ")" {
      rest = text.rest(behindMarksAfter: start + 1)
    }
    guard let sign = rest.first, !isHeading(sign, behind: mention) else { return nil }
    if text.sign(at: sign, isOneOf: ":=→-–—") {
      let verdict = text.rest(behindMarksAfter: sign + 1).lowerBound
      if let mark = marks.statement(at: verdict) { return mark }
      if text.sign(at: sign, isOneOf: ":=→") { return Statement.behindColon(words(from: verdict)) }
    }
    if let mark = marks.statement(at: sign) { return mark }
    let words = words(from: sign)
    // "MI - no", "MI 0", "MI? No."
    if text.sign(at: sign, isOneOf: "-–—") && words == ["no"] || words == ["0"] { return .denial }
    if text.sign(at: sign, isOneOf: "?"), self.words(from: sign + 1) == ["no"] { return .denial }
    return Statement.of(words, isWhole: true)
  }

  /// Whether what begins at `place` is a heading of its own in a line below: "CD", and then "Absent: MI".
  private func isHeading(_ place: Int, behind mention: Mention) -> Bool {
    text.holds(mention.range.upperBound..<place, "\n\r") && text.isColon(text.clause(after: place).upperBound)
  }

  /// The first words of what is left of a clause.
  private func words(from place: Int) -> [String] {
    Array(text.lazyWords(in: text.clause(after: place)).prefix(Statement.reach))
  }

  /// What the row of a table says of a mention: its first cell behind it that says yes or no, before another label's.
  private func cell(_ mention: Mention) -> Statement? {
    let start = mention.range.upperBound
    let next = mentions.place(from: start, of: \.range.lowerBound)
    let other =
      next == mentions.count || mentions[next].entry.label != mention.entry.label ? next : others[next]
    return cells.statement(
      from: start, before: other < mentions.count ? mentions[other].range.lowerBound : text.scalars.count)
  }
}

extension WordText {
  /// The text from `place` on; white space, marks of emphasis and quotation marks are skipped.
  fileprivate func rest(behindMarksAfter place: Int) -> Range<Int> {
    let start = scalars[place...].firstIndex {
      !$0.properties.isWhitespace && !"*`\"'\u{2018}\u{2019}\u{201C}\u{201D}".unicodeScalars.contains($0)
    }
    return (start ?? scalars.count)..<scalars.count
  }
}

extension Range where Bound == Int {
  /// The first `count` places.
  fileprivate func prefix(_ count: Int) -> Range<Int> { lowerBound..<Swift.min(upperBound, lowerBound + count) }
}
