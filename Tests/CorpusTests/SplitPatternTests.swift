import Tensors
import Testing

@testable import Corpus

@Suite struct SplitPatternTests {
  private func ranges(_ pattern: SplitPattern, _ text: String) -> [Range<Int>] {
    let bytes = Array(text.utf8)
    var segments: [Segment] = []
    pattern.segments(of: bytes, in: 0..<bytes.count, into: &segments)
    return segments.map(\.range)
  }

  private func pieces(_ expression: String, _ text: String) throws -> [String] {
    let bytes = Array(text.utf8)
    return try ranges(SplitPattern(expression), text).filter { !$0.isEmpty }
      .map { String(decoding: bytes[$0], as: UTF8.self) }
  }

  @Test func piecesJoinToTheText() throws {
    let pattern = try SplitPattern(TokenizerFile.byteLevelPattern)
    for sample in 0..<300 {
      var random = CounterRandom(seed: 3, purpose: "pattern", sample: UInt64(sample))
      let alphabet = Array("ab'stS 1\t\n.é\u{301}\u{A0}".unicodeScalars)
      var text = ""
      for _ in 0..<random.integer(below: 30) {
        text.unicodeScalars.append(alphabet[random.integer(below: alphabet.count)])
      }
      let ranges = ranges(pattern, text)
      #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
      #expect(ranges.first?.lowerBound ?? 0 == 0 && ranges.last?.upperBound ?? 0 == text.utf8.count)
      #expect(ranges.allSatisfy { !$0.isEmpty })
    }
  }

  @Test func constructsMatchAsTheirDefinitionSays() throws {
    #expect(try pieces(#"\d{1,3}"#, "12345a") == ["123", "45", "a"])
    #expect(try pieces(#"(?i:ab|c)"#, "xAbC") == ["x", "Ab", "C"])
    #expect(try pieces(#"a?+b|[^b-d\]]"#, "abx]") == ["ab", "x", "]"])
    #expect(try pieces(#"\s+(?!\S)|\s+"#, "a   b") == ["a", "  ", " ", "b"])
    #expect(try pieces(#"(?:ab)?c(?=d)"#, "abcdc") == ["abc", "dc"])
    #expect(try pieces(#"[\u4e00-\u9fa5]+"#, "a漢字b") == ["a", "漢字", "b"])
    // As the library has it: digits raised and fractions are words, but not between brackets.
    #expect(try pieces(#"\w+|[^\w\s]+"#, "x½y ¤¹") == ["x½y", " ", "¤¹"])
    #expect(try pieces(#"[\w]+|[\W]"#, "m² ¾b") == ["m", "²", " ", "¾", "b"])
    #expect(try pieces(#"é\p{^L}"#, "éé1é") == ["é", "é1", "é"])
  }

  /// An empty match cuts, as Oniguruma's do.
  @Test func emptyMatchesCut() throws {
    #expect(try pieces(#"x*"#, "abxxc") == ["a", "b", "xx", "c"])
  }

  @Test func longRunsAreMatchedInReasonableTime() throws {
    let pattern = try SplitPattern(TokenizerFile.byteLevelPattern)
    let text = String(repeating: " ", count: 200_000) + "x" + String(repeating: "y", count: 200_000)
    let clock = ContinuousClock()
    let time = clock.measure { #expect(ranges(pattern, text).count == 2) }
    #expect(time < .seconds(10))
  }

  @Test func unknownConstructsAreRefused() {
    for expression in [
      "(a)+", "a*?", "^a", "a$", #"\b"#, "(?<n>a)", "[a[b]]", "[a", "(a", "a)", "a{x}", #"\p{Foo}"#, "[b-a]", #"\u12"#,
    ] {
      #expect(throws: SplitPattern.Unsupported.self, "\(expression)") { try SplitPattern(expression) }
    }
  }

  @Test func behavioursDifferInWhereDelimitersGo() throws {
    func pieces(_ behavior: DelimiterBehavior, inverted: Bool = false) throws -> [String] {
      var pieces = Pieces(bytes: Array("a--b-".utf8), ranges: [0..<5], isAtStart: true)
      pieces.cut(at: try SplitPattern("-"), behavior, inverted: inverted)
      return pieces.ranges.map { String(decoding: pieces.bytes[$0], as: UTF8.self) }
    }
    #expect(try pieces(.removed) == ["a", "b"])
    #expect(try pieces(.removed, inverted: true) == ["-", "-", "-"])
    #expect(try pieces(.isolated) == ["a", "-", "-", "b", "-"])
    #expect(try pieces(.contiguous) == ["a", "--", "b", "-"])
    #expect(try pieces(.mergedWithPrevious) == ["a-", "-", "b-"])
    #expect(try pieces(.mergedWithNext) == ["a", "-", "-b", "-"])
  }
}
