import Testing

@testable import Evaluation

/// Answers in the forms that programs read and write: objects, boxes, marks, and thought before the answer.
@Suite struct MachineAnswerTests {
  private func read(_ text: String) -> Set<String> { DefaultScorer.labels(in: text, vocabulary: .ptbXLSuper) }

  private static let objects: [(text: String, labels: String)] = [
    (#"{"MI": true, "CD": false}"#, "MI"), (#"{"MI": 1, "CD": 0}"#, "MI"), (#"{"MI": "yes", "CD": "no"}"#, "MI"),
    ("{'MI': 'yes', 'CD': 'no', 'HYP': \"absent\"}", "MI"), (#"{"mi": true, "cd": false}"#, "MI"),
    (#"{"MI": true, "CD": null}"#, "MI"),
    ("{\n  \"NORM\": false,\n  \"MI\": true,\n  \"Hypertrophy\": \"not present\"\n}", "MI"),
    (#"["MI", "CD"]"#, "MI CD"), (#""MI", "CD""#, "MI CD"), ("“MI”: “no”; “CD”: “yes”", "CD"),
  ]

  @Test(arguments: objects) func quotationMarksAroundNamesAndVerdictsArePassedOver(text: String, labels: String) {
    #expect(read(text) == Set(labels.split(separator: " ").map(String.init)), "\(text)")
  }

  /// Each is of MI, and denies CD; those with HYP deny that, too.
  @Test(arguments: [
    "[x] MI [ ] CD", "- [x] MI\n- [ ] CD", "- [X] MI\n- [ ] CD\n- [ ] **HYP**", "☑ MI ☐ CD", "✅ MI ❌ CD",
    "✓ MI, ✗ CD", "✔ MI ✘ CD", "✔\u{FE0F} MI\n❌ CD, HYP", "✅ MI\n✅ No CD", "❌ Evidence of CD\n✅ MI", "[x] mi [ ] cd",
    "MI ✓ CD ✗", "MI ☑ CD ☐", "MI: ✅\nCD: ❌", "MI: ✓, CD: ✗", "MI - ✔\nCD - ✘", "MI (✓) CD (✗)", "MI [x] CD [ ]",
    "**MI**: ✅ **CD**: ❌", "CD and HYP ✗, MI ✓", "MI (myocardial infarction) ✓ CD (conduction disturbance) ✗",
    "| MI | ✓ |\n| CD | ✗ |", "| MI | [x] |\n| CD | [ ] |", "| ✓ | MI |\n| ✗ | CD |", "| [x] | MI | [ ] | CD |",
    "❌ Not CD: MI",
  ]) func marksAreOfTheLabelThatTheyStandBy(text: String) {
    #expect(read(text) == ["MI"], "\(text)")
  }

  @Test func marksAreOfOptionsToo() {
    let options = ["p duration", "qt interval", "none"]
    #expect(DefaultScorer.options(options, in: "[x] p duration [ ] qt interval") == ["p duration"])
    #expect(DefaultScorer.options(options, in: "p duration ✗, qt interval ✓") == ["qt interval"])
    // A mark within the name of an option is none.
    #expect(DefaultScorer.options(["x", "y"], in: "[x]") == ["x"])
  }

  private static let phrases: [(text: String, labels: String)] = [
    ("The labels NORM, STTC, CD and HYP do not apply; MI applies", "MI"), ("NORM does not apply. MI does.", "MI"),
    ("NORM and CD don't apply; MI applies", "MI"), ("There is MI and CD does not apply", "MI"),
    ("MI does not show CD", "MI"), ("MI was considered but excluded; CD", "CD"),
    ("MI was suspected but ruled out. CD", "CD"),
    ("MI considered unlikely; CD", "CD"), ("MI was considered but not excluded; CD", "MI CD"),
    ("MI was considered and CD is seen", "MI CD"), ("no evidence for an acute or old MI, HYP is seen", "HYP"),
    ("no evidence of a recent or an old MI; HYP", "HYP"), ("rule out MI; HYP", "HYP"), ("Rule out MI, HYP", "HYP"),
    ("to rule out MI or CD; HYP", "HYP"), ("R/O MI; HYP", "HYP"), ("We ruled out MI; HYP", "HYP"),
    ("cannot rule out MI", "MI"), ("cannot entirely rule out MI", "MI"), ("MI cannot be ruled out", "MI"),
    ("Several myocardial infarctions; no conduction disturbances", "MI"),
    ("Hypertrophies and ST/T changes", "HYP STTC"),
    ("cannot rule out an old inferior wall MI", "MI"), ("rule out an old inferior wall MI; HYP", "HYP"),
    ("It isn’t MI", ""), ("MI is rejected; CD", "CD"),
  ]

  @Test(arguments: phrases) func whatIsSaidOfALabelInFurtherWordsIsRead(text: String, labels: String) {
    #expect(read(text) == Set(labels.split(separator: " ").map(String.init)), "\(text)")
  }

  @Test func namesOfSeveralWordsAreReadInThePlural() {
    #expect(DefaultScorer.labels(in: "Two first-degree AV blocks", vocabulary: .code15) == ["1dAVb"])
    #expect(DefaultScorer.labels(in: "premature ventricular contractions", vocabulary: .cpsc2018) == ["PVC"])
    #expect(read("normals, CDs") == [])
  }

  @Test func thoughtIsNoAnswer() {
    #expect(read("<think>NORM or CD?</think> MI") == ["MI"])
    #expect(read("<think>NORM or CD?") == [] && read("MI <think> no,") == ["MI"])
    #expect(read("NORM or CD?</think>MI") == ["MI"] && read("<THINK>no</THINK>\nmi") == ["MI"])
    #expect(read("MI <think>HYP</think> CD") == ["MI", "CD"] && read("MI<think></think>CD") == ["MI", "CD"])
    #expect(read("<think>Answer: CD</think> MI") == ["MI"] && read("2 < 3 thinks MI") == ["MI"])
    let options = ["p duration", "qt interval"]
    #expect(DefaultScorer.options(options, in: "<think>p duration</think> qt interval") == ["qt interval"])
    #expect(DefaultScorer.verdict(in: "<think>no, or yes?</think>Yes") == .yes)
    let letters = ["alpha", "beta", "gamma"]
    #expect(DefaultScorer.letter(in: "<think>A? The answer is B.</think> C", options: letters) == "C")
    #expect(DefaultScorer.letter(in: "A or B?</think>\n\nC", options: letters) == "C")
    #expect(DefaultScorer.letter(in: "<think>The answer is B.", options: letters) == nil)
    #expect(
      DefaultScorer.labels(in: "<think>lvh?</think> sinus rhythm", vocabulary: .reportStatements) == ["SR"])
    let overlap = TextOverlap(reference: "sinus rhythm", generated: "<think>AF, or not</think>sinus rhythm")
    #expect(overlap.tokenF1 == 1 && overlap.rougeL == 1 && overlap.statementF1 == 1)
    #expect(TextOverlap.words("<think>sinus") == [])
    // The published scorer reads thought as well.
    #expect(ECGBenchScorer.predictedLabels(.ptbXLSuper, text: "<think>NORM</think> MI") == ["NORM", "MI"])
    #expect(ECGBenchScorer.choice(in: "<think>A.</think> C.") == .letter("A"))
  }
}
