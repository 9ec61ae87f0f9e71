import Tensors
import Testing

@testable import Evaluation

@Suite struct DefaultScorerTests {
  private func read(_ text: String) -> Set<String> { DefaultScorer.labels(in: text, vocabulary: .ptbXLSuper) }

  @Test func labelsAreWholeWords() {
    #expect(read("NORM") == ["NORM"])
    #expect(read("MI; STTC,CD/HYP.") == ["MI", "STTC", "CD", "HYP"])
    #expect(read("MIMIC, ABNORMAL, CDs, non-MI, HYP_2") == [])
    #expect(read("**MI** (HYP)") == ["MI", "HYP"])
    #expect(read("Anterior myocardial infarction with hypertrophy") == ["MI", "HYP"])
    #expect(read("") == [] && read("mi is mi") == [])
  }

  @Test func negatedMentionsDoNotCount() {
    #expect(read("No MI, but CD.") == ["CD"])
    #expect(read("There is no evidence of MI or HYP; STTC is present") == ["STTC"])
    #expect(read("HYP without MI") == ["HYP"])
    #expect(read("It isn't MI") == [])
    #expect(read("NORM: no\nMI: yes\nCD = absent\nHYP") == ["MI", "HYP"])
    #expect(read("No MI. MI.") == ["MI"])
  }

  private static let denials: [(text: String, labels: String)] = [
    ("no MI, CD or HYP", ""), ("No MI, CD, or HYP; STTC", "STTC"), ("Neither MI, CD nor HYP. STTC", "STTC"),
    ("without signs of MI (myocardial infarction), CD or HYP", ""), ("HYP, no MI or CD", "HYP"),
    ("No MI, but CD or HYP", "CD HYP"), ("no MI. CD or HYP", "CD HYP"), ("No MI: CD or HYP", "CD HYP"),
    ("MI, CD or HYP", "MI CD HYP"), ("CD is absent", ""), ("MI: not present", ""), ("MI not present", ""),
    ("MI is not seen, CD is", "CD"), ("MI (absent); CD (present)", "CD"), ("MI was ruled out. HYP", "HYP"),
    ("MI and CD are absent", ""), ("MI, CD and HYP are not seen", ""), ("MI is present, CD is absent", "MI"),
    ("MI cannot be excluded", "MI"), ("MI is not ruled out", "MI"), ("MI isn't present", ""),
    ("MI not only in V1", "MI"), ("MI, not CD", "MI"), ("MI but not CD", "MI"), ("MI not CD", "MI"),
    ("CD (conduction disturbance) is absent. MI", "MI"), ("MI = none", ""), ("HYP is unlikely", ""),
    ("MI with absent R waves", "MI"), ("Normal", "NORM"), ("The ECG is normal.", "NORM"), ("not normal", ""),
    ("Normal axis, normal sinus rhythm, normal R-wave progression; CD", "CD"), ("abnormal", ""),
    ("otherwise normal ECG", "NORM"), ("MI is true, CD is false", "MI"), ("MI (True), CD (False)", "MI"),
    ("MI → yes; CD → no", "MI"), ("MI (+), CD (-)", "MI"), ("MI; free of HYP", "MI"), ("MI, free from any HYP", "MI"),
    ("MI; lacks CD", "MI"), ("MI with lack of CD", "MI"), ("MI in the absence of CD", "MI"), ("MI; unlikely CD", "MI"),
    ("absence of P waves consistent with CD", "CD"), ("lack of R waves, MI", "MI"), ("MI; CD: N/A", "MI"),
    ("Not free of HYP", "HYP"), ("MI is unlikely and CD is present", "CD"), ("free wall MI", "MI"),
  ]

  @Test(arguments: denials) func whatATextDeniesIsNotRead(text: String, labels: String) {
    let expected = Set(labels.split(separator: " ").map(String.init))
    #expect(read(text) == expected, "\(text)")
  }

