import Foundation
import Tensors

/// Byte-pair encoding: the letters of a piece are merged pair by pair, the earliest-learned pair first.
///
/// Source: Sennrich et al., "Neural machine translation of rare words with subword units", ACL 2016; `model` of
/// tokenizer.json.
struct BytePairModel: Sendable {
  private struct Pair: Hashable {
    let left: Int32
    let right: Int32
  }

  private struct Merge {
    let rank: Int32
    let token: Int32
  }

  let ids: [Scalars: Int32]
  let tokens: [Int32: Scalars]
  private let letters: [Unicode.Scalar: Int32]
  private let merges: [Pair: Merge]
  private let unknown: Int32?
  private let fusesUnknown: Bool
  /// Ids of the tokens `<0x00>` ... `<0xFF>`; empty when the model has no byte fallback.
  private let byteTokens: [Int32?]
  /// Whether a piece that is a token as a whole is taken without merging.
  private let ignoresMerges: Bool

  init(_ file: TokenizerFile) throws {
    guard let model = file.root["model"] else { throw file.damaged("there is no model") }
    let type = model["type"]?.string ?? "BPE"
    guard type == "BPE" else { throw file.unsupported("model \"\(type)\"") }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] where !(model[key]?.string ?? "").isEmpty {
      throw file.unsupported("\"\(key)\"")
    }
    if case .number(let dropout)? = model["dropout"], dropout != 0 { throw file.unsupported("dropout of merges") }

