/// How much of a reference report's wording a generated one repeats.
///
/// Words are the longest runs of letters and digits (any script), lower-cased; nothing is stemmed, and nothing removed but what
/// stands between `<think>` tags. For both scores: two empty texts score 1, an empty one against a text 0.
public struct TextOverlap: Sendable {
  private let reference: [String]
  private let generated: [String]
  private let statements: [Set<[String]>]

  public init(reference: String, generated: String) {
    self.reference = Self.words(reference)
    self.generated = Self.words(generated)
    statements = [reference, generated].map(Self.statements)
  }

  /// The same ratio of the sets of statements, which are what stands between full stops, commas, semicolons, colons and line
  /// ends, word for word: "sinus rhythm", "normal axis".
  /// - Complexity: O(words).
  public var statementF1: Double {
    let total = statements[0].count + statements[1].count
    return total == 0 ? 1 : 2 * Double(statements[0].intersection(statements[1]).count) / Double(total)
  }

  /// Harmonic mean of the shares of shared words (each word as often as it occurs in both).
  ///
  /// P = shared / generated words, R = shared / reference words, F1 = 2 P R / (P + R) = 2 shared / (both lengths).
  /// - Complexity: O(words).
  public var tokenF1: Double {
    var left: [String: Int] = [:]
    for word in reference { left[word, default: 0] += 1 }
    var shared = 0
    for word in generated {
      guard let count = left[word], count > 0 else { continue }
      left[word] = count - 1
      shared += 1
    }
    return balanced(shared)
  }

  /// ROUGE-L: the same ratio with the longest common subsequence of words in place of the shared words.
  ///
  /// F-measure with beta 1, over the whole text as one sequence. Source: Lin, "ROUGE", ACL 2004.
  /// - Complexity: O(reference words * generated words) time, O(generated words) memory.
  public var rougeL: Double {
    var row = [Int](repeating: 0, count: generated.count + 1)
    for word in reference {
      var diagonal = 0
      for place in generated.indices {
        let above = row[place + 1]
        row[place + 1] = word == generated[place] ? diagonal + 1 : max(above, row[place])
        diagonal = above
      }
    }
    return balanced(row[generated.count])
  }

  private func balanced(_ shared: Int) -> Double {
    let total = reference.count + generated.count
    return total == 0 ? 1 : 2 * Double(shared) / Double(total)
  }

  private static func statements(_ text: String) -> Set<[String]> {
    let statements = DefaultScorer.withoutReasoning(text).split { ".,;:".contains($0) || $0.isNewline }
    return Set(statements.map { plainWords($0) }.filter { !$0.isEmpty })
  }

  static func words(_ text: String) -> [String] {
    plainWords(DefaultScorer.withoutReasoning(text))
  }

  private static func plainWords(_ text: some StringProtocol) -> [String] {
    text.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init)
  }
}
