/// What the cells of tables say of the labels before them in their rows.
struct TableCells {
  typealias Statement = DefaultScorer.Statement

  private let text: WordText
  private let marks: CheckMarks
  private let (lineEnds, bars): ([Int], [Int])
  /// What the cell behind each bar says, up to the next bar.
  private let said: [Statement?]
  /// Of each bar, the first at it or behind it whose cell says something.
  private let next: [Int]

  /// - Complexity: O(text + bars * log text).
  init(in text: WordText, _ marks: CheckMarks) {
    let bars = text.places(of: "|")
    let said = zip(bars, bars.dropFirst()).map { Self.statement($0 + 1..<$1, in: text, marks) }
    var next = Array(repeating: said.count, count: said.count + 1)
    for place in said.indices.reversed() { next[place] = said[place] == nil ? next[place + 1] : place }
    (self.text, self.marks) = (text, marks)
    (self.bars, self.said, self.next) = (bars, said, next)
    lineEnds = bars.isEmpty ? [] : text.places(of: "\n\r")
  }

  private static func statement(_ cell: Range<Int>, in text: WordText, _ marks: CheckMarks) -> Statement? {
    marks.statement(alone: cell) ?? Statement.ofCell(Array(text.lazyWords(in: cell).prefix(Statement.reach)))
  }

  /// What the first cell says that begins behind `place` in its line and before `limit`, and says anything.
  ///
  /// - Complexity: O(log text).
  func statement(from place: Int, before limit: Int) -> Statement? {
    let first = bars.place(from: place, of: \.self)
    guard first < bars.count else { return nil }
    let line = lineEnds.place(from: place, of: \.self)
    let end = min(limit, line < lineEnds.count ? lineEnds[line] : text.scalars.count)
    let last = bars.place(from: end, of: \.self) - 1
    guard first <= last else { return nil }
    if next[first] < last { return said[next[first]] }
    return Self.statement(bars[last] + 1..<end, in: text, marks)
  }
}
