import Foundation
import Synchronization
import Tensors

/// Byte-pair encoding: the letters of a piece are merged pair by pair, the earliest-learned pair first.
///
/// Source: Sennrich et al., "Neural machine translation of rare words with subword units", ACL 2016; `model` of
/// tokenizer.json.
final class BytePairModel: Sendable {
  /// What a text is made of before merging.
  enum Letters: Sendable {
    /// Unicode scalars.
    case scalars
    /// Bytes; the vocabulary spells them with the byte alphabet.
    case bytes
  }

  /// Tokens as the file spells them.
  let tokens: TokenTable
  let letters: Letters
  private let merges: MergeTable
  private let unknown: Int32?
  private let fusesUnknown: Bool
  /// Ids of the tokens `<0x00>` ... `<0xFF>`; empty when the model has no byte fallback.
  private let byteTokens: [Int32?]
  /// Ids of single bytes, for letters of that kind.
  private let byteLetters: [Int32?]
  /// Tokens by what they stand for, taken whole without merging; nil when the file does not say so.
  private let wholeTokens: TokenTable?
  /// What precedes every letter but the first, and what follows the last.
  private let prefix: [UInt8]
  private let suffix: [UInt8]
  /// Whether no token reaches over the space before a word, so that words can be merged one by one.
  private let cutsAtMarks: Bool

  private struct Memory {
    var cache = WordCache()
    var work = MergeWork()
  }
  private let memory = Mutex(Memory())

  /// SentencePiece's mark for a space.
  private static let mark = Array("\u{2581}".utf8)

  /// - Parameter spellsBytes: whether pieces come as bytes that the last pre-tokenizer would spell as letters.
  init(_ file: TokenizerFile, spellsBytes: Bool) throws {
    guard let model = file.root["model"] else { throw file.damaged("there is no model") }
    let type = model["type"]?.string ?? "BPE"
    guard type == "BPE" else { throw file.unsupported("model \"\(type)\"") }
    if let dropout = model["dropout"]?.number, dropout != 0 { throw file.unsupported("dropout of merges") }
    let tokens = try Self.vocabulary(model, file)
    prefix = Array((try file.optionalText(model, "continuing_subword_prefix") ?? "").utf8)
    suffix = Array((try file.optionalText(model, "end_of_word_suffix") ?? "").utf8)
    fusesUnknown = try file.flag(model, "fuse_unk", default: false)
    let unknownToken = try file.optionalText(model, "unk_token")
    unknown = try unknownToken.map { token in
      guard let id = tokens.id(of: Array(token.utf8)) else {
        throw file.damaged("the unknown token \"\(token)\" is not in the vocabulary")
      }
      return id
    }
    let fallsBack = try file.flag(model, "byte_fallback", default: false)
    byteTokens = fallsBack ? (0..<256).map { tokens.id(of: Array(String(format: "<0x%02X>", $0).utf8)) } : []
    let alphabet = ByteAlphabet()
    letters = spellsBytes && prefix.isEmpty && suffix.isEmpty && !fallsBack ? .bytes : .scalars
    byteLetters = (0..<256).map { tokens.id(of: alphabet.letter(of: UInt8($0))) }
    let ignoresMerges = try file.flag(model, "ignore_merges", default: false)
    wholeTokens = ignoresMerges ? letters == .bytes ? Self.asBytes(tokens, alphabet) : tokens : nil
    var crossesMarks = false
    merges = try Self.merges(model, tokens, prefix, file, &crossesMarks)
    cutsAtMarks =
      letters == .scalars && !crossesMarks && !ignoresMerges && prefix.isEmpty && suffix.isEmpty
      && tokens.id(of: Self.mark) != nil && unknownToken?.contains("\u{2581}") != true
    self.tokens = tokens
  }