  /// Whatever is denied and affirmed in clauses of their own is told apart.
  @Test func denialsOfAnyFormLeaveTheOtherClausesAlone() {
    var random = CounterRandom(seed: 4, purpose: "denials")
    let classes = ["NORM", "MI", "STTC", "CD", "HYP"]
    func listed(_ names: [String], _ joint: String) -> String {
      names.count < 2
        ? names.joined() : names.dropLast().joined(separator: ", ") + " \(joint) \(names[names.count - 1])"
    }
    for _ in 0..<2000 {
      var names = classes
      let order = (0..<5).map { _ in names.remove(at: random.integer(below: names.count)) }
      let cut = random.integer(below: 6)
      let (denied, held) = (Array(order.prefix(cut)), Array(order.dropFirst(cut)))
      let forms = [
        "no \(listed(denied, "or"))", "without signs of \(listed(denied, ", or"))",
        "neither \(listed(denied, "nor"))", "\(listed(denied, "and")) are absent", "\(listed(denied, "or")) not seen",
        denied.map { "\($0): no" }.joined(separator: "; "),
        denied.map { "\($0) is not present" }.joined(separator: ", "),
      ]
      let denial = denied.isEmpty ? "" : forms[random.integer(below: forms.count)]
      let affirmed = ["\(listed(held, "and"))", held.map { "\($0): yes" }.joined(separator: "\n")][
        random.integer(below: 2)]
      let clauses = random.integer(below: 2) == 0 ? [denial, affirmed] : [affirmed, denial]
      let text = clauses.filter { !$0.isEmpty }.joined(separator: ["; ", ". ", "\n"][random.integer(below: 3)])
      #expect(read(text) == Set(held), "\(text)")
    }
  }

  @Test func theAnswerIsWhatFollowsItsMark() {
    #expect(read("It could be MI or CD. Answer: HYP") == ["HYP"])
    #expect(read("MI. Answer:") == ["MI"])
    #expect(read("answer : MI") == ["MI"])
  }

  @Test func code15KnowsSinusTachycardiaFromSTSegments() {
    func read(_ text: String) -> Set<String> { DefaultScorer.labels(in: text, vocabulary: .code15) }
    #expect(read("ST(sinus tachycardia)") == ["ST"])
    #expect(read("ST") == ["ST"])
    #expect(read("ST depression, ST-T changes, STD") == [])
    #expect(read("ABNORMAL") == ["ABNORMAL"])
    #expect(read("Normal axis, LBBB") == ["LBBB"])
    #expect(DefaultScorer.labels(in: "II-AVB, ST depression", vocabulary: .cpsc2018) == ["STD"])
  }

  @Test func verdictsAreRead() {
    let cases: [(String, DefaultScorer.Verdict?)] = [
      ("yes", .yes), ("No.", .no), ("Yes, there is no doubt", .yes), ("There is no MI", .no), ("Not sure", .notSure),
      ("normal", nil), ("", nil), ("either yes or no", nil), ("Let me see. Answer: no", .no), ("nothing, notes", nil),
    ]
    for (text, expected) in cases { #expect(DefaultScorer.verdict(in: text) == expected, "\(text)") }
  }

  @Test func theLongestOptionTakesItsWords() {
    let options = ["myocardial infarction", "anterior myocardial infarction", "none", "lead I", "lead II"]
    func read(_ text: String) -> Set<String> { DefaultScorer.options(options, in: text) }
    #expect(read("Anterior myocardial infarction") == ["anterior myocardial infarction"])
    #expect(read("lead II") == ["lead II"])
    #expect(read("lead I, lead II") == ["lead I", "lead II"])
    #expect(read("None") == ["none"] && read("nonetheless") == [])
    #expect(DefaultScorer.options(["yes", "no", "not sure"], in: "Not sure") == ["not sure"])
    #expect(DefaultScorer.options(["no", "yes"], in: "maybe") == [])
    #expect(DefaultScorer.options([], in: "x") == [])
  }

  private static let optionDenials: [(text: String, named: [String])] = [
    ("There is no p duration. The ECG shows qt interval and rr interval.", ["qt interval", "rr interval"]),
    ("No p duration, qt interval or rr interval.", []), ("p duration is not present; rr interval", ["rr interval"]),
    ("p duration: no\nqt interval: yes", ["qt interval"]), ("It doesn't show qt interval", []),
    ("none", ["none"]), ("None: no p duration or qt interval", ["none"]), ("None (no finding)", ["none"]),
    ("no q waves", ["no q waves"]), ("no q waves and rr interval", ["no q waves", "rr interval"]),
    ("There are no q waves; p duration", ["no q waves", "p duration"]), ("p duration, none", ["none", "p duration"]),
    ("not sure, p duration", ["not sure", "p duration"]),
  ]

  @Test(arguments: optionDenials) func optionsThatATextDeniesAreNotNamed(text: String, named: [String]) {
    let options = ["p duration", "qt interval", "rr interval", "no q waves", "not sure", "none"]
    #expect(DefaultScorer.options(options, in: text) == Set(named), "\(text)")
  }

  @Test func optionsOfAPromptKeepCommasInParentheses() {
    let prompt =
      "Options: bigeminal pattern (unknown origin, supraventricular, or ventricular), none\n\n"
      + "Only answer based on the given Options without any explanation."
    #expect(
      DefaultScorer.options(inPrompt: prompt)
        == ["bigeminal pattern (unknown origin, supraventricular, or ventricular)", "none"])
    #expect(DefaultScorer.options(inPrompt: "no list") == [])
  }

