/// Ids to text: the texts of the tokens, and the decoder's steps over them.
///
/// For byte-level vocabularies the bytes of every token are known beforehand, and decoding only joins them.
struct Detokenizer: Sendable {
  private let model: TokenTable
  private let added: AddedTokens
  /// Nil where the file names no decoder: tokens are then joined by spaces.
  private let steps: [any TokenDecoder]?
  /// Bytes of all ids one after another, and where each id's end; nil for other decoders.
  private let known: (bytes: [UInt8], ends: [Int32])?
  private let special: Set<Int32>
  /// Whether each id is an added token's.
  private let marks: [Bool]

  init(model: TokenTable, added: AddedTokens, decoders: [any TokenDecoder]?) {
    (self.model, self.added, steps) = (model, added, decoders)
    let bound = max(model.idBound, added.tokens.map { Int($0.id) + 1 }.max() ?? 0)
    marks = (0..<Int32(bound)).map { added.texts[$0] != nil }
    special = Set(
      (added.tokens.map(\.id)).filter { id in added.texts[id].map { added.isSpecial($0) } ?? false })
    guard let first = decoders?.first as? ByteLevelDecoder, decoders?.count == 1 else {
      known = nil
      return
    }
    var bytes: [UInt8] = []
    var ends: [Int32] = []
    ends.reserveCapacity(bound)
    for id in 0..<Int32(bound) {
      if let text = added.texts[id] {
        first.append(text, 0..<text.count, to: &bytes)
      } else if let range = model.range(of: id) {
        first.append(model.bytes, range, to: &bytes)
      }
      ends.append(Int32(bytes.count))
    }
    known = (bytes, ends)
  }

  /// Ids outside the vocabulary are skipped.
  func decode(_ ids: [Int32], skippingSpecialTokens: Bool) -> String {
    guard let steps else { return joined(ids, skippingSpecialTokens) }
    if let known {
      var bytes: [UInt8] = []
      bytes.reserveCapacity(ids.count * 5)
      for id in ids where id >= 0 && Int(id) < known.ends.count {
        if skippingSpecialTokens, isAdded(id), special.contains(id) { continue }
        let start = id > 0 ? known.ends[Int(id) - 1] : 0
        for position in Int(start)..<Int(known.ends[Int(id)]) { bytes.append(known.bytes[position]) }
      }
      return String(decoding: bytes, as: UTF8.self)
    }
    let texts = steps.reduce(self.texts(ids, skippingSpecialTokens)) { $1.decode($0) }
    return String(decoding: texts.bytes, as: UTF8.self)
  }

  @inline(__always) private func isAdded(_ id: Int32) -> Bool { id >= 0 && Int(id) < marks.count && marks[Int(id)] }

  private func texts(_ ids: [Int32], _ skippingSpecialTokens: Bool) -> TokenTexts {
    var texts = TokenTexts()
    texts.reserve(ids.count, ids.count * 5)
    for id in ids {
      if isAdded(id), let text = added.texts[id] {
        if !skippingSpecialTokens || !special.contains(id) { texts.add(text) }
      } else if let range = model.range(of: id) {
        texts.add(model.bytes, range)
      }
    }
    return texts
  }

  private func joined(_ ids: [Int32], _ skippingSpecialTokens: Bool) -> String {
    let texts = texts(ids, skippingSpecialTokens)
    return (0..<texts.count).map { String(decoding: texts.bytes[texts.range($0)], as: UTF8.self) }
      .joined(separator: " ")
  }
}
