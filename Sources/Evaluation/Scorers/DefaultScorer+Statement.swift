extension DefaultScorer {
  /// What words behind a label say of it: "is absent", "not seen", "are also present".
  struct Statement {
    /// Whether the label holds.
    let holds: Bool
    /// The word that it begins with where that is a verb; nil where it has none.
    let verb: String?
    /// The words behind it.
    let rest: ArraySlice<String>

    private static let denials: Set<String> = ["absent", "negative", "excluded", "unlikely"]
    /// What may stand between a label and its verdict.
    private static let fillers: Set<String> = [
      "is", "are", "was", "were", "be", "been", "has", "have", "had", "can", "could", "appears", "appear", "seems",
      "seem", "to", "clearly", "definitely", "both", "either", "also",
    ]
    /// What a label is that is there; behind "not", what denies it where no verb stands before: "MI not present".
    private static let findings: Set<String> = [
      "present", "seen", "evident", "found", "detected", "identified", "noted", "observed", "shown", "visible",
      "apparent", "suspected", "likely", "demonstrated", "indicated", "confirmed", "diagnosed",
    ]
    /// What makes of "not" something else than a denial: "cannot be excluded", "is not only".
    private static let reversals: Set<String> = ["excluded", "ruled", "only", "merely", "just"]

    static let denial = Statement(holds: false, verb: nil, rest: [])

    /// Nil where the words say nothing of what stands before them.
    /// - Parameter isWhole: whether their clause ends behind them, so that "is not" alone denies.
    static func of(_ words: [String], isWhole: Bool) -> Statement? {
      let said = words.drop(while: fillers.contains)
      guard let first = said.first else { return nil }
      let verb = said.startIndex > 0 ? words.first : nil
      let further = said.dropFirst().drop(while: fillers.contains)
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
      let isNo = ["no", "none", "false", "0"].contains(words.first ?? "") || words == ["not"]
      return isNo || of(words, isWhole: true)?.holds == false ? .denial : nil
    }
  }
}
