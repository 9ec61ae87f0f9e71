extension DefaultScorer {
  /// What words behind a label say of it: "is absent", "not seen", "are also present".
  struct Statement {
    /// Whether the label holds.
    let holds: Bool
    /// The word that it begins with where that is a verb; nil where it has none.
    let verb: String?
    /// The words behind it.
    let rest: ArraySlice<String>

    /// How many words a statement has at the most: no more are looked at.
    static let reach = 12

    private static let denials: Set<String> = [
      "absent", "negative", "excluded", "unlikely", "rejected", "dismissed", "false",
    ]
    /// What may stand between a label and its verdict.
    private static let fillers: Set<String> = [
      "is", "are", "was", "were", "be", "been", "has", "have", "had", "can", "could", "appears", "appear", "seems",
      "seem", "to", "clearly", "definitely", "both", "either", "also", "therefore", "thus", "hence", "probably", "now",
    ]
    /// What a label is that is there; behind "not", what denies it where no verb stands before: "MI not present".
    private static let findings: Set<String> = [
      "present", "seen", "evident", "found", "detected", "identified", "noted", "observed", "shown", "visible",
      "apparent", "suspected", "likely", "demonstrated", "indicated", "confirmed", "diagnosed", "applies", "apply",
      "applicable", "true",
    ]
    /// What a label does not do that does not hold: "MI and CD do not apply".
    private static let holding: Set<String> = ["apply", "hold", "fit", "match", "exist", "occur"]
    /// What a label may be before a verdict that is against it: "was considered but excluded".
    private static let suspicions: Set<String> = ["considered", "suspected"]
    private static let turnings: Set<String> = ["but", "and", "then", "yet", "later", "subsequently", "finally"]
    /// What makes of "not" something else than a denial: "cannot be excluded", "is not only".
    private static let reversals: Set<String> = ["excluded", "ruled", "only", "merely", "just"]

    static let denial = Statement(holds: false, verb: nil, rest: [])

    /// Nil where the words say nothing of what stands before them.
    ///
    /// - Parameter isWhole: whether their clause ends behind them, so that "is not" alone denies.
    static func of(_ words: [String], isWhole: Bool) -> Statement? {
      var said = words.drop(while: fillers.contains)
      // "Is likely absent", "is most likely absent".
      let bare = said.drop { $0 == "most" || $0 == "likely" }
      if denials.contains(bare.first ?? "") { said = bare }
      guard let first = said.first else { return nil }
      let verb = said.startIndex > 0 ? words.first : nil
      let further = said.dropFirst().drop(while: fillers.contains)
      if let turned = turned(said, isWhole: isWhole) {
        return Statement(holds: false, verb: verb ?? turned.verb, rest: turned.rest)
      }
      if denials.contains(first) { return Statement(holds: false, verb: verb, rest: said.dropFirst()) }
      if findings.contains(first) { return Statement(holds: true, verb: verb, rest: said.dropFirst()) }
      if first == "ruled" {
        return further.first == "out" ? Statement(holds: false, verb: verb, rest: further.dropFirst()) : nil
      }
      guard first == "not" || first == "cannot" || first == "never" || first.hasSuffix("n't") else { return nil }
      guard let next = further.first else { return isWhole && verb != nil ? .denial : nil }
      guard !reversals.contains(next), !further.prefix(2).contains("only"),
        verb != nil || first != "not" || findings.contains(next)
      else { return nil }
      return Statement(holds: false, verb: verb, rest: further.dropFirst())
    }

    /// The denial in "was considered but excluded" and "does not apply"; nil where the words are none such.
    private static func turned(_ said: ArraySlice<String>, isWhole: Bool) -> Statement? {
      guard let first = said.first else { return nil }
      if suspicions.contains(first) {
        let then = said.dropFirst().drop { turnings.contains($0) || fillers.contains($0) }
        guard let next = then.first, !suspicions.contains(next), let denial = of(Array(then), isWhole: false),
          !denial.holds
        else { return nil }
        return Statement(holds: false, verb: nil, rest: denial.rest)
      }
      guard ["do", "does", "did"].contains(first), said.dropFirst().first == "not" else { return nil }
      let then = said.dropFirst(2).drop(while: fillers.contains)
      guard let next = then.first else { return isWhole ? Statement(holds: false, verb: first, rest: then) : nil }
      guard holding.contains(next) || findings.contains(next) else { return nil }
      return Statement(holds: false, verb: first, rest: then.dropFirst())
    }

    /// What the words of a cell of a table say.
    static func ofCell(_ words: [String]) -> Statement? {
      if [["yes"], ["true"], ["1"], ["positive"]].contains(words) {
        return Statement(holds: true, verb: nil, rest: [])
      }
      if [["no"], ["none"], ["false"], ["0"]].contains(words) || Array(words.prefix(2)) == ["no", "evidence"] {
        return .denial
      }
      return of(words, isWhole: true)
    }

    /// The denial in what follows a colon, if it is one.
    static func behindColon(_ words: [String]) -> Statement? {
      let isNo =
        ["no", "none", "false", "0", "null"].contains(words.first ?? "") || [["not"], ["n", "a"]].contains(words)
      return isNo || of(words, isWhole: true)?.holds == false ? .denial : nil
    }
  }
}
