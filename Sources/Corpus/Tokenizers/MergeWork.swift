/// The symbols of one piece while they are merged, and room for that.
struct MergeWork {
  /// Ids of what is left, in order.
  var symbols: [Int32] = []
  private var merges: [MergeTable.Merge] = []
  private var next: [Int32] = []
  private var previous: [Int32] = []
  private var heap: [UInt64] = []

  /// Up to this many symbols the least merge is found by looking at all.
  private static let fewSymbols = 40

  /// Merges lowest rank first, the leftmost among equals.
  /// - Complexity: O(n log n) in the symbols.
  mutating func mergeAll(_ table: MergeTable) {
    guard symbols.count > 1 else { return }
    merges.removeAll(keepingCapacity: true)
    for position in 0..<symbols.count - 1 { merges.append(table.merge(symbols[position], symbols[position + 1])) }
    if symbols.count <= Self.fewSymbols { mergeFew(table) } else { mergeMany(table) }
  }

  private mutating func mergeFew(_ table: MergeTable) {
    while true {
      var best = MergeTable.none
      var position = 0
      // Equal merges have equal ranks: the first one found is the leftmost.
      for candidate in merges.indices where merges[candidate] < best {
        (best, position) = (merges[candidate], candidate)
      }
      guard best != MergeTable.none else { return }
      symbols[position] = Int32(truncatingIfNeeded: best)
      symbols.remove(at: position + 1)
      merges.remove(at: position)
      if position < merges.count { merges[position] = table.merge(symbols[position], symbols[position + 1]) }
      if position > 0 { merges[position - 1] = table.merge(symbols[position - 1], symbols[position]) }
    }
  }

  /// A heap of rank and position over a linked list. An entry is stale once the merge at its position is another.
  private mutating func mergeMany(_ table: MergeTable) {
    let count = symbols.count
    merges.append(MergeTable.none)
    next = (1...Int32(count)).map { $0 }
    previous = (-1..<Int32(count) - 1).map { $0 }
    heap.removeAll(keepingCapacity: true)
    for position in 0..<count where merges[position] != MergeTable.none { push(position) }
    while let entry = pop() {
      let position = Int(entry & 0xFFFF_FFFF)
      let merge = merges[position]
      guard merge != MergeTable.none, merge >> 32 == entry >> 32 else { continue }
      let right = Int(next[position])
      symbols[position] = Int32(truncatingIfNeeded: merge)
      symbols[right] = -1
      merges[right] = MergeTable.none
      next[position] = next[right]
      if next[right] < Int32(count) { previous[Int(next[right])] = Int32(position) }
      renew(position, table)
      if previous[position] >= 0 { renew(Int(previous[position]), table) }
    }
    symbols.removeAll { $0 < 0 }
  }

  private mutating func renew(_ position: Int, _ table: MergeTable) {
    let right = Int(next[position])
    merges[position] =
      right < symbols.count ? table.merge(symbols[position], symbols[right]) : MergeTable.none
    if merges[position] != MergeTable.none { push(position) }
  }

  private mutating func push(_ position: Int) {
    let entry = (merges[position] >> 32) << 32 | UInt64(position)
    var child = heap.count
    heap.append(entry)
    while child > 0, case let parent = (child - 1) / 2, entry < heap[parent] {
      heap[child] = heap[parent]
      child = parent
    }
    heap[child] = entry
  }

  private mutating func pop() -> UInt64? {
    guard let last = heap.popLast() else { return nil }
    guard let top = heap.first else { return last }
    var parent = 0
    while case var child = 2 * parent + 1, child < heap.count {
      if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
      guard heap[child] < last else { break }
      heap[parent] = heap[child]
      parent = child
    }
    heap[parent] = last
    return top
  }
}
