import Foundation
import Tensors
import Testing

@testable import Corpus

/// The parts of a streamed answer together are its decoded text, for every form of tokenizer and any tokens.
@Suite struct StreamedTextTests {
  private struct Recorded: Decodable {
    struct Kind: Decodable {
      let tokenizer: String
      let ids: [[Int32]]
    }
    let kinds: [String: Kind]
  }

  private static let names = [
    "smollm", "qwen", "llama3", "llama2", "metaspace_first", "metaspace_always", "metaspace_never", "idefics3",
    "crossing", "no_fallback", "affixes", "suffixes", "splits", "spelled", "normalized", "gaps", "o200k", "deepseek",
  ]

  private static func kind(_ name: String) throws -> Recorded.Kind {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Recorded/tokenizer-kinds.json")
    return try #require(try JSONDecoder().decode(Recorded.self, from: Data(contentsOf: file)).kinds[name])
  }

  private func parts(_ ids: [Int32], _ tokenizer: BytePairTokenizer) -> [String] {
    var stream = StreamedText(tokenizer)
    return ids.map { stream.append($0) } + [stream.finish()]
  }

  private func check(_ ids: [Int32], _ tokenizer: BytePairTokenizer, _ name: String) {
    let whole = tokenizer.decode(ids, skippingSpecialTokens: true).trimmingCharacters(in: .whitespaces)
    #expect(parts(ids, tokenizer).joined().unicodeScalars.elementsEqual(whole.unicodeScalars), "\(name) \(ids)")
  }

  @Test(arguments: names) func partsOfRecordedTextsMakeTheWhole(name: String) throws {
    let kind = try Self.kind(name)
    let tokenizer = try BytePairTokenizer(json: Data(kind.tokenizer.utf8), name: name)
    for ids in kind.ids { check(ids, tokenizer, name) }
  }

  /// Tokens in any order: letters begun and never ended, runs of bytes that are none, ids that do not exist.
  @Test(arguments: names) func partsOfAnyTokensMakeTheWhole(name: String) throws {
    let kind = try Self.kind(name)
    let tokenizer = try BytePairTokenizer(json: Data(kind.tokenizer.utf8), name: name)
    let known = Array(Set(kind.ids.joined())).sorted()
    for sample in 0..<150 {
      var random = CounterRandom(seed: 17, purpose: "tokens", sample: UInt64(sample))
      let ids = (0..<random.integer(below: 24)).map { _ in
        random.integer(below: 3) == 0
          ? Int32(random.integer(below: tokenizer.vocabularySize + 3)) : known[random.integer(below: known.count)]
      }
      check(ids, tokenizer, name)
    }
  }

  /// A run of byte tokens is text only when it ends: the same bytes, one more, and they are not.
  @Test func bytesWaitForTheEndOfTheirRun() throws {
    let tokenizer = try BytePairTokenizer(json: Data(try Self.kind("llama2").tokenizer.utf8), name: "llama2")
    let euro = try ["<0xE2>", "<0x82>", "<0xAC>"].map { try #require(tokenizer.id(of: $0)) }
    let stray = try #require(tokenizer.id(of: "<0xFF>"))
    #expect(parts(euro, tokenizer) == ["", "", "", "€"])
    #expect(parts(euro + [stray], tokenizer) == ["", "", "", "", "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"])
  }

  /// A letter of several tokens comes with its last one.
  @Test func lettersWaitForAllTheirBytes() throws {
    let tokenizer = try BytePairTokenizer(.student)
    let ids = tokenizer.encode("a😀b", addingSpecialTokens: false)
    let parts = parts(ids, tokenizer)
    #expect(ids.count > 3 && parts.joined() == "a😀b" && parts.allSatisfy { !$0.contains("\u{FFFD}") })
  }

  @Test func textComesAsSoonAsItIsCertain() throws {
    let tokenizer = try BytePairTokenizer(.student)
    let ids = tokenizer.encode("Sinus rhythm. Normal ECG.", addingSpecialTokens: false)
    let parts = parts(ids, tokenizer)
    #expect(parts.joined() == "Sinus rhythm. Normal ECG." && parts.count { !$0.isEmpty } > 3)
    #expect(parts.last == "")
  }
}
