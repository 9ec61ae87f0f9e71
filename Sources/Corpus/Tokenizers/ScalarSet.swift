/// A set of Unicode scalars as sorted, disjoint ranges.
struct ScalarSet: Sendable, Equatable {
  private(set) var ranges: [ClosedRange<UInt32>]

  static let all = ScalarSet(ranges: [0...0x10FFFF])

  init(_ ranges: some Sequence<ClosedRange<UInt32>> = []) {
    self.ranges = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = self.ranges.last, range.lowerBound <= last.upperBound + 1 {
        self.ranges[self.ranges.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
      } else {
        self.ranges.append(range)
      }
    }
  }

  private init(ranges: [ClosedRange<UInt32>]) { self.ranges = ranges }

  /// Pairs of first and last scalar.
  init(pairs: [UInt32]) {
    self.init(stride(from: 0, to: pairs.count - 1, by: 2).map { pairs[$0]...pairs[$0 + 1] })
  }

  init(_ scalars: Unicode.Scalar...) { self.init(scalars.map { $0.value...$0.value }) }

  func union(_ other: ScalarSet) -> ScalarSet { ScalarSet(ranges + other.ranges) }

  var inverse: ScalarSet {
    var result: [ClosedRange<UInt32>] = []
    var next: UInt32 = 0
    for range in ranges {
      if next < range.lowerBound { result.append(next...range.lowerBound - 1) }
      next = range.upperBound + 1
    }
    if next <= 0x10FFFF { result.append(next...0x10FFFF) }
    return ScalarSet(ranges: result)
  }

  /// For each byte, whether the UTF-8 of some scalar of the set begins with it.
  var leadBytes: [Bool] {
    var result = Array(repeating: false, count: 256)
    for range in ranges {
      for lead in Self.leadByte(range.lowerBound)...Self.leadByte(range.upperBound) { result[lead] = true }
    }
    return result
  }

  private static func leadByte(_ scalar: UInt32) -> Int {
    switch scalar {
    case ..<0x80: Int(scalar)
    case ..<0x800: Int(0xC0 | scalar >> 6)
    case ..<0x10000: Int(0xE0 | scalar >> 12)
    default: Int(0xF0 | scalar >> 18)
    }
  }
}

extension ScalarSet {
  /// A general category ("Lu") or a group of them ("L"), as Oniguruma has it; nil for an unknown name.
  init?(category name: String) {
    let members = UnicodeTables.categories.indices.filter {
      UnicodeTables.categories[$0] == name || UnicodeTables.categories[$0].prefix(1) == name
    }
    guard !members.isEmpty else { return nil }
    let runs = UnicodeTables.categoryRuns
    var ranges: [ClosedRange<UInt32>] = []
    for index in runs.indices where members.contains(Int(runs[index] & 0xFF)) {
      let end = index + 1 < runs.count ? (runs[index + 1] >> 8) - 1 : 0x10FFFF
      ranges.append(runs[index] >> 8...end)
    }
    self.init(ranges)
  }

  private static func categories(_ names: String...) -> ScalarSet {
    ScalarSet(names.flatMap { ScalarSet(category: $0)?.ranges ?? [] })
  }

  private static var wordBase: ScalarSet { categories("L", "M", "Nd", "Nl", "Pc") }

  /// `\s`, and white space wherever the library asks for it.
  static var whitespace: ScalarSet { ScalarSet(pairs: UnicodeTables.whitespace) }

  /// `\w` of Oniguruma: the expressions of Split and Replace.
  static var wordOfOniguruma: ScalarSet { wordBase.union(ScalarSet(pairs: UnicodeTables.wordsOfOniguruma)) }

  /// `\w` of Oniguruma between brackets.
  static var bracketedWordOfOniguruma: ScalarSet {
    wordBase.union(ScalarSet(pairs: UnicodeTables.bracketedWordsOfOniguruma))
  }

  /// `\w` of Rust's expressions: the Whitespace pre-tokenizer and whole-word tokens.
  static var wordOfRust: ScalarSet { wordBase.union(ScalarSet(pairs: UnicodeTables.wordsOfRust)) }

  /// What the Digits pre-tokenizer cuts at.
  static var numeric: ScalarSet { categories("N").union(ScalarSet(pairs: UnicodeTables.numbersOfRust)) }

  /// What the Punctuation pre-tokenizer cuts at.
  static var punctuation: ScalarSet { ScalarSet(pairs: UnicodeTables.punctuation) }
}

