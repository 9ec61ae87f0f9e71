extension DefaultScorer {
  /// An answer to a question that can be answered by yes or no.
  public enum Verdict: String, Sendable, Codable { case yes, no, notSure = "not sure" }

  /// The verdict of a text; nil where it gives none or both.
  ///
  /// "not sure" anywhere; else a leading yes or no; else whichever of the two occurs as a word alone.
  public static func verdict(in text: String) -> Verdict? {
    let reading = WordText(answer(in: withoutReasoning(text)))
    if !reading.ranges(of: "not sure", caseSensitive: false).isEmpty { return .notSure }
    let words = reading.words(in: 0..<reading.scalars.count)
    if let first = words.first.flatMap({ Verdict(rawValue: $0) }) { return first }
    switch (words.contains("yes"), words.contains("no")) {
    case (true, false): return .yes
    case (false, true): return .no
    default: return nil
    }
  }

  /// The options a text names; empty where it names none.
  ///
  /// Whole words in any case, the longest option first: words that belong to a longer option do not also name a shorter
  /// one inside it. What the text denies is not named ("There is no p duration"), by the rules of labels; an option that is
  /// itself a denial ("none") counts wherever it stands, and denies nothing behind it. Where all options are yes, no or not
  /// sure, the verdict of the text. What stands between `<think>` tags is no part of the text, here and in `verdict`.
  /// - Complexity: as of `labels`.
  public static func options(_ options: [String], in text: String) -> Set<String> {
    if !options.isEmpty, options.allSatisfy({ Verdict(rawValue: $0.lowercased()) != nil }) {
      let verdict = verdict(in: text)?.rawValue
      return Set(options.filter { $0.lowercased() == verdict })
    }
    let reading = WordText(answer(in: withoutReasoning(text)))
    var mentions: [Mention] = []
    var isTaken = Array(repeating: false, count: reading.scalars.count)
    for option in options.sorted(by: { ($0.unicodeScalars.count, $1) > ($1.unicodeScalars.count, $0) }) {
      let entry = Vocabulary.Entry(option)
      for range in reading.ranges(of: option, caseSensitive: false) where !isTaken[range].contains(true) {
        for place in range { isTaken[place] = true }
        mentions.append(Mention(entry: entry, range: range))
      }
    }
    let denials = mentions.filter { isDenial($0.entry.label) }
    let others = mentions.filter { !isDenial($0.entry.label) }
    let named = asserted(others, in: reading.hiding(denials.map(\.range)), Vocabulary([]))
    return Set((denials + named).map(\.entry.label))
  }

  /// Whether an option says of itself that something is not there: "none", "no abnormality", "not sure".
  private static func isDenial(_ option: String) -> Bool {
    let words = WordText(option)
    return words.words(in: words.scalars.indices).contains {
      ["no", "not", "none", "without", "neither", "nor", "never"].contains($0)
    }
  }

  /// The options listed in a prompt behind the last "Options:", cut at commas outside parentheses.
  ///
  /// The instruction sentence behind them is left out. Empty where the prompt lists none.
  public static func options(inPrompt prompt: String) -> [String] {
    let exact = ExactText(prompt)
    guard exact.contains("Options:") else { return [] }
    let list = exact.afterLast("Options:").removing("Only answer based on the given Options without any explanation.")
    var pieces = [""]
    var depth = 0
    for character in list.text {
      if character == "(" { depth += 1 }
      if character == ")" { depth = max(0, depth - 1) }
      if character == ",", depth == 0 { pieces.append("") } else { pieces[pieces.count - 1].append(character) }
    }
    return pieces.map(strippedLikePython).filter { !$0.isEmpty }
  }

  /// Whether a text names exactly the reference answers, letter case aside; no reference answer stands for "none".
  public static func isCorrect(options: [String], text: String, gold: [String]) -> Bool {
    let named = Set(Self.options(options, in: text).map { $0.lowercased() })
    return named == Set(gold.isEmpty ? ["none"] : gold.map { $0.lowercased() })
  }
}