    (ids, tokens) = try Self.vocabulary(model, file)
    letters = Dictionary(uniqueKeysWithValues: ids.filter { $0.key.count == 1 }.map { ($0.key[0], $0.value) })
    merges = try Self.merges(model, ids, file)
    ignoresMerges = model["ignore_merges"]?.bool ?? false
    fusesUnknown = model["fuse_unk"]?.bool ?? false
    let vocabulary = ids
    unknown = try model["unk_token"]?.string.map { token in
      guard let id = vocabulary[Scalars(token.unicodeScalars)] else {
        throw file.damaged("the unknown token \"\(token)\" is not in the vocabulary")
      }
      return id
    }
    let fallback = model["byte_fallback"]?.bool ?? false
    byteTokens =
      fallback
      ? (0..<256).map { vocabulary[Scalars(String(format: "<0x%02X>", $0).unicodeScalars)] } : []
  }

  private static func vocabulary(
    _ model: JSONValue, _ file: TokenizerFile
  ) throws -> (ids: [Scalars: Int32], tokens: [Int32: Scalars]) {
    guard let pairs = model["vocab"]?.object else { throw file.damaged("the model has no vocabulary") }
    var ids: [Scalars: Int32] = [:]
    var tokens: [Int32: Scalars] = [:]
    for (key, value) in pairs {
      let token = Scalars(key.unicodeScalars)
      guard let number = value.integer, number >= 0, number < Int32.max else {
        throw file.damaged("the id of \"\(key)\" is not a whole number from 0")
      }
      let id = Int32(number)
      guard ids.updateValue(id, forKey: token) == nil, tokens.updateValue(token, forKey: id) == nil else {
        throw file.damaged("the vocabulary holds \"\(key)\" or its id \(id) twice")
      }
    }
    return (ids, tokens)
  }

  private static func merges(
    _ model: JSONValue, _ ids: [Scalars: Int32], _ file: TokenizerFile
  ) throws -> [Pair: Merge] {
    guard let list = model["merges"]?.array else { throw file.damaged("the model has no merges") }
    var merges: [Pair: Merge] = [:]
    merges.reserveCapacity(list.count)
    for (rank, entry) in list.enumerated() {
      let parts = try halves(entry, rank, file)
      guard let left = ids[parts.left], let right = ids[parts.right], let token = ids[parts.left + parts.right] else {
        throw file.damaged("merge \(rank + 1) makes or uses a token outside the vocabulary")
      }
      merges[Pair(left: left, right: right)] = Merge(rank: Int32(rank), token: token)
    }
    return merges
  }

  /// The two halves of a merge, written as "a b" or as ["a", "b"].
  private static func halves(
    _ entry: JSONValue, _ rank: Int, _ file: TokenizerFile
  ) throws -> (left: Scalars, right: Scalars) {
    var parts: [Scalars] = []
    if let text = entry.string {
      parts = Scalars(text.unicodeScalars).split(separator: " ", omittingEmptySubsequences: false).map { Scalars($0) }
    } else if let list = entry.array {
      parts = list.compactMap { $0.string.map { Scalars($0.unicodeScalars) } }
    }
    guard parts.count == 2 else { throw file.damaged("merge \(rank + 1) is not a pair") }
    return (parts[0], parts[1])
  }

  /// The ids of one piece.
  /// - Complexity: O(n log n) in the letters of the piece.
  func encode(_ piece: Scalars) -> [Int32] {
    if ignoresMerges, let id = ids[piece] { return [id] }
    return merged(symbols(of: piece))
  }

  /// The ids of single letters; letters outside the vocabulary become byte tokens, the unknown token, or nothing.
  private func symbols(of piece: Scalars) -> [Int32] {
    var symbols: [Int32] = []
    symbols.reserveCapacity(piece.count)
    var endsUnknown = false
    for scalar in piece {
      if let id = letters[scalar] {
        symbols.append(id)
        endsUnknown = false
        continue
      }
      if !byteTokens.isEmpty {
        let bytes = (UTF8.encode(scalar).map { Array($0) } ?? []).map { byteTokens[Int($0)] }
        if bytes.allSatisfy({ $0 != nil }) {
          symbols += bytes.compactMap { $0 }
          endsUnknown = false
          continue
        }
      }
      if let unknown, !(endsUnknown && fusesUnknown) { symbols.append(unknown) }
      endsUnknown = unknown != nil
    }
    return symbols
  }

  private struct Candidate {
    let rank: Int32
    let position: Int
    let pair: Pair
    let token: Int32
  }

  /// Merges the symbols: lowest rank first, the leftmost among equals; a heap of candidates over a linked list.
  private func merged(_ symbols: [Int32]) -> [Int32] {
    guard symbols.count > 1 else { return symbols }
    var symbols = symbols
    var next = Array(1...symbols.count)
    var previous = Array(-1..<symbols.count - 1)
    var heap = Heap<Candidate> { ($0.rank, $0.position) < ($1.rank, $1.position) }

    func propose(_ position: Int) {
      guard position >= 0, next[position] < symbols.count else { return }
      let pair = Pair(left: symbols[position], right: symbols[next[position]])
      guard let merge = merges[pair] else { return }
      heap.push(Candidate(rank: merge.rank, position: position, pair: pair, token: merge.token))
    }
    for position in symbols.indices { propose(position) }
    while let candidate = heap.pop() {
      let position = candidate.position
      let right = next[position]
      // A candidate is stale once either half was merged elsewhere; a removed symbol holds -1.
      guard right < symbols.count, symbols[position] == candidate.pair.left, symbols[right] == candidate.pair.right
      else { continue }
      symbols[position] = candidate.token
      symbols[right] = -1
      next[position] = next[right]
      if next[right] < symbols.count { previous[next[right]] = position }
      propose(previous[position])
      propose(position)
    }
    return symbols.filter { $0 >= 0 }
  }
}

/// A binary heap whose least element is on top. - Complexity: O(log n) a push and a pop.
private struct Heap<Element> {
  private var elements: [Element] = []
  private let precedes: (Element, Element) -> Bool

  init(precedes: @escaping (Element, Element) -> Bool) { self.precedes = precedes }

  mutating func push(_ element: Element) {
    elements.append(element)
    var child = elements.count - 1
    while child > 0, precedes(elements[child], elements[(child - 1) / 2]) {
      elements.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func pop() -> Element? {
    guard let last = elements.popLast() else { return nil }
    guard let top = elements.first else { return last }
    elements[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < elements.count {
        if precedes(elements[child], elements[least]) { least = child }
      }
      if least == parent { return top }
      elements.swapAt(parent, least)
      parent = least
    }
  }
}