/// Several scalar sets ready for quick tests: each scalar has one mask, with a bit for every set that holds it.
///
/// Scalars with equal masks form a class; of all pages of 256 scalars of one class only one is stored.
struct ScalarClasses: Sendable {
  private let ascii: [UInt64]
  private let pageOf: [UInt16]
  private let classes: [UInt8]
  private let masks: [UInt64]

  /// Nil for more than 64 sets or 256 classes.
  init?(_ sets: [ScalarSet]) {
    guard sets.count <= 64 else { return nil }
    var changes: [(scalar: UInt32, bit: UInt64)] = []
    for (index, set) in sets.enumerated() {
      for range in set.ranges {
        changes.append((range.lowerBound, 1 << UInt64(index)))
        changes.append((range.upperBound + 1, 1 << UInt64(index)))
      }
    }
    changes.sort { $0.scalar < $1.scalar }
    var masks: [UInt64] = []
    var classOf: [UInt64: UInt8] = [:]
    var uniformPages: [UInt64: UInt16] = [:]
    var pageOf: [UInt16] = []
    var classes: [UInt8] = []
    var page: [UInt8] = []
    var next = 0
    var mask: UInt64 = 0
    for start in stride(from: UInt32(0), to: 0x110000, by: 256) {
      // Most pages lie within a run that covers others too.
      if next == changes.count || changes[next].scalar >= start + 256, let known = uniformPages[mask] {
        pageOf.append(known)
        continue
      }
      page.removeAll(keepingCapacity: true)
      while page.count < 256 {
        while next < changes.count, changes[next].scalar <= start + UInt32(page.count) {
          mask ^= changes[next].bit
          next += 1
        }
        if classOf[mask] == nil {
          guard masks.count < 256 else { return nil }
          classOf[mask] = UInt8(masks.count)
          masks.append(mask)
        }
        let end = next < changes.count ? min(changes[next].scalar - start, 256) : 256
        page.append(contentsOf: repeatElement(classOf[mask] ?? 0, count: Int(end) - page.count))
      }
      let isUniform = page.allSatisfy { $0 == page[0] }
      if isUniform, let known = uniformPages[mask] {
        pageOf.append(known)
        continue
      }
      let number = UInt16(classes.count / 256)
      if isUniform { uniformPages[mask] = number }
      pageOf.append(number)
      classes += page
    }
    ascii = classes.prefix(128).map { masks[Int($0)] }
    (self.pageOf, self.classes, self.masks) = (pageOf, classes, masks)
  }

  /// Bit i is set when set i holds the scalar.
  @inline(__always) func mask(_ scalar: UInt32) -> UInt64 {
    if scalar < 0x80 { return ascii[Int(scalar)] }
    return masks[Int(classes[Int(pageOf[Int(scalar >> 8)]) << 8 | Int(scalar & 0xFF)])]
  }
}

extension [UInt8] {
  /// The scalar that begins at the position, and its length in bytes.
  ///
  /// The bytes are those of a `String`, hence valid; a broken sequence would be read as single bytes.
  @inline(__always) func scalar(at position: Int) -> (value: UInt32, length: Int) {
    let lead = UInt32(self[position])
    if lead < 0x80 { return (lead, 1) }
    func tail(_ offset: Int) -> UInt32 { UInt32(self[position + offset] & 0x3F) }
    switch lead {
    case 0xC2..<0xE0 where position + 1 < count: return ((lead & 0x1F) << 6 | tail(1), 2)
    case 0xE0..<0xF0 where position + 2 < count: return ((lead & 0x0F) << 12 | tail(1) << 6 | tail(2), 3)
    case 0xF0..<0xF5 where position + 3 < count:
      return (Swift.min((lead & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3), 0x10FFFF), 4)
    default: return (lead, 1)
    }
  }

  /// Where the scalar begins that ends before the position. - Precondition: the position is not the first.
  @inline(__always) func scalarStart(before position: Int) -> Int {
    var start = position - 1
    while start > 0, self[start] & 0xC0 == 0x80 { start -= 1 }
    return start
  }

  /// Whether the bytes at the position are those given.
  func holds(_ other: [UInt8], at position: Int, until end: Int) -> Bool {
    guard end - position >= other.count else { return false }
    return other.indices.allSatisfy { self[position + $0] == other[$0] }
  }
}
