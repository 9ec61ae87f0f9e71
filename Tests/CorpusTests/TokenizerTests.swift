import Foundation
import Tensors
import TestSupport
import Testing

@testable import Corpus

/// Folder of this file, for what lies beside it.
private let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

@Suite struct TokenizerTests {
  private struct Recorded: Decodable {
    let probes: [String]
    let student: [[Int32]]
    let teacher: [[Int32]]
  }

  private struct Probe: Decodable {
    let text: String
    let ids: [Int32]
    let ids_no_special: [Int32]
    let decoded: String
    let decoded_skip_special: String
  }

  private func exactly(_ a: String, _ b: String) -> Bool { a.unicodeScalars.elementsEqual(b.unicodeScalars) }

  @Test(arguments: BytePairTokenizer.BuiltIn.allCases)
  func idsEqualThoseOfTheTokenizersLibrary(builtIn: BytePairTokenizer.BuiltIn) throws {
    let tokenizer = try BytePairTokenizer(builtIn)
    let data = try Data(contentsOf: here.appendingPathComponent("Recorded/tokenizers.json"))
    let recorded = try JSONDecoder().decode(Recorded.self, from: data)
    let expected = builtIn == .student ? recorded.student : recorded.teacher
    #expect(recorded.probes.count == expected.count && expected.count > 200)
    for (probe, ids) in zip(recorded.probes, expected) {
      #expect(tokenizer.encode(probe) == ids, "\(probe.debugDescription)")
      #expect(exactly(tokenizer.decode(ids), probe), "\(probe.debugDescription)")
    }
  }

  @Test(.enabled(if: SharedFiles.has("cases/models")), arguments: ["tiny_idefics3", "tiny_llava"])
  func idsEqualThoseRecordedBesideModels(model: String) throws {
    let folder = SharedFiles.url("cases/models/\(model)")
    let tokenizer = try BytePairTokenizer(contentsOf: folder)
    let data = try Data(contentsOf: folder.appendingPathComponent("tokenizer_probes.json"))
    for probe in try JSONDecoder().decode([Probe].self, from: data) {
      #expect(tokenizer.encode(probe.text) == probe.ids, "\(probe.text.debugDescription)")
      #expect(tokenizer.encode(probe.text, addingSpecialTokens: false) == probe.ids_no_special)
      #expect(exactly(tokenizer.decode(probe.ids), probe.decoded), "\(probe.text.debugDescription)")
      #expect(exactly(tokenizer.decode(probe.ids, skippingSpecialTokens: true), probe.decoded_skip_special))
    }
  }

  @Test func embeddedTextIsThatOfTheCommittedFiles() throws {
    let resources = here.deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Sources/Corpus/Resources")
    for builtIn in BytePairTokenizer.BuiltIn.allCases {
      let tokenizer = try BytePairTokenizer(builtIn)
      try withTemporaryFolder { folder in
        try tokenizer.write(to: folder)
        for name in ["tokenizer.json", "tokenizer_config.json"] {
          let committed = try Data(contentsOf: resources.appendingPathComponent("\(builtIn.rawValue)/\(name)"))
          #expect(try Data(contentsOf: folder.appendingPathComponent(name)) == committed)
        }
        #expect(try BytePairTokenizer(contentsOf: folder).fingerprint == tokenizer.fingerprint)
      }
    }
  }

  @Test func builtInVocabulariesDifferAndAnswerInOneToken() throws {
    let student = try BytePairTokenizer(.student)
    let teacher = try BytePairTokenizer(.teacher)
    #expect(student.vocabularySize == 512)
    #expect(teacher.vocabularySize == 1024)
    #expect(student.fingerprint != teacher.fingerprint)
    for tokenizer in [student, teacher] {
      #expect(tokenizer.singleId(" Yes") != nil)
      #expect(tokenizer.singleId(" No") != nil)
      #expect(tokenizer.id(of: "<image>") != nil)
      #expect(tokenizer.id(of: "no such token") == nil)
    }
    #expect(student.singleId(" Yes") != teacher.singleId(" Yes"))
  }