  @Test func lettersAreReadWhereTheyAreSetOff() {
    let options = ["normal axis", "left axis deviation", "right axis deviation", "axis of an ECG"]
    let cases: [(String, String?)] = [
      ("B", "B"), ("b", "B"), ("(C) right", "C"), ("D. axis of an ECG.", "D"), ("Answer: B", "B"),
      ("**Answer:** C", "C"),
      ("A. is wrong, C. too. The correct option is B", "B"), ("The answer is A because", "A"), ("ECG.", nil), ("", nil),
      ("A normal ECG", nil), ("Left axis deviation", "B"), ("B. or C.", nil), ("I doubt B. or C.", nil),
      ("A. Option C is wrong", "A"), ("H.", nil), ("Answer: $D", "D"),
      ("I cannot answer. A normal ECG it is", nil), ("I see left axis deviation, not right axis deviation", "B"),
    ]
    for (text, expected) in cases { #expect(DefaultScorer.letter(in: text, options: options) == expected, "\(text)") }
    #expect(DefaultScorer.letter(in: "A", options: []) == nil)
  }

  @Test(arguments: [
    (#"Final answer: $\boxed{B}$"#, "B"), (#"So \boxed{\text{(C)}} it is, not A."#, "C"), (#"\boxed{B. left}"#, "B"),
    (#"Answer: \boxed{D}"#, "D"), (#"First \boxed{A}. Final answer: \boxed{B}"#, "B"),
    (#"\boxed{A} or \boxed{B}"#, nil),
    (#"A. \boxed{A} and then \boxed{C}"#, nil), (#"\boxed{H}"#, nil), (#"\boxed{A normal axis"#, nil),
    (#"\boxed{"#, nil),
    ("I would choose (B) fibrillation rather than (A) or (C).", "B"), ("I select option C because of A.", "C"),
    ("I choose **D**", "D"), ("I would not choose (A), nor select (B)", nil), ("I'd choose B. I choose B!", "B"),
    ("I choose A or B.", nil), ("I choose (A). Then I select (B).", nil), ("I choose either (A) or (B)", nil),
    ("Choose one of A, B and C", nil), ("It is B or C.", nil), ("One might choose (A), but (B) is right", nil),
    ("I cannot choose A. (B) fits", nil), ("The answer is A or B.", nil), ("Answer: A, B", nil), ("Answer: A/B", nil),
    ("Answer: (A) and (B)", nil), ("Answer: A, or B", nil), ("The answer is (B) and not (A)", "B"),
    ("The answer is B, as A has no P waves", "B"), ("The answer is A or B. No, the answer is C", "C"),
  ]) func aLetterIsReadWhereItIsChosenAndNotGuessed(text: String, letter: String?) {
    #expect(DefaultScorer.letter(in: text, options: ["alpha", "beta", "gamma", "delta"]) == letter, "\(text)")
  }

  @Test(
    arguments: [
      ("**B**", "B"), ("b", "B"), ("b.", "B"), ("(b)", "B"), (" `C` ", "C"), ("__D__", "D"), ("\"a\".", "A"),
      ("- B", "B"),
      ("Answer: b", "B"), ("answer: **b**", "B"), ("Answer: b) beta", "B"), ("Answer: a, because", "A"),
      ("The answer is b.", "B"), ("The answer is c because of it", "C"), ("Option b", "B"), ("Option: d", "D"),
      ("My choice: c, since", "C"), ("the correct option is b", "B"), ("B, because A has no P waves", "B"),
      ("**B**, since", "B"), ("I think it is **B** here", "B"), ("**B.** Beta", "B"),
      ("The ECG is not A. It is B.", "B"), ("A. is wrong. B. is right.", "B"), ("A: incorrect\nB: beta", "B"),
      ("A is wrong. I take B.", "B"), ("Neither A nor B. C.", "C"), ("not A or B: C.", "C"),
      ("C. A is not correct.", "C"),
      ("A. Incorrect lead placement", "A"), ("The answer A is wrong. It must be D.", "D"),
      ("A is false at first sight. The answer is A", "A"),
      // No letter, or none that can be told.
      ("A normal ECG", nil), ("a normal ECG", nil), ("Answer: A normal ECG", nil), ("The answer is a normal ECG", nil),
      ("answer: a wide QRS", nil), ("The answer is a", nil), ("b or c", nil), ("Answer: b or c", nil), ("B, C", nil),
      ("Option a normal ECG", nil), ("Option A or option B", nil), ("see b. there", nil), ("not A", nil),
      ("Answer: not A", nil), ("I see a P wave", nil), ("A is wrong", nil), ("h", nil), ("Option B is wrong", nil),
    ] as [(String, String?)])
  func aLetterOfAnyFormIsReadAndAnArticleIsNone(text: String, letter: String?) {
    #expect(DefaultScorer.letter(in: text, options: ["alpha", "beta", "gamma", "delta"]) == letter, "\(text)")
  }

  /// An article before any words is no option, wherever it stands.
  @Test func noArticleIsEverAnOption() {
    for article in ["A", "a"] {
      for words in ["normal ECG", "wide complex", "left axis", "first-degree block", "sinus rhythm", "P wave"] {
        for before in ["", "It is ", "Answer: ", "The answer is ", "The correct option is ", "I choose ", "Option: "] {
          let text = before + article + " " + words
          #expect(DefaultScorer.letter(in: text, options: ["w", "x", "y", "z"]) == nil, "\(text)")
        }
      }
    }
  }

  /// Whatever is generated: no trap, only stated labels, options and letters.
  @Test func anyTextIsReadWithoutTrap() {
    var random = CounterRandom(seed: 1, purpose: "fuzz")
    let pieces = [
      "MI", "NORM", "ST", "Answer:", "answer", " ", ",", ".", ":", "=", "-", "(", ")", "\n", "\r\n", "no", "not sure",
      "yes",
      "A", "B.", "The correct option is ", "Options:", "choose ", "\\boxed{", "}", "or", "\u{301}", "é", "İ", "ß", "🫀",
      "\u{0}", "lead I", "-MI", "n't",
    ]
    let options = ["lead I", "lead II", "MI", "not sure", "", "é"]
    for _ in 0..<3000 {
      let text = (0..<random.integer(below: 12)).map { _ in pieces[random.integer(below: pieces.count)] }.joined()
      for vocabulary in [DefaultScorer.Vocabulary.ptbXLSuper, .code15, .cpsc2018] {
        #expect(DefaultScorer.labels(in: text, vocabulary: vocabulary).isSubset(of: vocabulary.labels))
      }
      #expect(DefaultScorer.options(options, in: text).isSubset(of: options))
      if let letter = DefaultScorer.letter(in: text, options: options) { #expect("ABCDEF".contains(letter)) }
      _ = DefaultScorer.verdict(in: text)
      _ = DefaultScorer.options(inPrompt: text)
      _ = ECGBenchScorer.options(inPrompt: text)
      _ = ECGBenchScorer.choice(in: text)
      let published = ECGBenchScorer.predictedLabels(.ptbXLSuper, text: text)
      let whole = DefaultScorer.labels(
        in: text, vocabulary: .init(["NORM", "MI", "STTC", "CD", "HYP"].map { .init($0) }))
      #expect(whole.isSubset(of: published), "a whole word is a substring: \(text)")
    }
  }
}
