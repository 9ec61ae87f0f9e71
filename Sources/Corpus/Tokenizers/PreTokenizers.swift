import Foundation
import Tensors

/// A rule that cuts text into the pieces within which tokens are merged (`pre_tokenizer` of tokenizer.json).
protocol PreTokenizer: Sendable {
  func split(_ piece: Scalars) -> [Scalars]
}

/// Cuts at numeric characters: each one alone, or each run of them.
struct DigitSplitter: PreTokenizer {
  let individually: Bool

  func split(_ piece: Scalars) -> [Scalars] {
    var pieces: [Scalars] = []
    var previous: Bool?
    for scalar in piece {
      let isDigit = scalar.isNumeric
      if isDigit == previous, !(isDigit && individually) {
        pieces[pieces.count - 1].append(scalar)
      } else {
        pieces.append([scalar])
      }
      previous = isDigit
    }
    return pieces
  }
}

/// Cuts at the matches of a pattern.
struct PatternSplitter: PreTokenizer {
  let pattern: SplitPattern
  /// Whether the matches are dropped instead of the text between them, or kept as pieces.
  let removesMatches: Bool
  let inverted: Bool

  func split(_ piece: Scalars) -> [Scalars] {
    pattern.split(piece).compactMap { range, matched in
      removesMatches && matched != inverted ? nil : Scalars(piece[range])
    }
  }
}

/// Byte-level spelling, with GPT-2's split rule before it where the file asks for it.
struct ByteLevelSplitter: PreTokenizer {
  let addsPrefixSpace: Bool
  let pattern: SplitPattern?
  let alphabet = ByteAlphabet()

  func split(_ piece: Scalars) -> [Scalars] {
    let text = addsPrefixSpace && piece.first != " " ? [" "] + piece : piece
    guard let pattern else { return [alphabet.spell(text)] }
    return pattern.split(text).map { alphabet.spell(text[$0.range]) }
  }
}

/// Several rules, each applied to the pieces of the one before.
struct PreTokenizerSequence: PreTokenizer {
  let steps: [any PreTokenizer]
  func split(_ piece: Scalars) -> [Scalars] {
    steps.reduce([piece]) { pieces, step in pieces.flatMap { step.split($0) } }
  }
}

extension Unicode.Scalar {
  /// Decimal digits, letters that are numbers, and other numbers.
  var isNumeric: Bool {
    switch properties.generalCategory {
    case .decimalNumber, .letterNumber, .otherNumber: true
    default: false
    }
  }
}

extension TokenizerFile {
  /// GPT-2's split rule.
  static let byteLevelPattern =
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  /// The pre-tokenizer of the file; nil when it names none (the whole text is one piece).
  func preTokenizer(_ value: JSONValue?) throws -> (any PreTokenizer)? {
    guard let value, !value.isNull else { return nil }
    switch try type(of: value, in: "pre_tokenizer") {
    case "ByteLevel":
      let pattern = value["use_regex"]?.bool ?? true ? try pattern(Self.byteLevelPattern) : nil
      return ByteLevelSplitter(addsPrefixSpace: value["add_prefix_space"]?.bool ?? true, pattern: pattern)
    case "Digits": return DigitSplitter(individually: value["individual_digits"]?.bool ?? false)
    case "Split": return try patternSplitter(value)
    case "Sequence":
      return PreTokenizerSequence(steps: try list(value, "pretokenizers").compactMap { try preTokenizer($0) })
    case let other: throw unsupported("pre-tokenizer \"\(other)\"")
    }
  }

  private func patternSplitter(_ value: JSONValue) throws -> PatternSplitter {
    let compiled: SplitPattern
    if let expression = value["pattern"]?["Regex"]?.string {
      compiled = try pattern(expression)
    } else if let literal = value["pattern"]?["String"]?.string, !literal.isEmpty {
      compiled = SplitPattern(literal: literal)
    } else {
      throw damaged("the Split pre-tokenizer has no pattern")
    }
    switch try text(value, "behavior") {
    case "Isolated": return PatternSplitter(pattern: compiled, removesMatches: false, inverted: false)
    case "Removed":
      return PatternSplitter(pattern: compiled, removesMatches: true, inverted: value["invert"]?.bool ?? false)
    case let other: throw unsupported("behaviour \"\(other)\" of the Split pre-tokenizer")
    }
  }

  private func pattern(_ expression: String) throws -> SplitPattern {
    do { return try SplitPattern(expression) } catch let error as SplitPattern.Unsupported {
      throw unsupported("\(error.construct) in the split pattern \(expression)")
    }
  }
}