  @Test(arguments: BytePairTokenizer.BuiltIn.allCases)
  func decodingUndoesEncoding(builtIn: BytePairTokenizer.BuiltIn) throws {
    let tokenizer = try BytePairTokenizer(builtIn)
    for sample in 0..<400 {
      var random = CounterRandom(seed: 5, purpose: "round trip", sample: UInt64(sample))
      let bytes = (0..<random.integer(below: 60)).map { _ in UInt8(random.integer(below: 256)) }
      var scalars = String.UnicodeScalarView()
      for _ in 0..<random.integer(below: 40) {
        let code = UInt32(random.integer(below: [0x80, 0x800, 0x3000, 0x11_0000][random.integer(below: 4)]))
        if let scalar = Unicode.Scalar(code) { scalars.append(scalar) }
      }
      for text in [String(decoding: bytes, as: UTF8.self), String(scalars)] {
        let ids = tokenizer.encode(text)
        #expect(exactly(tokenizer.decode(ids), text), "\(text.debugDescription)")
        #expect(ids.allSatisfy { (0..<tokenizer.vocabularySize).contains(Int($0)) })
      }
    }
  }

  @Test func longUnbrokenTextIsEncodedInReasonableTime() throws {
    let tokenizer = try BytePairTokenizer(.teacher)
    let text = String(repeating: "myocardialinfarction", count: 5_000)
    let clock = ContinuousClock()
    let time = clock.measure { #expect(exactly(tokenizer.decode(tokenizer.encode(text)), text)) }
    #expect(time < .seconds(20))
  }

  @Test func idsOutsideTheVocabularyAreSkipped() throws {
    let tokenizer = try BytePairTokenizer(.student)
    #expect(tokenizer.decode([-1, 100_000, Int32.max]) == "")
  }

  /// `<image>` of a folder of the original LLaVA: ids are those of the library, to which the token was added.
  @Test(.enabled(if: SharedFiles.has("cases/models/tiny_llava")))
  func aTokenCanStandIn() throws {
    struct Recorded: Decodable {
      let id: Int
      let ids: [String: [Int32]]
    }
    let place = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Recorded/stand-in-token.json")
    let recorded = try JSONDecoder().decode(Recorded.self, from: Data(contentsOf: place))
    let folder = SharedFiles.url("cases/models/tiny_llava")
    let plain = try BytePairTokenizer(contentsOf: folder)
    let tokenizer = try BytePairTokenizer(
      contentsOf: folder, standIn: StandInToken("<image>", id: recorded.id, key: "image_token_index"))
    #expect(tokenizer.id(of: "<image>") == Int32(recorded.id) && tokenizer.vocabularySize == recorded.id + 1)
    #expect(tokenizer.fingerprint != plain.fingerprint && recorded.ids.count >= 5)
    for (text, ids) in recorded.ids { #expect(tokenizer.encode(text) == ids, "\(text)") }
    let ids = tokenizer.encode("USER: <image>\nWhat?", addingSpecialTokens: false)
    #expect(tokenizer.decode(ids, skippingSpecialTokens: true).contains("What?"))
    #expect(!tokenizer.decode(ids, skippingSpecialTokens: true).contains("<image>"))
    for id in [2, -1, Int.max] {
      let error = #expect(throws: UserError.self) {
        try BytePairTokenizer(contentsOf: folder, standIn: StandInToken("<image>", id: id, key: "image_token_index"))
      }
      #expect(error?.kind == .badInput && error?.message.contains("tokenizer.json") == true)
    }
  }

  /// What is written for transformers is read back with the same ids, and the added tokens behind all others.
  @Test func specialTokensAreAddedToTheFile() throws {
    let tokenizer = try BytePairTokenizer(.teacher)
    let text = try tokenizer.json(adding: ["<image>", "<new>", "<newer>"], name: "x")
    let again = try BytePairTokenizer(json: text, name: "x")
    #expect(again.id(of: "<image>") == tokenizer.id(of: "<image>"))
    #expect(again.id(of: "<new>") == Int32(tokenizer.vocabularySize))
    #expect(again.vocabularySize == tokenizer.vocabularySize + 2)
    for sample in ["Sinus rhythm, 72/min", " \u{1F600}é\n\n <image>"] {
      #expect(again.encode(sample) == tokenizer.encode(sample))
    }
    #expect(again.encode("<newer>", addingSpecialTokens: false) == [Int32(tokenizer.vocabularySize + 1)])
  }

  @Test func anOlderFormIsToBeConverted() throws {
    try withTemporaryFolder { folder in
      try Data("x".utf8).write(to: folder.appendingPathComponent("tokenizer.model"))
      let error = #expect(throws: UserError.self) { try BytePairTokenizer(contentsOf: folder) }
      #expect(error?.remedy.contains("save_pretrained('\(folder.path)')") == true)
    }
  }

  @Test func missingTokenizerNamesTheFolder() throws {
    try withTemporaryFolder { folder in
      let error = #expect(throws: UserError.self) { try BytePairTokenizer(contentsOf: folder) }
      #expect(error?.kind == .badInput)
      #expect(error?.message.contains(folder.path) == true)
    }
  }

  /// A whole tokenizer.json with one part replaced.
  private func tokenizer(_ part: String, _ value: String, merges: String = "[]") throws -> BytePairTokenizer {
    var parts = [
      "normalizer": "null", "pre_tokenizer": "null", "post_processor": "null", "decoder": "null", "added_tokens": "[]",
      "model": #"{"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, " ": 3}, "merges": \#(merges)}"#,
    ]
    parts[part] = value
    let json = "{" + parts.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ",") + "}"
    return try BytePairTokenizer(json: Data(json.utf8), name: "probe")
  }

