import Foundation
import Tensors

/// A rewriting of the text before it is cut into pieces (`normalizer` of tokenizer.json).
protocol Normalizer: Sendable {
  func normalize(_ text: String) -> String
}

/// Unicode canonical composition.
struct CanonicalComposition: Normalizer {
  func normalize(_ text: String) -> String { text.precomposedStringWithCanonicalMapping }
}

/// A fixed text put before every non-empty text.
struct PrependingNormalizer: Normalizer {
  let prefix: String
  func normalize(_ text: String) -> String { text.isEmpty ? text : prefix + text }
}

/// Every occurrence of one string replaced by another.
struct ReplacingNormalizer: Normalizer {
  let pattern: Scalars
  let replacement: Scalars
  func normalize(_ text: String) -> String {
    String(Scalars(text.unicodeScalars).replacingOccurrences(of: pattern, with: replacement))
  }
}

/// Several normalizers, one after another.
struct NormalizerSequence: Normalizer {
  let steps: [any Normalizer]
  func normalize(_ text: String) -> String { steps.reduce(text) { $1.normalize($0) } }
}

extension Array where Element == Unicode.Scalar {
  /// Non-overlapping occurrences from the left, replaced. - Precondition: the pattern is not empty.
  func replacingOccurrences(of pattern: Scalars, with replacement: Scalars) -> Scalars {
    var result = Scalars()
    var position = 0
    while position < count {
      if self[position...].starts(with: pattern) {
        result += replacement
        position += pattern.count
      } else {
        result.append(self[position])
        position += 1
      }
    }
    return result
  }
}

extension TokenizerFile {
  /// The normalizer of the file; nil when it names none.
  func normalizer(_ value: JSONValue?) throws -> (any Normalizer)? {
    guard let value, !value.isNull else { return nil }
    switch try type(of: value, in: "normalizer") {
    case "NFC": return CanonicalComposition()
    case "Prepend": return PrependingNormalizer(prefix: try text(value, "prepend"))
    case "Replace":
      let (pattern, replacement) = try replacement(value, in: "normalizer")
      return ReplacingNormalizer(pattern: pattern, replacement: replacement)
    case "Sequence":
      return NormalizerSequence(steps: try list(value, "normalizers").compactMap { try normalizer($0) })
    case let other: throw unsupported("normalizer \"\(other)\"")
    }
  }
}
