import Foundation

/// The text of an answer while its tokens come: at every token the part that no later token can change.
///
/// Held back are letters of which some bytes are still to come, runs of byte tokens (`<0xNN>`), which a decoder reads as a
/// whole, and spaces at the end. The parts together are the decoded text of all tokens, special ones skipped, without
/// spaces around it.
public struct StreamedText: Sendable {
  private let tokenizer: any Tokenizer
  private let byteTokens: Set<Int32>
  private var ids: [Int32] = []
  /// Of the ids, those whose text is settled.
  private var settled = 0
  /// Bytes of the text that were handed out.
  private var told: [UInt8] = []

  public init(_ tokenizer: any Tokenizer) {
    self.tokenizer = tokenizer
    byteTokens = Set((0...255).compactMap { tokenizer.id(of: "<0x" + String(format: "%02X", $0) + ">") })
  }

  /// The text of all tokens so far.
  public var text: String { Self.trimmed(tokenizer.decode(ids, skippingSpecialTokens: true)) }

  /// Adds a token and returns the text that is certain now; often empty.
  /// - Complexity: O(tokens so far).
  public mutating func append(_ id: Int32) -> String {
    ids.append(id)
    // A token without a text of its own, a special one say, does not end a run of bytes.
    let isOpen = byteTokens.contains(id) || tokenizer.decode([id], skippingSpecialTokens: true).isEmpty
    if !isOpen { settled = ids.count }
    var certain = tokenizer.decode(Array(ids[..<settled]), skippingSpecialTokens: true).unicodeScalars
    while certain.last == "\u{FFFD}" { certain.removeLast() }
    return rest(of: Self.trimmed(String(certain)))
  }

  /// The text that was held back.
  public mutating func finish() -> String {
    let whole = text
    // A decoder whose later steps change what earlier tokens said cannot be streamed: its text is given again.
    return whole.utf8.starts(with: told) ? rest(of: whole) : "\n" + whole
  }

  private mutating func rest(of text: String) -> String {
    let bytes = Array(text.utf8)
    guard bytes.starts(with: told), bytes.count > told.count else { return "" }
    defer { told = bytes }
    return String(decoding: bytes[told.count...], as: UTF8.self)
  }

  private static func trimmed(_ text: String) -> String { text.trimmingCharacters(in: .whitespaces) }
}
