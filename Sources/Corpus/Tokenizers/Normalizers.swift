import Foundation
import Tensors

/// A rewriting of the text before it is cut into pieces (`normalizer` of tokenizer.json).
protocol Normalizer: Sendable {
  /// Rewrites a text, which is never empty at first; returns false when what it began with is gone.
  func normalize(_ text: inout [UInt8]) -> Bool
}

/// A fixed text put before every non-empty text.
struct PrependingNormalizer: Normalizer {
  let prefix: [UInt8]

  func normalize(_ text: inout [UInt8]) -> Bool {
    if !text.isEmpty { text.insert(contentsOf: prefix, at: 0) }
    return true
  }
}

/// Every match of a pattern replaced.
struct ReplacingNormalizer: Normalizer {
  let rule: TextReplacement

  func normalize(_ text: inout [UInt8]) -> Bool {
    var result: [UInt8] = []
    result.reserveCapacity(text.count + text.count / 2)
    let keepsStart = rule.append(text, 0..<text.count, to: &result)
    text = result
    return keepsStart
  }
}

/// Scalars mapped one by one, to any number of scalars.
protocol ScalarNormalizer: Normalizer {
  func append(_ scalar: UInt32, _ bytes: ArraySlice<UInt8>, to text: inout [UInt8])
}

extension ScalarNormalizer {
  func normalize(_ text: inout [UInt8]) -> Bool {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var position = 0
    var keepsStart = true
    while position < text.count {
      let (scalar, length) = text.scalar(at: position)
      append(scalar, text[position..<position + length], to: &result)
      if position == 0, result.isEmpty { keepsStart = false }
      position += length
    }
    text = result
    return keepsStart
  }
}

/// Lower case, scalar by scalar, whatever stands around.
struct LowercaseNormalizer: ScalarNormalizer {
  func append(_ scalar: UInt32, _ bytes: ArraySlice<UInt8>, to text: inout [UInt8]) {
    if scalar < 0x80 {
      text.append((0x41...0x5A).contains(scalar) ? UInt8(scalar) | 0x20 : UInt8(scalar))
    } else if let scalar = Unicode.Scalar(scalar) {
      text += scalar.properties.lowercaseMapping.utf8
    } else {
      text += bytes
    }
  }
}

/// The scalars of a set left out.
struct RemovingNormalizer: ScalarNormalizer {
  let removed: ScalarClasses

  func append(_ scalar: UInt32, _ bytes: ArraySlice<UInt8>, to text: inout [UInt8]) {
    if removed.mask(scalar) == 0 { text += bytes }
  }
}

/// White space as plain spaces, as BERT has it.
struct PlainSpaceNormalizer: ScalarNormalizer {
  let whitespace: ScalarClasses

  func append(_ scalar: UInt32, _ bytes: ArraySlice<UInt8>, to text: inout [UInt8]) {
    if whitespace.mask(scalar) == 0 { text += bytes } else { text.append(UInt8(ascii: " ")) }
  }
}

/// Spaces around the ideographs that BERT takes for Chinese.
struct IdeographNormalizer: ScalarNormalizer {
  func append(_ scalar: UInt32, _ bytes: ArraySlice<UInt8>, to text: inout [UInt8]) {
    switch scalar {
    case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F, 0x2B920...0x2CEAF,
      0xF900...0xFAFF, 0x2F800...0x2FA1F:
      text.append(UInt8(ascii: " "))
      text += bytes
      text.append(UInt8(ascii: " "))
    default: text += bytes
    }
  }
}

/// Bytes spelled as the letters of the byte alphabet.
struct ByteSpellingNormalizer: Normalizer {
  let alphabet = ByteAlphabet()

  func normalize(_ text: inout [UInt8]) -> Bool {
    var result: [UInt8] = []
    alphabet.spell(text[...], into: &result)
    text = result
    return true
  }
}

/// White space at the ends left out.
struct StrippingNormalizer: Normalizer {
  let left: Bool
  let right: Bool
  let whitespace: ScalarClasses

  func normalize(_ text: inout [UInt8]) -> Bool {
    var (start, end) = (0, text.count)
    while left, start < end, case let (scalar, length) = text.scalar(at: start), whitespace.mask(scalar) != 0 {
      start += length
    }
    while right, end > start, case let last = text.scalarStart(before: end),
      whitespace.mask(text.scalar(at: last).value) != 0
    {
      end = last
    }
    text = Array(text[start..<end])
    return start == 0
  }
}

extension TokenizerFile {
  /// The steps of the file's normalizer; none when it names none.
  func normalizers(_ value: JSONValue?) throws -> [any Normalizer] {
    guard let value, !value.isNull else { return [] }
    switch try type(of: value, in: "normalizer") {
    case "NFC": return [UnicodeNormalizer(form: .composed, forms: try UnicodeForms(self))]
    case "NFD": return [UnicodeNormalizer(form: .decomposed, forms: try UnicodeForms(self))]
    case "NFKC": return [UnicodeNormalizer(form: .compatibilityComposed, forms: try UnicodeForms(self))]
    case "NFKD": return [UnicodeNormalizer(form: .compatibilityDecomposed, forms: try UnicodeForms(self))]
    case "Lowercase": return [LowercaseNormalizer()]
    case "StripAccents": return [RemovingNormalizer(removed: try classes(ScalarSet(pairs: UnicodeTables.accents)))]
    case "Strip":
      return [
        StrippingNormalizer(
          left: try flag(value, "strip_left", default: true), right: try flag(value, "strip_right", default: true),
          whitespace: try classes(.whitespace))
      ]
    case "Prepend": return [PrependingNormalizer(prefix: Array(try text(value, "prepend").utf8))]
    case "Replace": return [ReplacingNormalizer(rule: try TextReplacement(value, in: "normalizer", self))]
    case "ByteLevel": return [ByteSpellingNormalizer()]
    case "BertNormalizer": return try bert(value)
    case "Sequence": return try list(value, "normalizers").flatMap { try normalizers($0) }
    case let other: throw unsupported("normalizer \"\(other)\"")
    }
  }

  func classes(_ set: ScalarSet) throws -> ScalarClasses {
    guard let classes = ScalarClasses([set]) else { throw unsupported("a set of characters of this kind") }
    return classes
  }

  private func bert(_ value: JSONValue) throws -> [any Normalizer] {
    let lowers = try flag(value, "lowercase", default: true)
    var steps: [any Normalizer] = []
    if try flag(value, "clean_text", default: true) {
      steps.append(RemovingNormalizer(removed: try classes(ScalarSet(pairs: UnicodeTables.bertControls))))
      steps.append(PlainSpaceNormalizer(whitespace: try classes(.whitespace)))
    }
    if try flag(value, "handle_chinese_chars", default: true) { steps.append(IdeographNormalizer()) }
    if try flag(value, "strip_accents", default: lowers) {
      steps.append(UnicodeNormalizer(form: .decomposed, forms: try UnicodeForms(self)))
      steps.append(RemovingNormalizer(removed: try classes(ScalarSet(pairs: UnicodeTables.bertAccents))))
    }
    return lowers ? steps + [LowercaseNormalizer()] : steps
  }
}
