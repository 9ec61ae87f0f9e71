/// A text searched for phrases at word boundaries.
///
/// A word is a run of letters, digits and underscores; a hyphen between two words joins them, so "non-MI" and "I-AVB" are
/// one word each. Matching is code point by code point, on simple lower case where asked for. Words, clauses and places where
/// words begin are found once, so that a text that says the same for ever is read in time proportional to its length.
struct WordText: Sendable {
  let scalars: [Unicode.Scalar]
  private let lowered: [Unicode.Scalar]
  /// Where a phrase may begin, by the lower-cased first scalar.
  private let starts: [Unicode.Scalar: [Int]]
  /// Words, each with an apostrophe that may be within it ("isn't").
  private let runs: [Range<Int>]
  private let clauseEnds: [Int]

  init(_ text: String) { self.init(scalars: Array(text.unicodeScalars)) }

  /// - Complexity: O(scalars).
  private init(scalars: [Unicode.Scalar]) {
    self.scalars = scalars
    lowered = scalars.map(Self.lower)
    var starts: [Unicode.Scalar: [Int]] = [:]
    var (runs, run, hasApostrophe): ([Range<Int>], Int?, Bool) = ([], nil, false)
    for place in scalars.indices {
      if !Self.joins(scalars, place - 1, place - 2) { starts[lowered[place], default: []].append(place) }
      if Self.isWord(scalars[place]) {
        if run == nil { (run, hasApostrophe) = (place, false) }
      } else if let start = run {
        let goesOn = place + 1 < scalars.count && Self.isWord(scalars[place + 1])
        if lowered[place] == "'", !hasApostrophe, goesOn {
          hasApostrophe = true
        } else {
          runs.append(start..<place)
          run = nil
        }
      }
    }
    if let start = run { runs.append(start..<scalars.count) }
    (self.starts, self.runs) = (starts, runs)
    clauseEnds = Self.places(of: ".,;:!?|\n\r", in: scalars)
  }

  /// Where `phrase` occurs as whole words. - Complexity: O(words that begin alike * phrase).
  func ranges(of phrase: String, caseSensitive: Bool) -> [Range<Int>] {
    guard let first = phrase.unicodeScalars.first, let places = starts[Self.lower(first)] else { return [] }
    let needle = caseSensitive ? Array(phrase.unicodeScalars) : phrase.unicodeScalars.map(Self.lower)
    let text = caseSensitive ? scalars : lowered
    return places.compactMap { start in
      let range = start..<start + needle.count
      guard range.upperBound <= text.count, needle.indices.allSatisfy({ text[start + $0] == needle[$0] }),
        isWhole(range)
      else { return nil }
      return range
    }
  }

  /// The stretch of `phrase` at `place`, in any case and as whole words; empty where something else stands there.
  func stretch(of phrase: String, at place: Int) -> Range<Int> {
    let needle = phrase.unicodeScalars.map(Self.lower)
    let range = place..<place + needle.count
    guard range.upperBound <= scalars.count, lowered[range].elementsEqual(needle), isWhole(range) else {
      return place..<place
    }
    return range
  }

  /// The same text with a single long word in place of each stretch, at the same places.
  func hiding(_ ranges: [Range<Int>]) -> WordText {
    var hidden = scalars
    for place in ranges.joined() { hidden[place] = "_" }
    return WordText(scalars: hidden)
  }

  // MARK: - Words and clauses

  /// The lower-cased words of a stretch, in order.
  func words(in range: Range<Int>) -> [String] { Array(lazyWords(in: range)) }

  /// The same, each made when it is asked for. - Complexity: O(log words), and that of the words taken.
  func lazyWords(in range: Range<Int>) -> LazyMapCollection<Range<Int>, String> {
    var first = runs.place(from: range.lowerBound + 1, of: \.upperBound)
    var end = max(first, runs.place(from: range.upperBound, of: \.lowerBound))
    // A stretch may begin or end within a word: "MI's".
    if first < end, word(first, in: range).isEmpty { first += 1 }
    if first < end, word(end - 1, in: range).isEmpty { end -= 1 }
    return (first..<end).lazy.map { place in
      String(String.UnicodeScalarView(lowered[word(place, in: range)]))
    }
  }

