import Tensors
import Testing

@testable import Evaluation

/// How far a denial reaches, and what ends it.
@Suite struct DenialTests {
  private func read(_ text: String) -> Set<String> { DefaultScorer.labels(in: text, vocabulary: .ptbXLSuper) }

  private static let cases: [(text: String, labels: String)] = [
    ("No MI but CD is present", "CD"),
    ("There is no MI and STTC is present", "STTC"),
    ("Not only MI but also CD", "MI CD"),
    ("The ECG does not show NORM but rather MI and HYP", "MI HYP"),
    ("norm", "NORM"),
    ("NORM 0, MI 1", "MI"),
    ("NORM (0), MI (1)", "MI"),
    ("MI? No. CD? Yes.", "CD"),
    ("ＮＯＲＭ：no、ＭＩ：yes", "MI"),
    ("mi", "MI"),
    ("sttc; cd", "STTC CD"),
    ("| NORM | No |\n| MI | Yes |", "MI"),
    ("MI rather than CD", "MI"),
    ("There is no myocardial infarction but conduction disturbance", "CD"),
    ("I may mi the cd", ""),
    ("No MI, CD or HYP", ""),
    ("no evidence of MI and CD", ""),
    ("NORM: no\nMI: yes\nCD = absent\nHYP", "MI HYP"),
    ("No MI, and CD is present", "CD"),
    ("No MI and CD is present", "CD"),
    ("No evidence of MI and CD is present", ""),
    ("No MI or CD is present", ""),
    ("No MI and CD are present", ""),
    ("There is no MI and conduction disturbances are present", "CD"),
    ("There is no MI, CD or HYP and STTC is seen", "STTC"),
    ("There is no MI, CD and HYP are present", "CD HYP"),
    ("No MI, CD and HYP are present", ""),
    ("No MI, CD and HYP", ""),
    ("No MI (myocardial infarction), CD (conduction disturbance) or HYP (hypertrophy)", ""),
    ("no MI or CD, HYP", "HYP"),
    ("There is MI and CD is absent", "MI"),
    ("MI and CD is absent", ""),
    ("MI is absent and CD is noted", "CD"),
    ("MI is not seen and CD", "CD"),
    ("MI is not seen and CD is present", "CD"),
    ("No MI is seen and CD is present", "CD"),
    ("There is no MI seen and CD is seen", "CD"),
    ("no MI seen or CD", ""),
    ("No MI and the ECG shows CD", "CD"),
    ("No MI and there is CD", "CD"),
    ("Instead of MI it shows CD", "CD"),
    ("CD instead of MI or HYP", "CD"),
    ("MI instead of CD", "MI"),
    ("HYP rather than MI and CD", "HYP"),
    ("Rather than MI, CD is present", "CD"),
    ("No MI; instead CD", "CD"),
    ("No MI whereas CD is noted", "CD"),
    ("No MI however CD", "CD"),
    ("no MI yet CD is seen", "CD"),
    ("not yet MI", ""),
    ("There is no doubt that MI is present", "MI"),
    ("no doubt MI", "MI"),
    ("cannot exclude MI", "MI"),
    ("does not rule out MI", "MI"),
    ("I cannot see MI", ""),
    ("No abnormality other than CD", "CD"),
    ("The ECG is anything but normal", ""),
    ("**MI**: no; **CD**: yes", "CD"),
    ("- **MI:** No\n- **CD:** Yes", "CD"),
    ("| MI | Myocardial infarction | No |\n| CD | Conduction disturbance | Yes |", "CD"),
    ("MI | no | CD | yes", "CD"),
    ("| MI | not present |\n| HYP | present |", "HYP"),
    ("MI - No\nCD - Yes", "CD"),
    ("MI/CD are absent", ""),
    ("no MI/CD", ""),
    ("Norm; Mi", "NORM MI"),
    ("mi and cd", "MI CD"),
    ("mi: no, cd: yes", "CD"),
    ("the mi is here", ""),
    ("No MI but no CD", ""),
    ("Not MI but CD and not HYP", "CD"),
    ("MI without CD but with HYP", "MI HYP"),
    ("no MI but CD, STTC and HYP", "CD STTC HYP"),
    ("The ECG is not normal, MI and HYP", "MI HYP"),
    ("The ECG is not normal but shows MI and HYP.", "MI HYP"),
    ("NORM is not only... MI", "NORM MI"),
    ("There is not MI but STTC (ST/T change) is present", "STTC"),
    ("There is no MI and STTC (ST/T change) is present", "STTC"),
    ("MI is not the only finding", "MI"),
    ("not just MI", "MI"),
    ("MI, CD are present but HYP is not", "MI CD"),
    ("MI, CD present. HYP not seen", "MI CD"),
    ("not MI or CD but HYP", "HYP"),
    ("No MI and no CD is present", ""),
    ("neither MI nor CD is present", ""),
    ("Neither MI nor CD but HYP", "HYP"),
    ("No signs of MI, CD, STTC and HYP", ""),
    ("does not show MI and CD", ""),
    ("does not show MI and CD is present", "CD"),
    ("The MI may mi", "MI"),
    ("MI is seen, HYP is not", "MI"),
    ("Among NORM, MI, STTC, CD and HYP, the ECG shows MI.", "MI"),
    ("Among the labels NORM, MI and CD this is CD; HYP is seen, too.", "CD HYP"),
    ("Among NORM, MI, CD: MI and CD", "MI CD"),
    ("Of what is seen, MI and CD are among NORM", "NORM MI CD"),
    // Lists that commas alone part.
    ("NORM. No MI, STTC, CD, HYP.", "NORM"),
    ("NORM. There are no signs of MI, STTC, CD, HYP.", "NORM"),
    ("Normal ECG (NORM), without evidence of MI, STTC, CD, HYP", "NORM"),
    ("NORM (Normal ECG); no MI, STTC, CD, HYP", "NORM"),
    ("No evidence of MI, HYP. CD is seen", "CD"),
    ("No evidence of MI, HYP is seen", "HYP"),
    ("The ECG does not show MI, STTC, CD, HYP", ""),
    ("does not show MI, CD and HYP", ""),
    ("The ECG is not normal, MI, HYP", "MI HYP"),
    ("No NORM, MI", "MI"),
    ("negative for MI, CD, HYP; STTC", "STTC"),
    ("NORM is therefore excluded; CD", "CD"),
    ("MI is likely absent, CD is likely", "CD"),
    ("CD can thus be excluded, HYP is probably present", "HYP"),
    // Under headings.
    ("Present: CD\nAbsent: MI, STTC, HYP", "CD"),
    ("Absent: MI, STTC, HYP\nPresent: CD", "CD"),
    ("Positive: CD; Negative: MI, STTC, HYP, NORM", "CD"),
    ("**Present:** CD, HYP\n**Absent:** MI, STTC", "CD HYP"),
    ("Absent: MI, STTC. CD is present.", "CD"),
    ("Labels not present: MI and STTC\nLabels present: CD", "CD"),
    ("Negative findings:\n- MI\n- STTC (ST/T change)\n\nPositive findings:\n- CD\n- HYP", "CD HYP"),
    ("Ruled out:\n\n- MI\n\n- HYP\n\nThe ECG shows CD", "CD"),
    ("Considered but rejected: MI, HYP\nFinal: CD", "CD"),
    ("No evidence of: MI, HYP", ""),
    (#"{"present": ["CD"], "absent": ["MI", "STTC"], "other": ["HYP"]}"#, "CD HYP"),
    ("{\"absent\": [\n  \"MI\",\n  \"HYP\"\n],\n\"present\": [\n  \"CD\"\n]}", "CD"),
    ("Yes: CD, HYP\nNo: MI, STTC, NORM", "CD HYP"),
    ("Is this ECG normal? No: MI", "MI"),
    ("Normal is excluded, because: MI is seen", "MI"),
    ("Findings: MI, CD", "MI CD"),
    ("Absent: none. MI", "MI"),
  ]

  @Test(arguments: cases) func aDenialReachesAsFarAsItsClauseSays(text: String, labels: String) {
    let expected = Set(labels.split(separator: " ").map(String.init))
    #expect(read(text) == expected, "\(text)")
  }

  /// Phrasings of two or three labels; those in small letters are denied.
  private static let phrasings: [String] = [
    "no a but B", "No a, but B", "There is no a but B is present", "There is no a and B is present",
    "There is no a, and B is seen", "No a is seen and B is noted", "The ECG shows no a but rather B and C",
    "The ECG does not show a but B", "It isn't a but B or C", "not a but B and not c", "B but not a", "B rather than a",
    "B instead of a", "B rather than a or c", "Instead of a it shows B", "not only A but also B", "Not just A, also B",
    "No a whereas B is evident", "No a; however, B", "no a, yet B is visible", "No a although B and C are seen",
    "no abnormality other than B", "There is no doubt that A is present", "cannot exclude A", "No a or c, B",
    "There is no a, c or b", "No a, c and b", "no evidence of a and b", "neither a nor b but C", "without a, b or c",
    "does not show a and b", "No a and b are present", "no evidence of a and b is present", "no a or b is seen",
    "There is A and b is absent", "A and B are present but c is not", "a is absent and B",
    "a is not seen and B is present",
    "a and b are absent", "A is present, b is not", "| A | Yes |\n| b | No |", "| a | no | B | yes |",
    "| A | present |\n|---|---|\n| b | not present |", "**A**: yes\n**b**: no", "- **a:** No\n- **B:** Yes",
    "A (yes), b (no)", "A - yes\nb - no", "a: no; B: yes; c: absent", "no a (seen before); B", "anything but a",
    "no a, b, c", "no evidence of a, b; C", "does not show a, b, c", "A\nAbsent: b, c", "Not seen: b, c; A",
    "a is therefore ruled out, B is present",
  ]

  @Test(arguments: phrasings) func anyLabelsAreReadAlikeInAPhrasing(phrasing: String) {
    let classes = ["MI", "STTC", "CD", "HYP", "NORM"]
    var random = CounterRandom(seed: 6, purpose: "phrasings")
    for _ in 0..<20 {
      var names = classes
      let chosen = (0..<3).map { _ in names.remove(at: random.integer(below: names.count)) }
      let held = Dictionary(uniqueKeysWithValues: zip(["A", "B", "C"], chosen))
      let denied = Dictionary(uniqueKeysWithValues: zip(["a", "b", "c"], chosen))
      var (text, expected, word) = ("", Set<String>(), "")
      for character in phrasing + " " {
        if character.isLetter || character == "'" {
          word.append(character)
        } else {
          if let label = held[word] { expected.insert(label) }
          text += held[word] ?? denied[word] ?? word
          text.append(character)
          word = ""
        }
      }
      #expect(read(text) == expected, "\(text)")
    }
  }

  @Test func labelsInAnyCaseAreReadWhereTheTextHoldsNothingElse() {
    #expect(read("mi, cd and hyp.") == ["MI", "CD", "HYP"] && read("[norm]") == ["NORM"])
    #expect(read("Sttc/hyp") == ["STTC", "HYP"] && read("mi (myocardial infarction)") == ["MI"])
    #expect(read("no mi") == [] && read("mi: no; cd: yes") == ["CD"])
    #expect(read("the mi") == [] && read("mi is seen") == [] && read("cd drive") == [])
    #expect(DefaultScorer.labels(in: "st", vocabulary: .code15) == ["ST"])
    #expect(DefaultScorer.labels(in: "st segment", vocabulary: .code15) == [])
  }

  @Test func optionsFollowTheSameRules() {
    let options = ["myocardial infarction", "conduction disturbance", "hypertrophy", "none"]
    func read(_ text: String) -> Set<String> { DefaultScorer.options(options, in: text) }
    #expect(read("There is no myocardial infarction but conduction disturbance") == ["conduction disturbance"])
    #expect(read("Hypertrophy rather than myocardial infarction") == ["hypertrophy"])
    #expect(read("Not only hypertrophy but also conduction disturbance") == ["hypertrophy", "conduction disturbance"])
    #expect(read("No hypertrophy, conduction disturbance or myocardial infarction") == [])
    #expect(read("None") == ["none"])
  }

  /// A model that says the same for ever: work that grew with the square of it would not end.
  @Test func endlessTextsAreRead() {
    let repeated = String(repeating: "x no MI, ", count: 100_000)
    #expect(read(repeated) == [] && read(repeated + "CD") == ["CD"])
    #expect(read(String(repeating: "Absent: MI ", count: 50_000)) == [])
    #expect(read(String(repeating: "Absent:\n- MI\n", count: 50_000) + "\nCD") == ["CD"])
    #expect(read(String(repeating: "| MI | no |\n", count: 50_000) + "| HYP | yes |") == ["HYP"])
  }
}
