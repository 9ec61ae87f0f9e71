import Foundation
import Tensors

/// Tokens found in the text as a whole before any other rule (`added_tokens` of tokenizer.json).
///
/// At each place the longest token wins. Tokens marked `normalized` are looked for in the normalised text, the others
/// in the text as it came.
struct AddedTokens: Sendable {
  struct Token: Sendable {
    let id: Int32
    let content: Scalars
    let isSpecial: Bool
    let isNormalized: Bool
    let isSingleWord: Bool
    let stripsLeft: Bool
    let stripsRight: Bool
  }

  /// A stretch of text: a token's id, or nil where it is plain text.
  struct Stretch {
    let id: Int32?
    let text: Scalars
  }

  let tokens: [Token]
  private let raw: [Unicode.Scalar: [Token]]
  private let normalized: [Unicode.Scalar: [Token]]
  private let special: Set<Int32>

  init(_ file: TokenizerFile, normalizer: (any Normalizer)?) throws {
    guard let list = file.root["added_tokens"], !list.isNull else {
      self.init(tokens: [], normalizer: normalizer)
      return
    }
    guard let entries = list.array else { throw file.damaged("\"added_tokens\" must be a list") }
    var tokens: [Token] = []
    for entry in entries {
      guard let content = entry["content"]?.string, let id = entry["id"]?.integer, id >= 0, id < Int32.max else {
        throw file.damaged("an added token has no content or no id")
      }
      let isSpecial = entry["special"]?.bool ?? false
      tokens.append(
        Token(
          id: Int32(id), content: Scalars(content.unicodeScalars), isSpecial: isSpecial,
          isNormalized: entry["normalized"]?.bool ?? !isSpecial, isSingleWord: entry["single_word"]?.bool ?? false,
          stripsLeft: entry["lstrip"]?.bool ?? false, stripsRight: entry["rstrip"]?.bool ?? false))
    }
    self.init(tokens: tokens, normalizer: normalizer)
  }

  private init(tokens: [Token], normalizer: (any Normalizer)?) {
    self.tokens = tokens
    special = Set(tokens.filter(\.isSpecial).map(\.id))
    var raw: [Unicode.Scalar: [Token]] = [:]
    var normalized: [Unicode.Scalar: [Token]] = [:]
    for token in tokens.sorted(by: { $0.content.count > $1.content.count }) {
      guard let first = token.content.first else { continue }
      if !token.isNormalized {
        raw[first, default: []].append(token)
        continue
      }
      let content = normalizer.map { Scalars($0.normalize(String(token.content)).unicodeScalars) } ?? token.content
      if let first = content.first {
        normalized[first, default: []].append(token.with(content: content))
      }
    }
    self.raw = raw
    self.normalized = normalized.mapValues { $0.sorted { $0.content.count > $1.content.count } }
  }

  func isSpecial(_ id: Int32) -> Bool { special.contains(id) }

  /// Cuts raw text at the tokens that are looked for before normalisation.
  func splitRaw(_ text: Scalars) -> [Stretch] { Self.split(text, raw) }

  /// Cuts normalised text at the tokens that are looked for after it.
  func splitNormalized(_ text: Scalars) -> [Stretch] { Self.split(text, normalized) }

  private static func split(_ text: Scalars, _ table: [Unicode.Scalar: [Token]]) -> [Stretch] {
    guard !table.isEmpty else { return text.isEmpty ? [] : [Stretch(id: nil, text: text)] }
    var stretches: [Stretch] = []
    var open = 0
    var position = 0
    while position < text.count {
      guard let token = table[text[position]]?.first(where: { text[position...].starts(with: $0.content) }) else {
        position += 1
        continue
      }
      var start = position
      var stop = position + token.content.count
      position = stop
      if token.isSingleWord, isWord(text, start - 1) || isWord(text, stop) { continue }
      if token.stripsLeft {
        while start > open, text[start - 1].properties.isWhitespace { start -= 1 }
      }
      if token.stripsRight {
        while stop < text.count, text[stop].properties.isWhitespace { stop += 1 }
      }
      if open < start { stretches.append(Stretch(id: nil, text: Scalars(text[open..<start]))) }
      stretches.append(Stretch(id: token.id, text: token.content))
      open = stop
      position = max(position, stop)
    }
    if open < text.count { stretches.append(Stretch(id: nil, text: Scalars(text[open...]))) }
    return stretches
  }

  private static func isWord(_ text: Scalars, _ position: Int) -> Bool {
    text.indices.contains(position) && text[position].isWordCharacter
  }
}

extension AddedTokens.Token {
  fileprivate func with(content: Scalars) -> Self {
    Self(
      id: id, content: content, isSpecial: isSpecial, isNormalized: isNormalized, isSingleWord: isSingleWord,
      stripsLeft: stripsLeft, stripsRight: stripsRight)
  }
}