  /// The part of a word within `range`, an apostrophe at its end left out.
  private func word(_ place: Int, in range: Range<Int>) -> Range<Int> {
    var part = runs[place].clamped(to: range)
    if let first = part.first, lowered[first] == "'" { part = first + 1..<part.upperBound }
    if let last = part.last, lowered[last] == "'" { part = part.lowerBound..<last }
    return part
  }

  /// The first word that does not end before `place`, by number; the number of words where none follows.
  func firstWord(from place: Int) -> Int { runs.place(from: place + 1, of: \.upperBound) }

  /// Where a word begins; nil for a number that none has.
  func start(ofWord number: Int) -> Int? { runs.indices.contains(number) ? runs[number].lowerBound : nil }

  /// Of each word by number, the first at it or behind it that is wanted; the number of words where none is.
  func nextWords(_ isWanted: (String) -> Bool) -> [Int] {
    var next = runs.count
    return runs.indices.reversed().map { place in
      if isWanted(String(String.UnicodeScalarView(lowered[runs[place]]))) { next = place }
      return next
    }.reversed()
  }

  /// The clause around `place`, up to it: from behind the last of . , ; : ! ? | and line ends. - Complexity: O(log clauses).
  func clause(before place: Int) -> Range<Int> {
    let next = clauseEnds.place(from: place, of: \.self)
    return (next == 0 ? 0 : clauseEnds[next - 1] + 1)..<place
  }

  /// The stretch from `place` to the end of its clause. - Complexity: O(log clauses).
  func clause(after place: Int) -> Range<Int> {
    let next = clauseEnds.place(from: place, of: \.self)
    return place..<(next < clauseEnds.count ? clauseEnds[next] : scalars.count)
  }

  /// The text from `place` on, white space skipped.
  func rest(after place: Int) -> Range<Int> {
    let start = scalars[place...].firstIndex { !$0.properties.isWhitespace } ?? scalars.count
    return start..<scalars.count
  }

  // MARK: - Single signs

  /// Where any of some signs stands, in ascending order.
  func places(of signs: String) -> [Int] { Self.places(of: signs, in: scalars) }

  func holds(_ range: Range<Int>, _ signs: String) -> Bool {
    scalars[range].contains { signs.unicodeScalars.contains($0) }
  }

  func sign(at place: Int, isOneOf signs: String) -> Bool {
    scalars.indices.contains(place) && signs.unicodeScalars.contains(scalars[place])
  }

  func isColon(_ place: Int) -> Bool { sign(at: place, isOneOf: ":") }

  func isWord(at place: Int) -> Bool { scalars.indices.contains(place) && Self.isWord(scalars[place]) }

  /// Whether no word goes on before or behind a stretch.
  func isWhole(_ range: Range<Int>) -> Bool {
    !Self.joins(scalars, range.lowerBound - 1, range.lowerBound - 2)
      && !Self.joins(scalars, range.upperBound, range.upperBound + 1)
  }

  /// Whether the neighbour continues the word: it is a word's scalar, or a hyphen with one behind it.
  private static func joins(_ scalars: [Unicode.Scalar], _ neighbour: Int, _ beyond: Int) -> Bool {
    guard scalars.indices.contains(neighbour) else { return false }
    if isWord(scalars[neighbour]) { return true }
    return scalars[neighbour] == "-" && scalars.indices.contains(beyond) && isWord(scalars[beyond])
  }

  private static func places(of signs: String, in scalars: [Unicode.Scalar]) -> [Int] {
    let wanted = Set(signs.unicodeScalars)
    return scalars.indices.filter { wanted.contains(scalars[$0]) }
  }

  static func isWord(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII {
      return ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar)
        || scalar == "_"
    }
    return scalar.properties.isAlphabetic || scalar.properties.numericType != nil
  }

  /// Simple lower case, so that places stay the same; a typographic apostrophe as the plain one.
  private static func lower(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    if scalar.isASCII {
      return ("A"..."Z").contains(scalar) ? Unicode.Scalar(UInt8(scalar.value) + 32) : scalar
    }
    if scalar == "\u{2019}" { return "'" }
    let mapped = scalar.properties.lowercaseMapping.unicodeScalars
    guard let first = mapped.first, mapped.count == 1 else { return scalar }
    return first
  }
}

extension Array {
  /// Index of the first element, of those in ascending order of `position`, that is not before `start`.
  ///
  /// - Complexity: O(log count).
  func place(from start: Int, of position: (Element) -> Int) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if position(self[middle]) < start { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
