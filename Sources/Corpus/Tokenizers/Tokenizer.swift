import Foundation

/// Text to token ids and back.
public protocol Tokenizer: Sendable {
  /// One more than the largest id: the least number of embedding rows a model needs.
  var vocabularySize: Int { get }

  /// SHA-256 (hex) of the tokenizer file: equal fingerprints mean equal ids for every text.
  var fingerprint: String { get }

  /// The id of a whole token as the file spells it (special or not); nil when there is none.
  func id(of token: String) -> Int32?

  /// The ids of a text. Special tokens written in the text become their ids.
  /// - Parameter addingSpecialTokens: whether the file's template (a leading `<s>`, say) is applied.
  func encode(_ text: String, addingSpecialTokens: Bool) -> [Int32]

  /// The text of ids; ids outside the vocabulary are skipped.
  func decode(_ ids: [Int32], skippingSpecialTokens: Bool) -> String
}

extension Tokenizer {
  /// The ids of a text, with the special tokens that the file's template adds.
  public func encode(_ text: String) -> [Int32] { encode(text, addingSpecialTokens: true) }

  /// The text of ids, special tokens included.
  public func decode(_ ids: [Int32]) -> String { decode(ids, skippingSpecialTokens: false) }

  /// The one id a text is encoded to; nil when it takes more or fewer.
  public func singleId(_ text: String) -> Int32? {
    let ids = encode(text, addingSpecialTokens: false)
    return ids.count == 1 ? ids[0] : nil
  }
}
