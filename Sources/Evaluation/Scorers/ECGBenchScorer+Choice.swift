import Tensors

extension ECGBenchScorer {
  /// The multiple-choice sets.
  public enum ChoiceSet: String, CaseIterable, Sendable, Codable {
    case mmmu = "mmmu-ecg"
    case csn = "csn-test-no-cot"
    case g12 = "g12-test-no-cot"

    /// The letters drawn from when no letter can be read.
    public var letters: [String] { Array(ECGBenchScorer.letters.prefix(self == .mmmu ? 4 : 8)) }

    /// How many lines a predictions file must have; the published scorer passes over any other.
    public var publishedCount: Int {
      switch self {
      case .mmmu: 200
      case .csn: 1611
      case .g12: 2026
      }
    }

    /// The reference answer compared with: the whole value, or its first character.
    public func gold(answer: String) -> String {
      self == .mmmu ? answer : answer.unicodeScalars.first.map { String($0) } ?? ""
    }
  }

  static let letters = ["A", "B", "C", "D", "E", "F", "G", "H"]

  /// What the published rules read from a generated text.
  public enum ChoiceReading: Equatable, Sendable {
    case letter(String)
    /// No rule applies: the published scorer draws a letter.
    case unreadable
    /// The text ends right behind "The correct option is ": the published scorer stops with an error.
    case fatal
  }

  /// The letter of a generated text, by the published rules in their order.
  ///
  /// The whole text; else the first of "A." ... "H." in alphabetical order found anywhere; else the character behind the
  /// last "The correct option is "; else the first letter in alphabetical order found behind the last "Answer:".
  public static func choice(in text: String) -> ChoiceReading {
    if letters.contains(text) { return .letter(text) }
    let exact = ExactText(text)
    if let letter = letters.first(where: { exact.contains($0 + ".") }) { return .letter(letter) }
    let cue = "The correct option is "
    if exact.contains(cue) {
      guard let next = exact.afterLast(cue).text.unicodeScalars.first else { return .fatal }
      return letters.contains(String(next)) ? .letter(String(next)) : .unreadable
    }
    guard exact.contains("Answer:") else { return .unreadable }
    let answer = exact.afterLast("Answer:")
    return letters.first(where: answer.contains).map { .letter($0) } ?? .unreadable
  }

  /// The published accuracy of multiple-choice answers.
  ///
  /// - Parameters:
  ///   - random: the state of Python's generator, `PythonRandom(seed: 42)` for the first file scored; the published
  ///     scorer seeds it once for all its files, and in the order mmmu, csn, g12.
  ///   - answers: in the order of the predictions file, because draws are made in that order.
  /// - Returns: accuracy (nil without answers) and how it came about.
  public static func choices(
    _ set: ChoiceSet, _ answers: [(gold: String, text: String)], random: inout PythonRandom
  ) -> ECGBenchChoiceScore {
    var score = ECGBenchChoiceScore(hits: [], randomDraws: 0, fatalAnswers: 0, expectedCount: set.publishedCount)
    for (gold, text) in answers {
      let letter: String
      switch choice(in: text) {
      case .letter(let read): letter = read
      case .unreadable, .fatal:
        if choice(in: text) == .fatal { score.fatalAnswers += 1 }
        letter = random.choice(set.letters)
        score.randomDraws += 1
      }
      score.hits.append(letter == set.gold(answer: gold))
    }
    return score
  }
}

/// The published accuracy of a multiple-choice set.
public struct ECGBenchChoiceScore: Sendable, Equatable, Codable {
  /// Whether each answer was right.
  public var hits: [Bool]
  /// Answers drawn at random, because no letter could be read.
  public var randomDraws: Int
  /// Of those, answers at which the published scorer stops with an error.
  public var fatalAnswers: Int
  /// The number of answers the published scorer insists on.
  public var expectedCount: Int

  public var accuracy: Double? { share(of: hits) }
  /// Whether the published scorer would print this number.
  public var isPublishable: Bool { hits.count == expectedCount && fatalAnswers == 0 }
}

// MARK: - ECG-QA

extension ECGBenchScorer {
  /// The options of an ECG-QA prompt: what follows the last "Options:", cut at every comma.
  ///
  /// Option names that hold commas fall apart, and a trailing comma gives an empty option, as in the published scorer.
  public static func options(inPrompt prompt: String) -> [String] {
    ExactText(prompt).afterLast("Options:")
      .removing("Only answer based on the given Options without any explanation.")
      .splitAtCommas().map(strippedLikePython)
  }

  /// The options whose letters occur in the lower-cased text. One with a capital never does, an empty one always does.
  public static func chosenOptions(_ options: [String], text: String) -> Set<String> {
    Set(options.filter(ExactText(text.lowercased()).contains))
  }

  /// Whether the options found are exactly the reference answers.
  public static func isCorrect(prompt: String, text: String, gold: [String]) -> Bool {
    chosenOptions(options(inPrompt: prompt), text: text) == Set(gold)
  }
}
