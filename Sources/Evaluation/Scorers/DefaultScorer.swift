/// Reads answers from generated text the way a careful reader would: whole words, negations, the stated options.
///
/// A text in which nothing can be read has no answer; it is counted as such and scored as wrong, never guessed.
public enum DefaultScorer {
  /// Labels with the ways to write them.
  public struct Vocabulary: Sendable {
    public struct Entry: Sendable {
      /// The label itself, matched as it is written.
      public var label: String
      /// Other names, matched in any case; those of several words in the plural, too.
      public let names: [String]
      /// Words that, directly behind the label, give it another meaning ("ST segment" is no sinus tachycardia).
      public var otherBefore: Set<String>
      /// The names and their plurals.
      let phrases: [String]

      public init(_ label: String, _ names: [String] = [], otherBefore: Set<String> = []) {
        self.label = label
        self.names = names
        self.otherBefore = otherBefore
        phrases = names + names.filter { $0.contains(" ") }.compactMap(Self.plural)
      }

      private static func plural(_ name: String) -> String? {
        switch name.last {
        case "s": nil
        case "y": name.dropLast() + "ies"
        default: name + "s"
        }
      }
    }

    public var entries: [Entry]
    public var labels: [String] { entries.map(\.label) }
    /// Words that negate what follows, beside the English ones.
    var furtherNegators: Set<String> = []
    /// How many words before a label are looked at for a negation.
    var reach = 5

    public init(_ entries: [Entry]) { self.entries = entries }

    /// The five superclasses of PTB-XL.
    public static let ptbXLSuper = Vocabulary([
      Entry("NORM", ["normal", "normal ECG", "normal electrocardiogram"], otherBefore: normalParts),
      Entry("MI", ["myocardial infarction"]),
      Entry("STTC", ["ST/T change", "ST-T change"]),
      Entry("CD", ["conduction disturbance"]),
      Entry("HYP", ["hypertrophy", "hypertrophies"]),
    ])

    /// What can be normal in an abnormal ECG.
    private static let normalParts: Set<String> = [
      "axis", "rhythm", "sinus", "rate", "interval", "intervals", "p", "pr", "qrs", "qt", "qtc", "r", "st", "t",
      "voltage",
      "av", "cardiac", "conduction", "duration", "electrical", "frontal", "heart", "left", "morphology", "progression",
      "repolarisation", "repolarization", "right", "ventricular", "atrial", "wave", "waves",
    ]

    /// The six diagnoses of CODE-15%, normal and abnormal.
    public static let code15 = Vocabulary([
      Entry("NORM", ["normal", "normal ECG"], otherBefore: normalParts),
      Entry("ABNORMAL", ["abnormal", "abnormal ECG"]),
      Entry("1dAVb", ["1st degree AV block", "first degree AV block", "first-degree AV block"]),
      Entry("RBBB", ["right bundle branch block"]),
      Entry("LBBB", ["left bundle branch block"]),
      Entry("SB", ["sinus bradycardia"]),
      Entry(
        "ST", ["sinus tachycardia"], otherBefore: ["segment", "depression", "elevation", "change", "changes", "t"]),
      Entry("AF", ["atrial fibrillation"]),
    ])

    /// The nine classes of CPSC 2018.
    public static let cpsc2018 = Vocabulary([
      Entry("NORM", ["normal ECG", "normal"], otherBefore: normalParts),
      Entry("AF", ["atrial fibrillation"]),
      Entry("I-AVB", ["first-degree atrioventricular block", "first degree atrioventricular block"]),
      Entry("LBBB", ["left bundle branch block"]),
      Entry("RBBB", ["right bundle branch block"]),
      Entry("PAC", ["premature atrial contraction"]),
      Entry("PVC", ["premature ventricular contraction"]),
      Entry("STD", ["ST-segment depression", "ST segment depression", "ST depression"]),
      Entry("STE", ["ST-segment elevated", "ST-segment elevation", "ST segment elevation", "ST elevation"]),
    ])
  }

  /// The labels a text asserts.
  ///
  /// Behind the last "Answer:" where there is one, and without what stands between `<think>` tags. A mention counts when it is
  /// a whole word, is not part of a longer name of another label ("incomplete right bundle branch block"), and the text does
  /// not deny it (`MentionReading`): not by a negation before it ("no MI", "without MI, CD or HYP"), not by a verdict behind
  /// it ("MI: no", "CD is absent") and not by an empty box or a cross ("[ ] MI"). Labels are read as they are written; in any
  /// case where the text holds nothing else ("mi; cd").
  /// - Complexity: O(text * names that begin alike + mentions * (log text + words within reach)).
  public static func labels(in text: String, vocabulary: Vocabulary) -> Set<String> {
    let words = WordText(answer(in: plain(withoutReasoning(text))))
    let isCaseSensitive = !isListing(words, vocabulary)
    let mentions = vocabulary.entries.flatMap { entry in
      (words.ranges(of: entry.label, caseSensitive: isCaseSensitive)
        + entry.phrases.flatMap { words.ranges(of: $0, caseSensitive: false) }).map { Mention(entry: entry, range: $0) }
    }
    return Set(asserted(outermost(mentions), in: words, vocabulary).map(\.entry.label))
  }

  /// Without those that lie within a longer mention of another label. - Complexity: O(mentions * log mentions).
  private static func outermost(_ mentions: [Mention]) -> [Mention] {
    // The mention that ends last so far, and the one that does of all other labels; the longer one of two that end alike.
    var (farthest, other): (Mention?, Mention?)
    return mentions.sorted {
      ($0.range.lowerBound, -$0.range.upperBound) < ($1.range.lowerBound, -$1.range.upperBound)
    }.filter { mention in
      let (end, label) = (mention.range.upperBound, mention.entry.label)
      let around = farthest?.entry.label == label ? other : farthest
      let isWithin = around.map { $0.range.upperBound >= end && $0.range != mention.range } ?? false
      if end > farthest?.range.upperBound ?? 0 {
        if farthest?.entry.label != label { other = farthest }
        farthest = mention
      } else if label != farthest?.entry.label, end > other?.range.upperBound ?? 0 {
        other = mention
      }
      return !isWithin
    }
  }

  /// What a text of labels alone may hold beside them: what joins them, and verdicts.
  private static let listed: Set<String> = ["and", "or", "yes", "no", "true", "false", "1", "0", "x"]

  /// Whether a text holds labels in any case, what joins them and verdicts, and no other word.
  private static func isListing(_ text: WordText, _ vocabulary: Vocabulary) -> Bool {
    let named = vocabulary.entries.flatMap { [$0.label] + $0.phrases }
    let left = text.hiding(named.flatMap { text.ranges(of: $0, caseSensitive: false) })
    return left.lazyWords(in: left.scalars.indices).allSatisfy { word in
      listed.contains(word) || word.allSatisfy { $0 == "_" }
    }
  }

  /// What follows the last "Answer:" (any case), where that is not empty; otherwise the whole text.
  static func answer(in text: String) -> String {
    let words = WordText(text)
    guard let mark = words.ranges(of: "answer", caseSensitive: false).last(where: { words.isColon($0.upperBound) })
    else { return text }
    let rest = words.rest(after: mark.upperBound + 1)
    return rest.isEmpty ? text : String(String.UnicodeScalarView(words.scalars[rest]))
  }
}
