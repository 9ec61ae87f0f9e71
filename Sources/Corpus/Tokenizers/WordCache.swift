/// Pieces met before, with their ids. Each has one place, by its hash; a newcomer takes the place of who was there.
struct WordCache {
  private struct Entry {
    var hash: UInt64 = 0
    var start: Int32 = 0
    var length: Int32 = 0
    var firstId: Int32 = 0
    var idCount: Int32 = 0
  }

  /// Longer pieces seldom come twice.
  static let longestWord = 256
  private static let places = 1 << 15
  /// Bytes and ids kept, those of replaced entries among them, before all is forgotten.
  private static let capacity = 1 << 22

  private var entries: [Entry] = []
  private var bytes: [UInt8] = []
  private var ids: [Int32] = []

  /// Appends the ids of a known piece; false for an unknown one.
  @inline(__always)
  func append(_ text: [UInt8], _ range: Range<Int>, _ hash: UInt64, to result: inout [Int32]) -> Bool {
    guard !entries.isEmpty else { return false }
    let entry = entries[Int(truncatingIfNeeded: hash) & (Self.places - 1)]
    guard entry.hash == hash, Int(entry.length) == range.count else { return false }
    let shift = Int(entry.start) - range.lowerBound
    for position in range where text[position] != bytes[position + shift] { return false }
    for index in Int(entry.firstId)..<Int(entry.firstId + entry.idCount) { result.append(ids[index]) }
    return true
  }

  mutating func insert(_ text: [UInt8], _ range: Range<Int>, _ hash: UInt64, _ found: ArraySlice<Int32>) {
    if entries.isEmpty || bytes.count + ids.count > Self.capacity {
      entries = Array(repeating: Entry(), count: Self.places)
      bytes.removeAll(keepingCapacity: true)
      ids.removeAll(keepingCapacity: true)
    }
    entries[Int(truncatingIfNeeded: hash) & (Self.places - 1)] = Entry(
      hash: hash, start: Int32(bytes.count), length: Int32(range.count), firstId: Int32(ids.count),
      idCount: Int32(found.count))
    bytes += text[range]
    ids += found
  }
}
