import Foundation

/// Unicode's normalization forms as the tokenizers library has them, whose tables are those of Unicode 9.
///
/// Scalars assigned since are left alone, as the library leaves them; for all others Unicode's stability policy keeps
/// mappings and classes as they were. Foundation's own forms are not used for whole texts: its combining classes are
/// older. Source: Unicode Standard Annex 15.
struct UnicodeForms: Sendable {
  enum Form: Sendable {
    case decomposed, composed, compatibilityDecomposed, compatibilityComposed

    var isCompatible: Bool { self == .compatibilityDecomposed || self == .compatibilityComposed }
    var composes: Bool { self == .composed || self == .compatibilityComposed }
  }

  private let compositions: [UInt64: UInt32]
  /// Bit 0: changed by decomposition; bit 1: changed, reordered or joined by composition.
  private let classes: ScalarClasses

  init(_ file: TokenizerFile) throws {
    let sets = [ScalarSet(pairs: UnicodeTables.decomposing), ScalarSet(pairs: UnicodeTables.composing)]
    guard let classes = ScalarClasses(sets) else { throw file.unsupported("a set of characters of this kind") }
    self.classes = classes
    let triples = UnicodeTables.compositions
    var compositions: [UInt64: UInt32] = [:]
    for index in stride(from: 0, to: triples.count - 2, by: 3) {
      compositions[UInt64(triples[index]) << 32 | UInt64(triples[index + 1])] = triples[index + 2]
    }
    self.compositions = compositions
  }

  /// Whether composition may change the scalar, its place, or what stands before it.
  func isComposing(_ scalar: UInt32) -> Bool { classes.mask(scalar) & 2 != 0 }

  /// Appends the text in the form.
  func append(_ text: ArraySlice<UInt8>, as form: Form, to result: inout [UInt8]) {
    var scalars: [(value: UInt32, combining: UInt8)] = []
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      guard classes.mask(scalar.value) & 1 != 0 else {
        Self.insert(scalar, into: &scalars)
        continue
      }
      let mapped =
        form.isCompatible
        ? String(scalar).decomposedStringWithCompatibilityMapping : String(scalar).decomposedStringWithCanonicalMapping
      for part in mapped.unicodeScalars { Self.insert(part, into: &scalars) }
    }
    if form.composes { compose(&scalars) }
    for scalar in scalars {
      if let encoded = Unicode.Scalar(scalar.value).flatMap({ UTF8.encode($0) }) { result += encoded }
    }
  }

  /// Appends a scalar and moves it before marks of higher combining classes.
  private static func insert(_ scalar: Unicode.Scalar, into scalars: inout [(value: UInt32, combining: UInt8)]) {
    let combining = scalar.value < 0x300 ? 0 : Self.combiningClass(scalar)
    scalars.append((scalar.value, combining))
    guard combining > 0 else { return }
    var place = scalars.count - 1
    while place > 0, scalars[place - 1].combining > combining {
      scalars.swapAt(place, place - 1)
      place -= 1
    }
  }

  private static func combiningClass(_ scalar: Unicode.Scalar) -> UInt8 {
    let combining = scalar.properties.canonicalCombiningClass.rawValue
    guard combining > 0, let age = scalar.properties.age, age.major <= 9 else { return 0 }
    return combining
  }

  /// Joins starters with what follows them unless something of the same or a higher class stands between.
  private func compose(_ scalars: inout [(value: UInt32, combining: UInt8)]) {
    var kept = 0
    var starter = -1
    for scalar in scalars {
      let isAdjacent = starter == kept - 1
      let isBlocked = !isAdjacent && (scalar.combining == 0 || scalars[kept - 1].combining >= scalar.combining)
      if starter >= 0, !isBlocked, let joined = joined(scalars[starter].value, scalar.value) {
        scalars[starter].value = joined
        continue
      }
      if scalar.combining == 0 { starter = kept }
      scalars[kept] = scalar
      kept += 1
    }
    scalars.removeLast(scalars.count - kept)
  }

  private func joined(_ first: UInt32, _ second: UInt32) -> UInt32? {
    if (0x1100..<0x1113).contains(first), (0x1161..<0x1176).contains(second) {
      return 0xAC00 + ((first - 0x1100) * 21 + second - 0x1161) * 28
    }
    if (0xAC00..<0xD7A4).contains(first), (first - 0xAC00) % 28 == 0, (0x11A8..<0x11C3).contains(second) {
      return first + second - 0x11A7
    }
    return compositions[UInt64(first) << 32 | UInt64(second)]
  }
}

/// One of the normalization forms for whole texts.
struct UnicodeNormalizer: Normalizer {
  let form: UnicodeForms.Form
  let forms: UnicodeForms

  func normalize(_ text: inout [UInt8]) -> Bool {
    if form == .composed { return compose(&text) }
    guard text.contains(where: { $0 >= 0x80 }) else { return true }
    var result: [UInt8] = []
    result.reserveCapacity(text.count * 2)
    forms.append(text[...], as: form, to: &result)
    text = result
    return true
  }

  /// Only what stands around scalars that composition can change is looked at closely.
  private func compose(_ text: inout [UInt8]) -> Bool {
    // Nothing below U+0300, whose first byte is 0xCC, ever changes.
    guard text.contains(where: { $0 >= 0xCC }) else { return true }
    var result: [UInt8] = []
    var (open, last, position) = (0, 0, 0)
    while position < text.count {
      let (scalar, length) = text.scalar(at: position)
      guard forms.isComposing(scalar) else {
        last = position
        position += length
        continue
      }
      var end = position + length
      while end < text.count, case let (next, length) = text.scalar(at: end), forms.isComposing(next) { end += length }
      result += text[open..<last]
      forms.append(text[last..<end], as: .composed, to: &result)
      (open, last, position) = (end, end, end)
    }
    if open > 0 {
      result += text[open...]
      text = result
    }
    return true
  }
}
