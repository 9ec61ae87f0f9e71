/// Byte strings with ids: strings to ids by hashing, ids to strings by their place in one array of bytes.
struct TokenTable: Sendable {
  /// Ids lie below this number, so that a damaged file cannot ask for all memory.
  static let idLimit = 1 << 24

  private(set) var bytes: [UInt8] = []
  private var ends: [Int32] = []
  private var ids: [Int32] = []
  /// The entry of each id; -1 where the id is no token's.
  private var entryOfId: [Int32] = []
  /// Upper half of the hash, and the entry + 1; 0 is free.
  private var slots: [UInt64]

  init(capacity: Int) {
    var size = 16
    while size < capacity * 2 { size *= 2 }
    slots = Array(repeating: 0, count: size)
    ends.reserveCapacity(capacity)
    ids.reserveCapacity(capacity)
    bytes.reserveCapacity(capacity * 8)
  }

  var count: Int { ids.count }

  /// One more than the largest id.
  var idBound: Int { entryOfId.count }

  /// Adds a string; false when the string or the id is known. - Precondition: the id is below `idLimit`.
  mutating func insert(_ text: some Collection<UInt8>, id: Int32) -> Bool {
    let start = bytes.count
    bytes += text
    let hash = Self.hash(bytes, start..<bytes.count)
    let isKnownId = Int(id) < entryOfId.count && entryOfId[Int(id)] >= 0
    guard !isKnownId, find(bytes, start..<bytes.count, hash) == nil, ids.count * 2 < slots.count else {
      bytes.removeLast(bytes.count - start)
      return false
    }
    while entryOfId.count <= Int(id) { entryOfId.append(-1) }
    entryOfId[Int(id)] = Int32(ids.count)
    ids.append(id)
    ends.append(Int32(bytes.count))
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 { slot = (slot + 1) & mask }
    slots[slot] = hash & 0xFFFF_FFFF_0000_0000 | UInt64(ids.count)
    return true
  }

  func id(of text: [UInt8], _ range: Range<Int>) -> Int32? { find(text, range, Self.hash(text, range)) }

  func id(of text: [UInt8]) -> Int32? { id(of: text, 0..<text.count) }

  /// Where in `bytes` the string of the id lies.
  func range(of id: Int32) -> Range<Int>? {
    guard id >= 0, Int(id) < entryOfId.count, entryOfId[Int(id)] >= 0 else { return nil }
    return range(ofEntry: Int(entryOfId[Int(id)]))
  }

  /// Ids in the order in which they were added.
  var allIds: [Int32] { ids }

  private func range(ofEntry entry: Int) -> Range<Int> {
    (entry > 0 ? Int(ends[entry - 1]) : 0)..<Int(ends[entry])
  }

  private func find(_ text: [UInt8], _ range: Range<Int>, _ hash: UInt64) -> Int32? {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 {
      if slots[slot] >> 32 == hash >> 32 {
        let entry = Int(slots[slot] & 0xFFFF_FFFF) - 1
        if equal(text, range, self.range(ofEntry: entry)) { return ids[entry] }
      }
      slot = (slot + 1) & mask
    }
    return nil
  }

  private func equal(_ text: [UInt8], _ range: Range<Int>, _ own: Range<Int>) -> Bool {
    guard range.count == own.count else { return false }
    let shift = own.lowerBound - range.lowerBound
    for position in range where text[position] != bytes[position + shift] { return false }
    return true
  }

  /// FNV-1a, its halves mixed at the end.
  @inline(__always) static func hash(_ bytes: [UInt8], _ range: Range<Int>) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for position in range { hash = (hash ^ UInt64(bytes[position])) &* 0x100_0000_01B3 }
    hash ^= hash >> 32
    return hash &* 0x9E37_79B9_7F4A_7C15 ^ hash >> 29
  }
}
