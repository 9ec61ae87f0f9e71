/// Boxes that are ticked or empty, ticks and crosses, and the labels that they are of.
///
/// In a line whose first mark stands before its first label marks are of what follows them ("[x] MI [ ] CD"), in any other of
/// what they stand behind ("MI ✓ CD ✗").
struct CheckMarks {
  typealias Statement = DefaultScorer.Statement

  private struct Mark {
    let range: Range<Int>
    let holds: Bool
    /// Whether it is of what follows.
    var isLeading = false
  }

  private static let signs: [Unicode.Scalar: Bool] = [
    "☑": true, "✓": true, "✔": true, "✅": true, "☐": false, "✗": false, "✘": false, "❌": false,
  ]

  private let text: WordText
  /// Where labels are named, in ascending order.
  private let labels: [Int]
  private let marks: [Mark]

  /// - Complexity: O(text + marks * log text).
  init(in text: WordText, labels: [Int]) {
    self.text = text
    self.labels = labels
    var marks: [Mark] = []
    var place = 0
    while place < text.scalars.count {
      if let mark = Self.mark(at: place, text.scalars) {
        marks.append(mark)
        place = mark.range.upperBound
      } else {
        place += 1
      }
    }
    let lineEnds = marks.isEmpty ? [] : text.places(of: "\n\r")
    var (line, isLeading) = (-1, false)
    for index in marks.indices {
      let start = marks[index].range.lowerBound
      let ownLine = lineEnds.place(from: start, of: \.self)
      if ownLine != line {
        let first = labels.place(from: ownLine == 0 ? 0 : lineEnds[ownLine - 1], of: \.self)
        (line, isLeading) = (ownLine, first == labels.count || start < labels[first])
      }
      marks[index].isLeading = isLeading
    }
    self.marks = marks
  }

  private static func mark(at place: Int, _ scalars: [Unicode.Scalar]) -> Mark? {
    var (holds, end): (Bool?, Int) = (signs[scalars[place]], place + 1)
    if scalars[place] == "[", place + 2 < scalars.count, scalars[place + 2] == "]" {
      let inside = scalars[place + 1]
      (holds, end) = (inside == "x" || inside == "X" ? true : inside == " " ? false : signs[inside], place + 3)
    }
    guard let holds else { return nil }
    // The sign that asks for a picture in place of a letter.
    if end < scalars.count, scalars[end] == "\u{FE0F}" { end += 1 }
    return Mark(range: place..<end, holds: holds)
  }

  /// What the mark that begins at `place` says of the label that it stands behind.
  func statement(at place: Int) -> Statement? {
    let index = marks.place(from: place, of: \.range.lowerBound)
    guard index < marks.count, marks[index].range.lowerBound == place, !marks[index].isLeading else { return nil }
    return Statement(holds: marks[index].holds, verb: nil, rest: [])
  }

  /// What a stretch says that holds a mark and nothing else.
  func statement(alone range: Range<Int>) -> Statement? {
    let place = text.rest(after: range.lowerBound).lowerBound
    guard place < range.upperBound, let statement = statement(at: place) else { return nil }
    let mark = marks[marks.place(from: place, of: \.range.lowerBound)].range
    return text.rest(after: mark.upperBound).lowerBound >= range.upperBound ? statement : nil
  }

  /// What the mark of a label says, with no other label between: the one right before it where marks lead in its line, or else
  /// that behind it in its line; nil without one.
  func says(of label: Range<Int>) -> Bool? {
    let next = marks.place(from: label.lowerBound, of: \.range.lowerBound)
    if next > 0, case let before = marks[next - 1], before.isLeading,
      text.scalars[before.range.upperBound..<label.lowerBound].allSatisfy({ " \t(*".unicodeScalars.contains($0) })
    {
      return before.holds
    }
    guard next < marks.count, case let behind = marks[next], !behind.isLeading,
      labels[labels.place(from: label.upperBound, of: \.self)...].first ?? .max >= behind.range.lowerBound,
      !text.holds(label.upperBound..<behind.range.lowerBound, "\n\r")
    else { return nil }
    return behind.holds
  }

  /// Whether a cross or an empty box stands before the label at `place`, in its clause or the cell before it.
  func deny(_ place: Int) -> Bool {
    let next = marks.place(from: place, of: \.range.lowerBound)
    guard next > 0, case let mark = marks[next - 1], mark.isLeading, !mark.holds, mark.range.upperBound <= place,
      labels[labels.place(from: mark.range.upperBound, of: \.self)] == place
    else { return false }
    return !text.holds(mark.range.upperBound..<place, ".,;:!?\n\r")
  }

  func isMarked(_ range: Range<Int>) -> Bool {
    let next = marks.place(from: range.lowerBound, of: \.range.lowerBound)
    return next < marks.count && marks[next].range.lowerBound < range.upperBound
  }
}