  @Test(arguments: [
    ("normalizer", #"{"type": "Precompiled", "precompiled_charsmap": ""}"#, "Precompiled"),
    ("normalizer", #"{"type": "Sequence", "normalizers": [{"type": "Nmt"}]}"#, "Nmt"),
    ("pre_tokenizer", #"{"type": "UnicodeScripts"}"#, "UnicodeScripts"),
    ("pre_tokenizer", #"{"type": "Split", "pattern": {"Regex": "(?<=a)b"}, "behavior": "Isolated"}"#, "group"),
    ("pre_tokenizer", #"{"type": "Split", "pattern": {"Regex": "\\p{Han}"}, "behavior": "Isolated"}"#, "p{Han}"),
    ("pre_tokenizer", #"{"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Doubled"}"#, "Doubled"),
    ("post_processor", #"{"type": "PairProcessing"}"#, "PairProcessing"),
    ("decoder", #"{"type": "WordPiece"}"#, "WordPiece"),
    ("model", #"{"type": "Unigram", "vocab": []}"#, "Unigram"),
    ("model", #"{"type": "WordPiece", "vocab": {}}"#, "WordPiece"),
    ("model", #"{"vocab": {}, "merges": [], "dropout": 0.1}"#, "dropout"),
    ("decoder", #"{"type": "CTC"}"#, "CTC"),
  ])
  func unsupportedRulesAreRefusedByName(part: String, value: String, name: String) throws {
    let error = #expect(throws: UserError.self) { try tokenizer(part, value) }
    #expect(error?.message.contains(name) == true, "\(String(describing: error))")
    #expect(error?.message.contains("not supported") == true)
  }

  @Test func contradictoryFilesAreRefused() throws {
    #expect(throws: UserError.self) { try tokenizer("model", #"{"vocab": {"a": 0, "b": 0}, "merges": []}"#) }
    #expect(throws: UserError.self) { try tokenizer("model", #"{"vocab": {"a": -1}, "merges": []}"#) }
    #expect(throws: UserError.self) { try tokenizer("added_tokens", #"[{"content": "a", "id": 1}]"#) }
    #expect(throws: UserError.self) { try tokenizer("decoder", "null", merges: #"["a c"]"#) }
    #expect(throws: UserError.self) { try tokenizer("decoder", "null", merges: #"["a"]"#) }
  }

  @Test func theLongestAddedTokenWins() throws {
    let tokens = #"[{"content": "<a>", "id": 4, "special": true}, {"content": "<a><b>", "id": 5, "special": true}]"#
    #expect(try tokenizer("added_tokens", tokens).encode("a<a><b>b<a>") == [0, 5, 1, 4])
  }

  @Test func addedTokensTakeTheSpaceBesideThemAndRespectWords() throws {
    let stripping = #"[{"content": "<a>", "id": 4, "lstrip": true, "rstrip": true, "normalized": false}]"#
    #expect(try tokenizer("added_tokens", stripping).encode("a  <a> b") == [0, 4, 1])
    let word = #"[{"content": "ba", "id": 4, "single_word": true, "normalized": false}]"#
    #expect(try tokenizer("added_tokens", word).encode("aba ba") == [0, 1, 0, 3, 4])
  }

  /// As in the library: tokens outside the model's vocabulary are counted on from its size, whatever the file says.
  @Test func addedTokensAreCountedOnFromTheVocabulary() throws {
    let made = try tokenizer("added_tokens", #"[{"content": "<a>", "id": 9}, {"content": "<b>", "id": 12}]"#)
    #expect(made.encode("<b><a>") == [5, 4])
    #expect(made.vocabularySize == 6)
    #expect(made.decode([4, 5]) == "<a> <b>")
  }

  @Test func mergesGoByRankThenFromTheLeft() throws {
    #expect(try tokenizer("decoder", "null", merges: #"["a b"]"#).encode("aabab") == [0, 2, 2])
    let model = #"{"vocab": {"a": 0, "aa": 1, "aaa": 2}, "merges": [["a", "a"], ["aa", "a"]]}"#
    #expect(try tokenizer("model", model).encode("aaaaa") == [1, 2])
  }

  @Test func normalisationComposesWhenTheFileSaysSo() throws {
    let json = #"""
      {"normalizer": {"type": "NFC"}, "model": {"vocab": {"\u00e9": 0, "e": 1, "\u0301": 2}, "merges": []}}
      """#
    #expect(try BytePairTokenizer(json: Data(json.utf8), name: "probe").encode("e\u{301}") == [0])
    let plain = json.replacingOccurrences(of: #"{"type": "NFC"}"#, with: "null")
    #expect(try BytePairTokenizer(json: Data(plain.utf8), name: "probe").encode("e\u{301}") == [1, 2])
  }

  @Test func canonicallyEquivalentTokensStayApart() throws {
    let json = #"{"model": {"vocab": {"\u2126": 0, "\u03a9": 1}, "merges": []}}"#
    #expect(try BytePairTokenizer(json: Data(json.utf8), name: "probe").encode("\u{2126}\u{3a9}") == [0, 1])
  }

  /// Any value in the place of any other.
  @Test func wrongTypesThrowAndNeverTrap() throws {
    let whole = BuiltInTokenizerText.student
    let values = [
      "null", "true", "-1", "1e300", "\"x\"", "\"\"", "[]", "{}", "[[1]]", "{\"type\": \"ByteLevel\"}", "99999999",
    ]
    let keys = [
      "added_tokens", "normalizer", "pre_tokenizer", "decoder", "model", "vocab", "merges", "id", "content", "special",
      "pretokenizers", "individual_digits", "use_regex", "unk_token", "byte_fallback", "ignore_merges", "type",
    ]
    for key in keys {
      for value in values {
        guard let place = whole.range(of: "\"\(key)\":") else { continue }
        let text = "\(whole[..<place.upperBound])\(value),\"unused\":\(whole[place.upperBound...])"
        do {
          let tokenizer = try BytePairTokenizer(json: Data(text.utf8), name: "damaged")
          _ = tokenizer.decode(tokenizer.encode("Does this ECG show <image> 12 mm?"))
        } catch {
          #expect(error is UserError, "\(key): \(value)")
        }
      }
    }
  }

  @Test func oneFileIsATokenizerToo() throws {
    try withTemporaryFolder { folder in
      try BytePairTokenizer(.student).write(to: folder)
      let file = folder.appendingPathComponent("tokenizer.json")
      #expect(try BytePairTokenizer(contentsOf: file).encode("12 mm") == BytePairTokenizer(.student).encode("12 mm"))
    }
  }

  @Test func damagedFilesThrowAndNeverTrap() throws {
    let text = Array(BuiltInTokenizerText.student.utf8)
    for sample in 0..<150 {
      var random = CounterRandom(seed: 11, purpose: "damage", sample: UInt64(sample))
      var bytes = text
      if sample % 3 == 0 {
        bytes.removeSubrange(random.integer(below: bytes.count)...)
      } else {
        // Most flips hit the vocabulary; every other sample flips the head, where the rules stand.
        let reach = sample % 2 == 0 ? bytes.count : 2_000
        for _ in 0...random.integer(below: 4) {
          bytes[random.integer(below: reach)] = UInt8(random.integer(below: 256))
        }
      }
      do {
        let tokenizer = try BytePairTokenizer(json: Data(bytes), name: "damaged")
        _ = tokenizer.decode(tokenizer.encode("Does this ECG show <image> 12 mm?"))
      } catch {
        #expect(error is UserError)
      }
    }
  }
}
