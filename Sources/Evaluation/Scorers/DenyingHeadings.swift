/// Headings that deny what stands under them: "Absent: MI, CD", "Negative findings:" over a list, `"absent": ["MI"]`.
///
/// A heading is a clause of a few words that ends with a colon and names no label. It is of its line as far as the sentence
/// goes, or of its bracket; where nothing stands in the line, of the list below it; and in any case no further than to the next
/// heading. "No:" is one only where "Yes:" is, since elsewhere it answers a question.
struct DenyingHeadings {
  private static let longest = 6
  /// What headings are of, and what joins them.
  private static let subjects: Set<String> = [
    "the", "all", "other", "others", "following", "and", "but", "here", "label", "labels", "class", "classes",
    "superclass", "superclasses", "finding", "findings", "diagnosis", "diagnoses", "condition", "conditions",
    "category", "categories", "option", "options",
  ]
  private static let nothing: Set<String> = ["no", "without", "none", "negative"]
  private static let linking: Set<String> = ["evidence", "sign", "signs", "indication", "of", "for", "any"]

  /// What is denied, in ascending order.
  private let denied: [Range<Int>]

  /// - Parameter labels: where labels are named, in ascending order.
  /// - Complexity: O(text + colons * log text).
  init(in text: WordText, labels: [Int]) {
    let headings = text.places(of: ":").compactMap { colon -> (range: Range<Int>, words: [String])? in
      let clause = text.clause(before: colon)
      let words = Array(text.lazyWords(in: clause).prefix(Self.longest + 1))
      let label = labels.place(from: clause.lowerBound, of: \.self)
      guard !words.isEmpty, words.count <= Self.longest, label == labels.count || labels[label] >= colon else {
        return nil
      }
      return (clause.lowerBound..<colon + 1, words)
    }
    let hasYes = headings.contains { $0.words == ["yes"] }
    denied = headings.indices.compactMap { index in
      guard Self.denies(headings[index].words, besideYes: hasYes) else { return nil }
      let next = index + 1 < headings.count ? headings[index + 1].range.lowerBound : text.scalars.count
      let start = headings[index].range.upperBound
      return start..<max(start, Self.end(from: start, atMost: next, in: text))
    }
  }

  func deny(_ place: Int) -> Bool {
    let next = denied.place(from: place + 1, of: \.lowerBound)
    return next > 0 && denied[next - 1].contains(place)
  }

  private static func denies(_ words: [String], besideYes: Bool) -> Bool {
    let said = words.filter { !subjects.contains($0) }
    guard let first = said.first else { return false }
    if nothing.contains(first) {
      let isLinked = said.dropFirst().allSatisfy(linking.contains)
      return isLinked && (words != ["no"] || besideYes)
    }
    guard let statement = DefaultScorer.Statement.of(said, isWhole: true) else { return false }
    return !statement.holds && statement.rest.isEmpty
  }

  private static func end(from start: Int, atMost limit: Int, in text: WordText) -> Int {
    let stretch = start..<limit
    let line = stretch.first { text.sign(at: $0, isOneOf: "\n\r") } ?? limit
    guard text.lazyWords(in: start..<line).isEmpty else {
      return stretch.first { text.sign(at: $0, isOneOf: ".;!?]}\n\r") } ?? limit
    }
    // The list below, up to a line without anything behind which it does not go on.
    var place = text.rest(after: start).lowerBound
    while place < limit, !text.sign(at: place, isOneOf: "]}") {
      guard text.sign(at: place, isOneOf: "\n\r") else {
        place += 1
        continue
      }
      let next = text.rest(after: place).lowerBound
      let isParted = text.scalars[place..<min(next, limit)].count { $0 == "\n" } > 1
      if isParted, !text.sign(at: next, isOneOf: "-*•") { return place }
      place = max(next, place + 1)
    }
    return min(place, limit)
  }
}
