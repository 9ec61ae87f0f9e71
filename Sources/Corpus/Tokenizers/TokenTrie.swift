/// Byte strings with values, for finding the longest one that begins at a place.
struct TokenTrie: Sendable {
  private struct Node {
    let byte: UInt8
    var value: Int32 = -1
    var firstChild: Int32 = 0
    var sibling: Int32 = 0
  }

  private var nodes = [Node(byte: 0)]
  /// The node of each first byte; 0 where no string begins with it.
  private var roots = Array(repeating: Int32(0), count: 256)

  var isEmpty: Bool { nodes.count == 1 }

  /// Adds a string; an empty or a known one changes nothing.
  mutating func insert(_ text: [UInt8], value: Int32) {
    guard let first = text.first else { return }
    if roots[Int(first)] == 0 { roots[Int(first)] = add(first) }
    var node = Int(roots[Int(first)])
    for byte in text.dropFirst() {
      if let next = child(of: node, byte) {
        node = next
      } else {
        let next = add(byte)
        nodes[Int(next)].sibling = nodes[node].firstChild
        nodes[node].firstChild = next
        node = Int(next)
      }
    }
    if nodes[node].value < 0 { nodes[node].value = value }
  }

  private mutating func add(_ byte: UInt8) -> Int32 {
    nodes.append(Node(byte: byte))
    return Int32(nodes.count - 1)
  }

  private func child(of node: Int, _ byte: UInt8) -> Int? {
    var next = Int(nodes[node].firstChild)
    while next != 0 {
      if nodes[next].byte == byte { return next }
      next = Int(nodes[next].sibling)
    }
    return nil
  }

  /// The longest string that begins at the position.
  @inline(__always)
  func longest(_ text: [UInt8], at position: Int, until end: Int) -> (value: Int32, end: Int)? {
    let root = Int(roots[Int(text[position])])
    return root == 0 ? nil : walk(root, text, position, end)
  }

  private func walk(_ root: Int, _ text: [UInt8], _ position: Int, _ end: Int) -> (value: Int32, end: Int)? {
    var best: (value: Int32, end: Int)?
    var (node, next) = (root, position + 1)
    while true {
      if nodes[node].value >= 0 { best = (nodes[node].value, next) }
      guard next < end, let child = child(of: node, text[next]) else { return best }
      (node, next) = (child, next + 1)
    }
  }
}
