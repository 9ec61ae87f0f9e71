import Tensors

/// Every match of a pattern, from the left, replaced by a text; a normalizer and a decoder (`Replace`).
struct TextReplacement: Sendable {
  private enum Pattern: Sendable {
    case literal([UInt8])
    case expression(SplitPattern)
  }

  private let pattern: Pattern
  private let content: [UInt8]

  /// The rule of a tokenizer.json; `part` is what errors call its place.
  init(_ value: JSONValue, in part: String, _ file: TokenizerFile) throws {
    if let literal = value["pattern"]?["String"]?.string, !literal.isEmpty {
      pattern = .literal(Array(literal.utf8))
    } else if let expression = value["pattern"]?["Regex"]?.string {
      pattern = .expression(try file.pattern(expression))
    } else {
      throw file.unsupported("a Replace rule without a pattern in the \(part)")
    }
    content = Array(try file.text(value, "content").utf8)
  }

  /// A rule for a plain string. - Precondition: it is not empty.
  init(literal: String, by content: String) {
    pattern = .literal(Array(literal.utf8))
    self.content = Array(content.utf8)
  }

  /// Appends the replaced text of the range; whether its first byte is still the first.
  @discardableResult
  func append(_ bytes: [UInt8], _ range: Range<Int>, to text: inout [UInt8]) -> Bool {
    switch pattern {
    case .literal(let literal):
      let startsWithMatch = bytes.holds(literal, at: range.lowerBound, until: range.upperBound)
      var position = range.lowerBound
      while position < range.upperBound {
        if bytes[position] == literal[0], bytes.holds(literal, at: position, until: range.upperBound) {
          text += content
          position += literal.count
        } else {
          text.append(bytes[position])
          position += 1
        }
      }
      return !(startsWithMatch && content.isEmpty)
    case .expression(let pattern):
      var segments: [Segment] = []
      pattern.segments(of: bytes, in: range, into: &segments)
      for segment in segments {
        if segment.isMatch { text += content } else { text += bytes[segment.range] }
      }
      return !(content.isEmpty && segments.first.map { $0.isMatch && !$0.range.isEmpty } ?? false)
    }
  }
}
