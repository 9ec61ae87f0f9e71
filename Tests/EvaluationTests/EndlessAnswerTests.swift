import Testing

@testable import Evaluation

/// Models that say the same until their last token: work that grew with the square of a text would not end.
@Suite struct EndlessAnswerTests {
  private static let labels: [(part: String, labels: String)] = [
    ("MI ", "MI"), ("MI and ", "MI"), ("MI or CD ", "MI CD"), ("MI'", "MI"), ("MI/", "MI"), ("MI is ", "MI"),
    ("MI x ", "MI"), ("x no MI, ", ""), ("MI is absent and ", ""), ("no MI and CD is absent x ", ""),
    ("MI was considered but ", "MI"),
    ("| MI ", "MI"), ("| MI | CD ", "MI CD"), ("| MI | no ", ""), ("MI ✓ CD ✗ ", "MI"), ("[ ] MI ", ""),
    (#"{"MI": true, "CD": false} "#, "MI"), ("myocardial infarction (MI) ", "MI"), ("considered ", ""),
    ("<think>MI ", ""),
  ]

  @Test(arguments: labels) func labelsAreRead(part: String, labels: String) {
    let text = String(repeating: part, count: 20_000)
    #expect(
      DefaultScorer.labels(in: text, vocabulary: .ptbXLSuper) == Set(labels.split(separator: " ").map(String.init)))
  }

  @Test(
    arguments: [
      ("not A, C or B ", nil), ("A and B are wrong and ", nil), ("A or B ", nil), ("A, ", "A"), ("A is correct. ", "A"),
      ("C, not A ", "C"), ("option ", nil), ("answer is ", nil), ("Answer: A ", "A"), ("choose ", nil), ("A'", nil),
      ("\\boxed{ ", nil), ("((((", nil), ("A is ", nil), ("A ", "A"),
    ] as [(String, String?)]) func lettersAreRead(part: String, letter: String?)
  {
    let text = String(repeating: part, count: 20_000)
    #expect(DefaultScorer.letter(in: text, options: ["alpha", "beta", "gamma", "delta"]) == letter)
  }

  @Test func optionsAndReportsAreRead() {
    let options = ["p duration", "qt interval", "none"]
    #expect(DefaultScorer.options(options, in: String(repeating: "p duration ", count: 20_000)) == ["p duration"])
    #expect(DefaultScorer.options(options, in: String(repeating: "none ", count: 100_000)) == ["none"])
    func read(_ text: String) -> Set<String> { DefaultScorer.labels(in: text, vocabulary: .reportStatements) }
    #expect(read(String(repeating: "sinus rhythm ", count: 20_000)) == ["SR"])
    #expect(read(String(repeating: "sinus rhythm. no lvh. ", count: 20_000)) == ["SR"])
    #expect(read(String(repeating: "infarct lvh ", count: 20_000) + "no LVH") == ["MI", "LVH"])
    let overlap = TextOverlap(
      reference: "sinus rhythm.", generated: String(repeating: "sinus rhythm. ", count: 100_000))
    #expect(overlap.statementF1 == 1 && overlap.tokenF1 == 4 / 200_002.0 && overlap.rougeL == 4 / 200_002.0)
  }
}
