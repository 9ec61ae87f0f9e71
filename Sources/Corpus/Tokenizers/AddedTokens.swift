import Foundation
import Tensors

/// Tokens found in the text as a whole before any other rule (`added_tokens` of tokenizer.json).
///
/// At each place the longest token wins. Tokens marked `normalized` are looked for in the normalised text, the others
/// in the text as it came.
struct AddedTokens: Sendable {
  struct Token: Sendable {
    var id: Int32
    let content: [UInt8]
    let isSpecial: Bool
    let isNormalized: Bool
    let isSingleWord: Bool
    let stripsLeft: Bool
    let stripsRight: Bool
  }

  /// A stretch of text: a token's id, or nil where it is plain text.
  struct Stretch {
    let id: Int32?
    let range: Range<Int>
  }

  private(set) var tokens: [Token] = []
  /// What decoding takes for each token: its normalised form where it was looked for in that.
  private(set) var texts: [Int32: [UInt8]] = [:]
  private var ids: [[UInt8]: Int32] = [:]
  private var special: Set<[UInt8]> = []
  private var raw = TokenTrie()
  private var normalized = TokenTrie()
  private let whitespace: ScalarClasses
  private let words: ScalarClasses

  /// Ids are given as the library gives them: a token of the model keeps the model's; the others are counted on from
  /// the size of the vocabulary, whatever the file says.
  ///
  /// - Parameter standIn: a token that the file does not tell, or tells another id of.
  init(
    _ file: TokenizerFile, model: TokenTable, normalizers: [any Normalizer], standIn: StandInToken? = nil
  ) throws {
    whitespace = try file.classes(.whitespace)
    words = try file.classes(.wordOfRust)
    var next = Int32(model.count)
    for entry in try Self.entries(file) {
      var token = try Self.token(entry, file)
      guard !token.content.isEmpty else { continue }
      if let known = model.id(of: token.content) {
        guard known == token.id else {
          let content = String(decoding: token.content, as: UTF8.self)
          throw file.damaged("added token \"\(content)\" and the vocabulary disagree on id \(token.id)")
        }
      } else {
        token.id = ids[token.content] ?? next
        if token.id == next { next += 1 }
      }
      add(token, normalizers)
    }
    if let standIn { try add(standIn, file, model) }
    for (index, token) in tokens.enumerated() {
      if token.isNormalized {
        normalized.insert(texts[token.id] ?? token.content, value: Int32(index))
      } else {
        raw.insert(token.content, value: Int32(index))
      }
    }
  }

  private static func entries(_ file: TokenizerFile) throws -> [JSONValue] {
    guard let list = file.root["added_tokens"], !list.isNull else { return [] }
    guard let entries = list.array else { throw file.damaged("\"added_tokens\" must be a list") }
    return entries
  }

  private static func token(_ entry: JSONValue, _ file: TokenizerFile) throws -> Token {
    guard let content = entry["content"]?.string, let id = entry["id"]?.integer, id >= 0, id < TokenTable.idLimit else {
      throw file.damaged("an added token has no content or no id from 0 to \(TokenTable.idLimit - 1)")
    }
    let isSpecial = try file.flag(entry, "special", default: false)
    return Token(
      id: Int32(id), content: Array(content.utf8), isSpecial: isSpecial,
      isNormalized: try file.flag(entry, "normalized", default: !isSpecial),
      isSingleWord: try file.flag(entry, "single_word", default: false),
      stripsLeft: try file.flag(entry, "lstrip", default: false),
      stripsRight: try file.flag(entry, "rstrip", default: false))
  }

