import Testing

@testable import Evaluation

/// Letters that a text calls right or wrong, or sets against each other.
@Suite struct LetterVerdictTests {
  private func read(_ text: String) -> String? {
    DefaultScorer.letter(in: text, options: ["opta", "optb", "optc", "optd"])
  }

  @Test(arguments: [
    "C and not D", "I would say that it is C, not A.", "C rather than D", "It must be C instead of option B",
    "The best choice is C, since A, B and D are wrong", "A, B and D are wrong. It is C.",
    "A is incorrect. B is incorrect. C is correct.", "A and B are both wrong, so C is right",
    "A and B are not correct; C is correct.", "A is wrong, B is wrong, D is wrong, C is the correct one",
    "Not A. Not B. C is the best answer", "A. opta is wrong; C is right", "(A) opta is incorrect, (C) optc is correct",
    "It isn’t A. It's C.", "The answer is 'C'",
    "A: no; B: no; C: yes; D: no", "A: No\nB: No\nC: Yes\nD: No", "- [ ] A\n- [ ] B\n- [x] C\n- [ ] D",
    "[X] C. optc", "☐ A. opta ☑ C. optc", "A ✗\nC ✓", "A. opta ❌ C. optc ✅", "- [x] **C**",
    "C is the answer", "C because the QRS is wide", "A is unlikely; B is unlikely; D is possible but C is most likely.",
    "A - No\nB - No\nC - Yes\nD - No", "A. opta: no.\nB. optb: no.\nC. optc: yes.\nD. optd: no.", "C。",
    "Answer: A\nWait, actually the answer is C", "Answer: C. The answer A is wrong",
    "Answer: C. That answer fits best.", "It must be C, since the QRS is wide", "I think it is C because of the axis",
    "C is better than B", "I'd pick option C because A and B are ruled out.", "I'll go with C.",
    "C, since A and B can be excluded", "C is more likely than B.", "It can be none other than C",
    "A is less likely than C.",
    // Full-width, and with signs that show nothing.
    "Ｃ", "Ｃ．", "Answer：Ｃ", "C\u{200B}", "The answer is C\u{200B}.", "\u{FEFF}C",
  ]) func theLetterThatIsRightIsRead(text: String) {
    #expect(read(text) == "C", "\(text)")
  }

  @Test(arguments: [
    "B or C is correct", "B and C are correct", "C and D are right, not A", "A or C, not D", "C, A and B are wrong",
    "C is correct, D is correct", "I doubt that C is correct", "I don't think C is correct",
    "If C is right, A is wrong",
    "One might choose (A), but (B) is right", "Is C correct?", "A is right axis deviation",
    "C is right bundle branch block",
    "not A or B or D", "neither A, B nor D", "A is wrong and B is wrong", "A. opta is wrong", "A, B and C are wrong",
    "Ｃ or Ｄ", "A: no", "[x] B\n[x] C", "A ✓ B ✓", "[ ] A\n[ ] B", "A: no, but B or C",
    "It cannot be C, since the QRS is wide", "It is not C because the axis is normal",
  ]) func whatIsAmbiguousStaysUnread(text: String) {
    #expect(read(text) == nil, "\(text)")
  }

  @Test func anOptionMayItselfBeginWithAVerdict() {
    let options = ["incorrect lead placement", "true posterior infarction", "sinus rhythm is wrong"]
    func read(_ text: String) -> String? { DefaultScorer.letter(in: text, options: options) }
    #expect(read("A. incorrect lead placement") == "A" && read("B. true posterior infarction") == "B")
    #expect(read("C. sinus rhythm is wrong") == "C")
    #expect(read("C. sinus rhythm is wrong is incorrect; B is correct") == "B")
    #expect(DefaultScorer.letter(in: "A: no", options: ["no", "yes"]) == "A")
  }
}
