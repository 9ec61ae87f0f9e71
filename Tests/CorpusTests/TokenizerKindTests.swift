import Foundation
import Tensors
import Testing

@testable import Corpus

/// Small tokenizers of every form against what the tokenizers library made of the same texts.
@Suite struct TokenizerKindTests {
  private struct Recorded: Decodable {
    struct Kind: Decodable {
      let tokenizer: String
      let ids: [[Int32]]
      let plain: [[Int32]]?
      let decoded: [String?]
      let skipped: [String?]
    }
    let texts: [String]
    let kinds: [String: Kind]
  }

  private static let names = [
    "smollm", "qwen", "llama3", "llama2", "metaspace_first", "metaspace_always", "metaspace_never", "idefics3",
    "crossing", "no_fallback", "affixes", "suffixes", "splits", "spelled", "normalized", "gaps", "o200k", "deepseek",
  ]

  private static func recorded() throws -> Recorded {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Recorded/tokenizer-kinds.json")
    return try JSONDecoder().decode(Recorded.self, from: Data(contentsOf: file))
  }

  private func exactly(_ a: String, _ b: String) -> Bool { a.unicodeScalars.elementsEqual(b.unicodeScalars) }

  @Test(arguments: names) func idsAndTextsEqualTheLibrarys(name: String) throws {
    let recorded = try Self.recorded()
    let kind = try #require(recorded.kinds[name])
    #expect(recorded.texts.count > 100 && kind.ids.count == recorded.texts.count)
    let tokenizer = try BytePairTokenizer(json: Data(kind.tokenizer.utf8), name: name)
    for (index, text) in recorded.texts.enumerated() {
      let ids = kind.ids[index]
      #expect(tokenizer.encode(text) == ids, "\(text.debugDescription)")
      // A second time, from memory.
      #expect(tokenizer.encode(text) == ids, "\(text.debugDescription)")
      if let plain = kind.plain {
        #expect(tokenizer.encode(text, addingSpecialTokens: false) == plain[index], "\(text.debugDescription)")
      }
      #expect(exactly(tokenizer.decode(ids), kind.decoded[index] ?? text), "\(text.debugDescription)")
      let skipped = tokenizer.decode(ids, skippingSpecialTokens: true)
      #expect(exactly(skipped, kind.skipped[index] ?? text), "\(text.debugDescription)")
    }
  }

  /// Several threads share one tokenizer and what it remembers.
  @Test func threadsAgree() async throws {
    let recorded = try Self.recorded()
    let kind = try #require(recorded.kinds["qwen"])
    let tokenizer = try BytePairTokenizer(json: Data(kind.tokenizer.utf8), name: "qwen")
    let texts = recorded.texts
    await withTaskGroup(of: [[Int32]].self) { group in
      for _ in 0..<4 { group.addTask { texts.map { tokenizer.encode($0) } } }
      for await ids in group { #expect(ids == kind.ids) }
    }
  }

  @Test(arguments: ["smollm", "llama3", "spelled", "o200k", "deepseek"])
  func decodingUndoesEncoding(name: String) throws {
    let kind = try #require(try Self.recorded().kinds[name])
    let tokenizer = try BytePairTokenizer(json: Data(kind.tokenizer.utf8), name: name)
    for sample in 0..<200 {
      var random = CounterRandom(seed: 9, purpose: "round trip", sample: UInt64(sample))
      var scalars = String.UnicodeScalarView()
      let reach = [0x80, 0x800, 0x3000, 0x11_0000][random.integer(below: 4)]
      for _ in 0..<random.integer(below: 80) {
        if let scalar = Unicode.Scalar(UInt32(random.integer(below: reach))) { scalars.append(scalar) }
      }
      let text = String(scalars)
      let ids = tokenizer.encode(text, addingSpecialTokens: false)
      #expect(exactly(tokenizer.decode(ids), text), "\(text.debugDescription)")
    }
  }

  @Test(arguments: names) func damagedFilesThrowAndNeverTrap(name: String) throws {
    let kind = try #require(try Self.recorded().kinds[name])
    let text = Array(kind.tokenizer.utf8)
    let model = kind.tokenizer.range(of: "\"vocab\"").map { kind.tokenizer[..<$0.lowerBound].utf8.count } ?? text.count
    for sample in 0..<60 {
      var random = CounterRandom(seed: 13, purpose: "damage", sample: UInt64(sample))
      var bytes = text
      if sample % 6 == 0 {
        bytes.removeSubrange(random.integer(below: bytes.count)...)
      } else {
        // Most damage goes to the rules before the vocabulary.
        for _ in 0...random.integer(below: 3) {
          bytes[random.integer(below: sample % 6 == 1 ? bytes.count : model)] = UInt8(random.integer(below: 256))
        }
      }
      do {
        let tokenizer = try BytePairTokenizer(json: Data(bytes), name: "damaged")
        for text in ["Does this ECG show <image> 12 mm?", "  é\u{301}漢\u{344} Lower", ""] {
          _ = tokenizer.decode(tokenizer.encode(text))
        }
        _ = tokenizer.decode((0..<700).map { Int32($0) }, skippingSpecialTokens: true)
      } catch {
        #expect(error is UserError)
      }
    }
  }
}