  private static func vocabulary(_ model: JSONValue, _ file: TokenizerFile) throws -> TokenTable {
    guard let pairs = model["vocab"]?.object else { throw file.damaged("the model has no vocabulary") }
    var tokens = TokenTable(capacity: pairs.count)
    for (key, value) in pairs {
      guard let number = value.integer, number >= 0, number < TokenTable.idLimit else {
        throw file.damaged("the id of \"\(key)\" is not a whole number from 0 to \(TokenTable.idLimit - 1)")
      }
      guard tokens.insert(key.utf8, id: Int32(number)) else {
        throw file.damaged("the vocabulary holds \"\(key)\" or its id \(number) twice")
      }
    }
    return tokens
  }

  /// The tokens that the byte alphabet spells, as the bytes they stand for.
  private static func asBytes(_ tokens: TokenTable, _ alphabet: ByteAlphabet) -> TokenTable {
    var result = TokenTable(capacity: tokens.count)
    var bytes: [UInt8] = []
    for id in tokens.allIds {
      bytes.removeAll(keepingCapacity: true)
      guard let range = tokens.range(of: id), alphabet.appendBytes(of: tokens.bytes, range, to: &bytes) else {
        continue
      }
      _ = result.insert(bytes, id: id)
    }
    return result
  }

  private static func merges(
    _ model: JSONValue, _ tokens: TokenTable, _ prefix: [UInt8], _ file: TokenizerFile, _ crossesMarks: inout Bool
  ) throws -> MergeTable {
    guard let list = model["merges"]?.array else { throw file.damaged("the model has no merges") }
    var merges = MergeTable(capacity: list.count)
    var joined: [UInt8] = []
    var rank = 0
    for entry in list {
      if let text = entry.string, text.hasPrefix("#version") { continue }
      joined.removeAll(keepingCapacity: true)
      guard let cut = halves(entry, &joined) else { throw file.damaged("merge \(rank + 1) is not a pair") }
      let left = tokens.id(of: joined, 0..<cut)
      let right = tokens.id(of: joined, cut..<joined.count)
      if !prefix.isEmpty, joined.count - cut >= prefix.count { joined.removeSubrange(cut..<cut + prefix.count) }
      guard let left, let right, let token = tokens.id(of: joined) else {
        throw file.damaged("merge \(rank + 1) makes or uses a token outside the vocabulary")
      }
      crossesMarks = crossesMarks || hasMarkWithin(joined)
      merges.insert(left, right, rank: rank, id: token)
      rank += 1
    }
    return merges
  }

  /// Appends both halves of a merge, written as "a b" or as ["a", "b"]; where the second begins.
  private static func halves(_ entry: JSONValue, _ joined: inout [UInt8]) -> Int? {
    if case .array(let parts) = entry, parts.count == 2, let left = parts[0].string, let right = parts[1].string {
      joined += left.utf8
      let cut = joined.count
      joined += right.utf8
      return cut
    }
    guard case .string(let text) = entry else { return nil }
    joined += text.utf8
    guard let space = joined.firstIndex(of: UInt8(ascii: " ")) else { return nil }
    joined.remove(at: space)
    return joined.contains(UInt8(ascii: " ")) ? nil : space
  }

  private static func hasMarkWithin(_ text: [UInt8]) -> Bool {
    var position = 1
    while position + mark.count <= text.count {
      if isWordStart(text, position, from: 0, until: text.count) { return true }
      position += 1
    }
    return false
  }

  /// Whether a mark stands here and none right before it.
  private static func isWordStart(_ text: [UInt8], _ position: Int, from start: Int, until end: Int) -> Bool {
    text[position] == mark[0] && position > start && text.holds(mark, at: position, until: end)
      && !(position - mark.count >= start && text.holds(mark, at: position - mark.count, until: position))
  }

