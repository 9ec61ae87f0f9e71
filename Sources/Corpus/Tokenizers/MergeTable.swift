/// Pairs of ids with the rank at which they merge and the id they make; open addressing in one array.
struct MergeTable: Sendable {
  /// What two ids make: the rank in the upper half, so that the least value merges first; the id in the lower.
  typealias Merge = UInt64
  static let none = Merge.max

  /// Keys at even places, merges at odd ones.
  private var slots: [UInt64]
  private let shift: UInt64

  init(capacity: Int) {
    var bits: UInt64 = 4
    while 1 << bits < capacity * 2 { bits += 1 }
    shift = 64 - bits
    slots = Array(repeating: .max, count: 2 << bits)
  }

  /// A later entry for the same pair replaces the earlier one, as in the library.
  mutating func insert(_ left: Int32, _ right: Int32, rank: Int, id: Int32) {
    let slot = self.slot(of: Self.key(left, right))
    slots[slot] = Self.key(left, right)
    slots[slot + 1] = UInt64(rank) << 32 | UInt64(id)
  }

  /// `none` where the pair does not merge.
  @inline(__always) func merge(_ left: Int32, _ right: Int32) -> Merge {
    let slot = self.slot(of: Self.key(left, right))
    return slots[slot + 1]
  }

  @inline(__always) private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// Where the key is, or would be put; the merge beside a free key is `none`.
  @inline(__always) private func slot(of key: UInt64) -> Int {
    var slot = Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> shift)
    while slots[2 * slot] != key, slots[2 * slot] != .max { slot = (slot + 1) & (slots.count / 2 - 1) }
    return 2 * slot
  }
}
