/// A stretch of text that a delimiter matches, or that lies between two matches.
struct Segment {
  var range: Range<Int>
  var isMatch: Bool
}

/// What text is cut at.
protocol Delimiter: Sendable {
  /// Appends the matches within the range and what stands between them, from left to right, without gaps.
  func segments(of bytes: [UInt8], in range: Range<Int>, into segments: inout [Segment])
}

/// Every scalar of a set by itself.
struct ScalarDelimiter: Delimiter {
  private let classes: ScalarClasses

  init?(_ set: ScalarSet) {
    guard let classes = ScalarClasses([set]) else { return nil }
    self.classes = classes
  }

  func segments(of bytes: [UInt8], in range: Range<Int>, into segments: inout [Segment]) {
    var open = range.lowerBound
    var position = range.lowerBound
    while position < range.upperBound {
      let (scalar, length) = bytes.scalar(at: position)
      let end = position + length
      if classes.mask(scalar) != 0 {
        if open < position { segments.append(Segment(range: open..<position, isMatch: false)) }
        segments.append(Segment(range: position..<end, isMatch: true))
        open = end
      }
      position = end
    }
    if open < range.upperBound { segments.append(Segment(range: open..<range.upperBound, isMatch: false)) }
  }
}

/// What becomes of the delimiters (`behavior` of tokenizer.json).
enum DelimiterBehavior: String {
  case removed = "Removed"
  case isolated = "Isolated"
  case contiguous = "Contiguous"
  case mergedWithPrevious = "MergedWithPrevious"
  case mergedWithNext = "MergedWithNext"

  /// The pieces that remain; one of them may be empty.
  func pieces(_ segments: [Segment]) -> [Range<Int>] {
    switch self {
    case .removed: return segments.filter { !$0.isMatch }.map(\.range)
    case .isolated: return segments.map(\.range)
    case .contiguous: return joined(segments) { $0.isMatch == $1 }
    case .mergedWithPrevious: return joined(segments) { $0.isMatch && !$1 }
    case .mergedWithNext: return joined(segments.reversed()) { $0.isMatch && !$1 }.reversed()
    }
  }

  /// A segment goes to the piece before it where `joins` says so, given whether the segment before was a match.
  private func joined(_ segments: [Segment], _ joins: (Segment, Bool) -> Bool) -> [Range<Int>] {
    var pieces: [Range<Int>] = []
    var previous = false
    for segment in segments {
      if joins(segment, previous), let last = pieces.last {
        let (a, b) = (last, segment.range)
        pieces[pieces.count - 1] = min(a.lowerBound, b.lowerBound)..<max(a.upperBound, b.upperBound)
      } else {
        pieces.append(segment.range)
      }
      previous = segment.isMatch
    }
    return pieces
  }
}