  /// Appends the ids of the pieces.
  /// - Complexity: O(n log n) in the letters of a piece; pieces met before are looked up.
  func encode(_ text: [UInt8], _ pieces: [Range<Int>], to ids: inout [Int32]) {
    // Whoever comes while another thread is at work does without what was met before.
    let isDone: Void? = memory.withLockIfAvailable { encode(text, pieces, &$0, to: &ids) }
    if isDone == nil {
      var memory = Memory()
      encode(text, pieces, &memory, to: &ids)
    }
  }

  private func encode(_ text: [UInt8], _ pieces: [Range<Int>], _ memory: inout Memory, to ids: inout [Int32]) {
    for piece in pieces {
      guard cutsAtMarks else {
        encodeWord(text, piece, &memory, to: &ids)
        continue
      }
      var start = piece.lowerBound
      for position in piece where text[position] == Self.mark[0] {
        guard Self.isWordStart(text, position, from: start, until: piece.upperBound) else { continue }
        encodeWord(text, start..<position, &memory, to: &ids)
        start = position
      }
      encodeWord(text, start..<piece.upperBound, &memory, to: &ids)
    }
  }

  @inline(__always)
  private func encodeWord(_ text: [UInt8], _ word: Range<Int>, _ memory: inout Memory, to ids: inout [Int32]) {
    let isShort = word.count <= WordCache.longestWord
    let hash = isShort ? TokenTable.hash(text, word) : 0
    if isShort, memory.cache.append(text, word, hash, to: &ids) { return }
    let start = ids.count
    if let id = wholeTokens?.id(of: text, word) {
      ids.append(id)
    } else {
      memory.work.symbols.removeAll(keepingCapacity: true)
      switch letters {
      case .bytes: appendBytes(text, word, to: &memory.work.symbols)
      case .scalars: appendScalars(text, word, to: &memory.work.symbols)
      }
      memory.work.mergeAll(merges)
      ids += memory.work.symbols
    }
    if isShort { memory.cache.insert(text, word, hash, ids[start...]) }
  }

  private func appendBytes(_ text: [UInt8], _ word: Range<Int>, to symbols: inout [Int32]) {
    var isUnknown = false
    for position in word {
      if let id = byteLetters[Int(text[position])] {
        symbols.append(id)
        isUnknown = false
      } else if let unknown {
        if !(isUnknown && fusesUnknown) { symbols.append(unknown) }
        isUnknown = true
      }
    }
  }

  /// Letters outside the vocabulary become byte tokens, the unknown token, or nothing.
  ///
  /// As in the library an unknown token waits for the next letter of the vocabulary, so that byte tokens overtake it.
  private func appendScalars(_ text: [UInt8], _ word: Range<Int>, to symbols: inout [Int32]) {
    var waits = false
    var position = word.lowerBound
    while position < word.upperBound {
      let end = min(position + text.scalar(at: position).length, word.upperBound)
      let (letter, range) = self.letter(text, position..<end, in: word)
      position = end
      if let id = tokens.id(of: letter, range) {
        if waits, let unknown { symbols.append(unknown) }
        waits = false
        symbols.append(id)
      } else if !byteTokens.isEmpty, letter[range].allSatisfy({ byteTokens[Int($0)] != nil }) {
        for byte in letter[range] { if let id = byteTokens[Int(byte)] { symbols.append(id) } }
      } else if let unknown {
        if waits, !fusesUnknown { symbols.append(unknown) }
        waits = true
      }
    }
    if waits, let unknown { symbols.append(unknown) }
  }

  /// A letter with the prefix or suffix that its place in the word gives it.
  private func letter(_ text: [UInt8], _ range: Range<Int>, in word: Range<Int>) -> ([UInt8], Range<Int>) {
    let isFirst = range.lowerBound == word.lowerBound
    let isLast = range.upperBound == word.upperBound
    guard !isFirst && !prefix.isEmpty || isLast && !suffix.isEmpty else { return (text, range) }
    let whole = (isFirst ? [] : prefix) + text[range] + (isLast ? suffix : [])
    return (whole, 0..<whole.count)
  }
}