  /// Takes the place of a token of the same text; its id must be no other token's.
  private mutating func add(_ standIn: StandInToken, _ file: TokenizerFile, _ model: TokenTable) throws {
    let content = Array(standIn.content.utf8)
    if let index = tokens.firstIndex(where: { $0.content == content }) {
      texts[tokens[index].id] = nil
      tokens.remove(at: index)
    }
    guard let id = Int32(exactly: standIn.id), id >= 0, id < TokenTable.idLimit else {
      throw file.damaged("the id \(standIn.id) of \(standIn.content) is not one from 0 to \(TokenTable.idLimit - 1)")
    }
    let holder = texts[id] ?? model.range(of: id).map { Array(model.bytes[$0]) }
    if let holder, holder != content {
      throw UserError(
        .badInput,
        "\(file.name): the id \(id) is \"\(String(decoding: holder, as: UTF8.self))\", but the model's configuration has it "
          + "stand for \(standIn.content)", remedy: "set \(standIn.key) in config.json to an id that no token has")
    }
    add(
      Token(
        id: id, content: content, isSpecial: true, isNormalized: false, isSingleWord: false, stripsLeft: false,
        stripsRight: false), [])
  }

  /// A token named again takes the place of the first.
  private mutating func add(_ token: Token, _ normalizers: [any Normalizer]) {
    ids[token.content] = token.id
    texts[token.id] = token.content
    if token.isNormalized {
      var text = token.content
      for step in normalizers where !text.isEmpty { _ = step.normalize(&text) }
      texts[token.id] = text
    }
    if token.isSpecial { special.insert(token.content) }
    if let index = tokens.firstIndex(where: { $0.id == token.id }) {
      tokens[index] = token
    } else {
      tokens.append(token)
    }
  }

  func id(of content: [UInt8]) -> Int32? { ids[content] }

  /// Whether decoding may leave out a token of this text.
  func isSpecial(_ text: [UInt8]) -> Bool { special.contains(text) }

  /// Cuts raw text at the tokens that are looked for before normalisation.
  func splitRaw(_ text: [UInt8]) -> [Stretch] { split(text, raw) }

  /// Cuts normalised text at the tokens that are looked for after it.
  func splitNormalized(_ text: [UInt8]) -> [Stretch] { split(text, normalized) }

  private func split(_ text: [UInt8], _ trie: TokenTrie) -> [Stretch] {
    guard !text.isEmpty else { return [] }
    guard !trie.isEmpty else { return [Stretch(id: nil, range: 0..<text.count)] }
    var stretches: [Stretch] = []
    var open = 0
    var position = 0
    while position < text.count {
      guard let (index, end) = trie.longest(text, at: position, until: text.count) else {
        position += 1
        continue
      }
      let token = tokens[Int(index)]
      let start = position
      position = end
      if token.isSingleWord, isWord(text, before: start) || isWord(text, at: end) { continue }
      // The search goes on right after the token even where it takes the space that follows, as in the library.
      let first = token.stripsLeft ? max(spaceStart(text, before: start), open) : start
      let last = token.stripsRight ? spaceEnd(text, from: end) : end
      if open < first { stretches.append(Stretch(id: nil, range: open..<first)) }
      // Space that the token before took already may leave nothing of this one.
      if first < last { stretches.append(Stretch(id: token.id, range: first..<last)) }
      open = last
    }
    if open < text.count { stretches.append(Stretch(id: nil, range: open..<text.count)) }
    return stretches
  }

  private func isWord(_ text: [UInt8], at position: Int) -> Bool {
    position < text.count && words.mask(text.scalar(at: position).value) != 0
  }

  private func isWord(_ text: [UInt8], before position: Int) -> Bool {
    position > 0 && isWord(text, at: text.scalarStart(before: position))
  }

  private func spaceStart(_ text: [UInt8], before position: Int) -> Int {
    var start = position
    while start > 0, case let last = text.scalarStart(before: start), whitespace.mask(text.scalar(at: last).value) != 0
    {
      start = last
    }
    return start
  }

  private func spaceEnd(_ text: [UInt8], from position: Int) -> Int {
    var end = position
    while end < text.count, case let (scalar, length) = text.scalar(at: end), whitespace.mask(scalar) != 0 {
      end += length
    }
    return end
  }
}
