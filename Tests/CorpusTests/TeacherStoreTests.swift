import Foundation
import Tensors
import TestSupport
import Testing

@testable import Corpus

/// Stores that other programs wrote (Recorded/teacher-store, by the script beside it), and what may happen to them.
@Suite struct TeacherStoreTests {
  private static let recorded = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Recorded/teacher-store")

  /// A copy of the recorded store that may be damaged.
  private func withStore<T>(_ body: (URL) throws -> T) throws -> T {
    try withTemporaryFolder { folder in
      let copy = folder.appendingPathComponent("store")
      try FileManager.default.copyItem(at: Self.recorded.appendingPathComponent("store"), to: copy)
      return try body(copy)
    }
  }

  private func edit(_ file: URL, _ change: (inout Data) -> Void) throws {
    var bytes = try Data(contentsOf: file)
    change(&bytes)
    try bytes.write(to: file)
  }

  /// hidden[t, d] = sample + t / 8 + d / 64, visual[t, d] = characters of the view + t / 8 + d / 64: as the script says.
  @Test func aStoreWrittenInPythonIsRead() throws {
    let store = try TeacherStore(Self.recorded.appendingPathComponent("store"))
    try store.verify()
    let samples: [StoredSample] =
      [("a", 0, "MI"), ("a", 0, "report"), ("a", 1, "MI"), ("a", 1, "report"), ("sub/b", 0, "MI")].map {
        StoredSample(record: $0.0, variant: $0.1, question: $0.2)
      } + (0..<16).map { StoredSample(record: "c\($0)", variant: 0, question: "MI") }
    #expect(store.index.samples.prefix(5) == ["a/MI", "a/report", "a~1/MI", "a~1/report", "sub/b/MI"])
    #expect(store.index.samples == samples.map(\.name))
    #expect(store.index.variants == 2 && store.index.parts.count == 7)
    for (number, sample) in samples.enumerated() {
      #expect(store.contains(sample) && store.index.samples[number] == sample.name)
      let conversation = try store.conversation(sample, withAnswers: true)
      let last = 5 + Int32(number) % 15
      #expect(conversation.ids == [1, 2, 3, 4, last])
      #expect(conversation.labels == [-100, -100, -100, 4, last] && conversation.answerStart == 3)
      #expect(try store.conversation(sample, withAnswers: false).ids == [1, 2, 3])
      let hidden = Tensor<Float>(zeros: [5, 6])
      try store.read("hidden.last", of: sample, into: hidden)
      let expected = ramp(5, 6, from: Float(number), 8, 64)
      #expect(hidden.array == expected)
      let prompt = Tensor<Float>(zeros: [3, 6])
      try store.read("hidden.last", of: sample, into: prompt)
      #expect(prompt.array == Array(expected.prefix(18)))
      // The second sample of a view lies in another part than its visual tokens.
      #expect(try store.visualTokens(of: sample) == 3)
      let visual = Tensor<Float>(zeros: [3, 4])
      try store.readVisual(of: sample, into: visual)
      #expect(visual.array == ramp(3, 4, from: Float(sample.view.count), 8, 64))
    }
    let head = try #require(try store.head())
    #expect(try head.tensor("head", as: Float.self).array == ramp(20, 6, from: 0, 4, 32))
  }

  /// first + row / a + column / b
  private func ramp(_ rows: Int, _ columns: Int, from first: Float, _ a: Float, _ b: Float) -> [Float] {
    (0..<rows).flatMap { row in
      (0..<columns).map { column -> Float in
        let down: Float = Float(row) / a
        let right: Float = Float(column) / b
        return first + (down + right)
      }
    }
  }

  @Test func theScriptInTheDocumentationIsTheOneThatWroteIt() throws {
    let script = try String(contentsOf: Self.recorded.appendingPathComponent("write_store.py"), encoding: .utf8)
    let page = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("docs/teacher-store.md")
    #expect(try String(contentsOf: page, encoding: .utf8).contains(script))
  }

  /// Of conversations (its requests are beside it): three visual tokens a picture, and none where there is no picture.
  @Test func theScriptsStoreOfConversationsKeepsTextAloneWithoutVisualTokens() throws {
    let store = try TeacherStore(Self.recorded.appendingPathComponent("conversations"))
    try store.verify()
    let images = [1, 1, 2, 0, 1, 1, 1, 1]
    #expect(store.index.samples == (1...8).map { "\($0)/conversation" })
    for (number, images) in images.enumerated() {
      let sample = StoredSample(record: "\(number + 1)", variant: 0, question: StoredSample.conversation)
      #expect(try store.visualTokens(of: sample) == 3 * images)
      try store.demandVisualTokens(of: sample, images: images)
      let error = #expect(throws: UserError.self) {
        try store.demandVisualTokens(of: sample, images: images == 0 ? 1 : 0)
      }
      #expect(error?.kind == .badInput && error?.message.contains("visual/\(number + 1)") == true)
    }
  }

  @Test func whatIsNotAskedForAsStoredIsNamed() throws {
    let store = try TeacherStore(Self.recorded.appendingPathComponent("store"))
    let absent = StoredSample(record: "c", variant: 0, question: "MI")
    #expect(!store.contains(absent))
    #expect { try store.conversation(absent, withAnswers: true) } throws: {
      ($0 as? UserError)?.kind == .badInput && "\($0)".contains("c/MI")
    }
    let present = StoredSample(record: "a", variant: 0, question: "MI")
    for (kind, shape) in [("hidden.1", [5, 6]), ("hidden.last", [6, 6]), ("hidden.last", [5, 7])] {
      #expect { try store.read(kind, of: present, into: Tensor(zeros: shape)) } throws: {
        ($0 as? UserError)?.kind == .badInput && "\($0)".contains("\(kind)/a/MI")
      }
    }
    let expected = store.index.fingerprint.merging(["view": "image", "tokenizer": "t"]) { $1 }
    #expect(
      store.index.differences(fromExpected: expected)
        == ["tokenizer: the store does not say, expected t", "view: the store has signal, expected image"])
    var plan = store.index
    plan.samples[1] = "z/MI"
    #expect(
      plan.differences(from: store.index) == ["samples: the store has \(store.index.samples[1]) where z/MI is expected"]
    )
    plan.samples.removeLast()
    #expect(
      plan.differences(from: store.index)
        == ["number of samples: the store has \(store.index.samples.count), expected \(plan.samples.count)"])
  }

  private static let part = "part-00001.safetensors"

  @Test func damageIsFoundAndNamed() throws {
    let faults: [(words: [String], atStart: Bool, damage: (URL) throws -> Void)] = [
      ([Self.part, "bytes"], true, { try self.edit($0.appendingPathComponent(Self.part)) { $0.removeLast(8) } }),
      (
        [Self.part, "SHA-256"], false, { try self.edit($0.appendingPathComponent(Self.part)) { $0[$0.count - 3] ^= 4 } }
      ),
      ([Self.part, "missing"], true, { try FileManager.default.removeItem(at: $0.appendingPathComponent(Self.part)) }),
      (
        ["head.safetensors", "SHA-256"], false,
        {
          try self.edit($0.appendingPathComponent("head.safetensors")) { $0[$0.count - 1] ^= 1 }
        }
      ),
    ]
    for (words, atStart, damage) in faults {
      try withStore { folder in
        try damage(folder)
        #expect(throws: UserError.self) { try TeacherStore(folder).verify() }
        if !atStart { _ = try TeacherStore(folder) }
        do { try TeacherStore(folder).verify() } catch let error as UserError {
          #expect(error.kind == .badInput && words.allSatisfy { error.message.contains($0) }, "\(error)")
        }
      }
    }
  }

  @Test(arguments: [
    ("\"format\": 1", "\"format\": 2", "format 2"), ("\"format\": 1", "\"format\": \"one\"", "format"),
    ("\"F32\"", "\"F8\"", "F8"), ("\"layers\": []", "\"layers\": [3]", "layers holds 3"),
    ("\"layers\": []", "\"layers\": {}", "layers"), ("\"samples_per_part\": 3", "\"samples_per_part\": 0", "0"),
    ("\"samples_per_part\": 3", "\"samples_per_part\": 2", "7 parts"),
    ("\"variants\": 2", "\"variants\": null", "variants"),
    ("\"a/report\"", "\"a/MI\"", "twice"), ("\"a/report\"", "\"report\"", "RECORD/QUESTION"),
    ("\"hidden_width\": 6", "\"hidden_width\": -6", "hidden_width"), ("\"view\"", "\"view", "JSON"),
    ("\"part-00001.safetensors\"", "\"../part-00001.safetensors\"", "no name"),
    ("\"name\": \"my-teacher\"", "\"nome\": \"my-teacher\"", "name is missing"),
    ("\"samples\": [", "\"samples\": 3, \"b\": [", "samples"),
  ])
  func anIndexOfWrongTypesOrValuesIsRefused(old: String, new: String, word: String) throws {
    try withStore { folder in
      let file = folder.appendingPathComponent("index.json")
      let text = try String(contentsOf: file, encoding: .utf8)
      #expect(text.contains(old))
      try text.replacingOccurrences(of: old, with: new).write(to: file, atomically: true, encoding: .utf8)
      #expect { _ = try TeacherStore(folder) } throws: {
        ($0 as? UserError)?.kind == .badInput && "\($0)".contains("index.json") && "\($0)".contains(word)
      }
    }
  }

  /// Whatever a byte of index or part becomes: an error or a store, never a trap.
  @Test(arguments: ["index.json", "part-00000.safetensors"]) func anyDamagedByteIsAnErrorOrHarmless(name: String) throws
  {
    try withStore { folder in
      let file = folder.appendingPathComponent(name)
      let sound = try Data(contentsOf: file)
      var random = CounterRandom(seed: 11, purpose: name)
      for _ in 0..<300 {
        var bytes = sound
        bytes[random.integer(below: bytes.count)] = UInt8(random.integer(below: 256))
        try bytes.write(to: file)
        do {
          let store = try TeacherStore(folder)
          for record in ["a", "sub/b"] {
            let sample = StoredSample(record: record, variant: 0, question: "MI")
            _ = try store.conversation(sample, withAnswers: true)
            try store.read("hidden.last", of: sample, into: Tensor(zeros: [5, 6]))
            _ = try store.visualTokens(of: sample)
          }
          if bytes != sound, name != "index.json" { #expect(throws: UserError.self) { try store.verify() } }
        } catch { #expect(error is UserError, "\(error)") }
      }
    }
  }

  @Test func aFolderWithoutAStoreAndAnUnfinishedOneAreToldApart() throws {
    try withTemporaryFolder { folder in
      #expect { _ = try TeacherStore(folder) } throws: { ($0 as? UserError)?.kind == .inputOutput }
      try TeacherStoreWriter(folder, plan: Self.plan()).begin()
      #expect { _ = try TeacherStore(folder) } throws: {
        ($0 as? UserError)?.kind == .badInput && "\($0)".contains("not finished")
      }
    }
  }
}

/// Writing, and going on after a stop.
extension TeacherStoreTests {
  static func plan(_ change: (inout TeacherStoreIndex) -> Void = { _ in }) -> TeacherStoreIndex {
    var plan = TeacherStoreIndex(
      teacher: .init(
        name: "t", digest: "d", layers: 1, hiddenWidth: 2, visualWidth: 2, vocabulary: 9, tokenizer: "k"),
      fingerprint: ["view": "signal"], elementType: "F32", layers: [], attention: false, variants: 1, samplesPerPart: 2,
      samples: ["a/MI", "a/CD", "b/MI"])
    change(&plan)
    return plan
  }

  private func write(_ position: Int, _ writer: TeacherStoreWriter) throws {
    var tensors = SafetensorsWriter()
    let name = writer.plan.samples[position]
    tensors.add("ids/\(name)", integers: [1, 2, 3], shape: [3])
    tensors.add("answers/\(name)", bytes: [0, 0, 1], shape: [3])
    tensors.add("hidden.last/\(name)", Tensor<Float>((0..<6).map { Float($0 + position) }, [3, 2]))
    if position != 1 { tensors.add("visual/\(name.prefix(1))", Tensor<Float>([5, Float(position)], [1, 2])) }
    try writer.write(tensors, sample: position)
  }

  func finish(_ writer: TeacherStoreWriter) throws {
    var head = SafetensorsWriter()
    head.add("head", Tensor<Float>(zeros: [9, 2]))
    try writer.begin()
    try writer.publish(head, as: TeacherStoreIndex.headName)
    for part in 0..<2 where !writer.isFinished(TeacherStoreIndex.partName(part)) {
      for position in writer.plan.samples(ofPart: part) where !writer.hasSample(position) {
        try write(position, writer)
      }
      try writer.assemble(part: part)
    }
    try writer.finish()
  }

  private func digests(_ folder: URL) throws -> [String: String] {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    return try Dictionary(
      uniqueKeysWithValues: names.map { ($0, try Digest.sha256(fileAt: folder.appendingPathComponent($0))) })
  }

  @Test func whatAStopLeftIsKeptAndTheBytesAreTheSame() throws {
    try withTemporaryFolder { folder in
      let straight = TeacherStoreWriter(folder.appendingPathComponent("a"), plan: Self.plan())
      try finish(straight)
      try TeacherStore(straight.folder).verify()
      let expected = try digests(straight.folder)
      #expect(
        Set(expected.keys) == ["index.json", "head.safetensors", "part-00000.safetensors", "part-00001.safetensors"])

      // Stopped in the middle of a part; a file that was being written is left, and never taken for a whole one.
      let stopped = TeacherStoreWriter(folder.appendingPathComponent("b"), plan: Self.plan())
      try stopped.begin()
      try write(0, stopped)
      #expect(stopped.hasSample(0) && !stopped.hasSample(1))
      let half = stopped.folder.appendingPathComponent("unfinished/sample-000000001.safetensors.partial")
      try Data([1, 2, 3]).write(to: half)
      try finish(stopped)
      #expect(try digests(stopped.folder) == expected)

      // A finished store whose part was damaged is mended; the sound part is left alone.
      let part = stopped.folder.appendingPathComponent("part-00001.safetensors")
      try edit(part) { $0[$0.count - 1] ^= 1 }
      try stopped.begin()
      #expect(stopped.isFinished("part-00000.safetensors") && !stopped.isFinished("part-00001.safetensors"))
      try finish(stopped)
      #expect(try digests(stopped.folder) == expected)
    }
  }

  /// Without the index nothing tells sound parts from others: the words say what to put back or remove, and that works.
  @Test func aDamagedIndexIsNamedWithWhatToRemove() throws {
    try withTemporaryFolder { folder in
      let writer = TeacherStoreWriter(folder.appendingPathComponent("a"), plan: Self.plan())
      try finish(writer)
      let index = writer.folder.appendingPathComponent("index.json")
      let sound = try Data(contentsOf: index)
      let damages: [(words: [String], damage: () throws -> Void)] = [
        (["not valid JSON at byte "], { try sound.prefix(sound.count / 2).write(to: index) }),
        (["not valid JSON at byte "], { try Data(count: sound.count).write(to: index) }),
        (["format is missing"], { try Data("{}".utf8).write(to: index) }),
      ]
      for (words, damage) in damages {
        try damage()
        let before = try digests(writer.folder)
        for body in [{ _ = try TeacherStore(writer.folder) }, { try writer.begin() }] as [() throws -> Void] {
          let error = #expect(throws: UserError.self) { try body() }
          #expect(error?.kind == .badInput && error?.remedy.contains("remove the folder \(writer.folder.path)") == true)
          for word in words + [index.path] {
            #expect(error?.message.contains(word) == true, "\(error?.message ?? "")")
          }
        }
        #expect(try digests(writer.folder) == before)
      }
      try FileManager.default.removeItem(at: index)
      let absent = #expect(throws: UserError.self) { try writer.begin() }
      #expect(absent?.kind == .badInput && absent?.message.contains("no index.json") == true)
      try sound.write(to: index)
      try TeacherStore(writer.folder).verify()
      let expected = try digests(writer.folder)
      try FileManager.default.removeItem(at: writer.folder)
      try finish(writer)
      #expect(try digests(writer.folder) == expected)
    }
  }

  @Test func anotherPlanAndAFolderInUseAreRefused() throws {
    try withTemporaryFolder { folder in
      let store = folder.appendingPathComponent("a")
      try finish(TeacherStoreWriter(store, plan: Self.plan()))
      let before = try digests(store)
      let other = Self.plan {
        $0.elementType = "BF16"
        $0.fingerprint["view"] = "image"
        $0.samples.append("b/CD")
      }
      #expect { try TeacherStoreWriter(store, plan: other).begin() } throws: {
        ($0 as? UserError)?.kind == .usage && "\($0)".contains("element type") && "\($0)".contains("view")
          && "\($0)".contains("samples")
      }
      let changes: [(String, WritableKeyPath<TeacherStoreIndex.Teacher, String>)] = [
        ("weights", \.digest), ("tokenizer", \.tokenizer),
      ]
      for (word, key) in changes {
        let other = Self.plan { $0.teacher[keyPath: key] = "other" }
        #expect { try TeacherStoreWriter(store, plan: other).begin() } throws: {
          "\($0)".contains("the teacher's \(word)") && "\($0)".contains("expected other")
        }
      }
      #expect { try TeacherStoreWriter(store, plan: Self.plan { $0.teacher.visualWidth = 3 }).begin() } throws: {
        "\($0)".contains("visual width: the store has 2, expected 3")
      }
      #expect(try digests(store) == before)
      // The same teacher in a folder of another name goes on.
      let renamed = TeacherStoreWriter(store, plan: Self.plan { $0.teacher.name = "u" })
      try renamed.begin()
      #expect(renamed.isFinished("part-00000.safetensors"))
      try Data("x".utf8).write(to: folder.appendingPathComponent("x"))
      #expect { try TeacherStoreWriter(folder, plan: other).begin() } throws: { ($0 as? UserError)?.kind == .usage }
    }
  }

  @Test func theEstimateIsWhatTheTensorsTakeAndADiskTooSmallIsRefused() throws {
    let lengths = [StoreEstimate.Lengths](repeating: .init(tokens: 3, visualTokens: 1), count: 3)
    let estimate = StoreEstimate(Self.plan(), lengths: lengths)
    // Three samples of 3 x 2 floats and 27 bytes of ids and mask, two views of 8 bytes, a head of 9 x 2 floats.
    #expect(estimate.bytes == 153 + 16 + 72)
    #expect(estimate.parts == 2)
    let folder = URL(fileURLWithPath: "/somewhere")
    try estimate.demandRoom(free: estimate.bytes, present: 0, in: folder)
    try estimate.demandRoom(free: 0, present: estimate.bytes, in: folder)
    #expect { try estimate.demandRoom(free: estimate.bytes - 2, present: 1, in: folder) } throws: {
      ($0 as? UserError)?.kind == .inputOutput && "\($0)".contains("/somewhere") && "\($0)".contains("241 B")
    }
    let all = Self.plan {
      $0.layers = [1]
      $0.attention = true
      $0.elementType = "BF16"
    }
    // Three matrices of half the size, 9 bytes a token, a 3 x 3 map; the head stays as large.
    #expect(StoreEstimate(all, lengths: lengths).bytes == 3 * (36 + 27 + 18) + 8 + 72)
  }

  @Test func aStoresVariantsTakeTurns() throws {
    let dataset = ProbeDataset(count: 1)
    let augmentation = Augmentation()
    let original = try RecordCache(dataset).record(dataset.samples[0])
    #expect(augmentation.variant(0, of: original, seed: 1, sample: 0).signal == original.signal)
    let first = augmentation.variant(1, of: original, seed: 1, sample: 0)
    #expect(first.signal == augmentation.apply(to: original, seed: 1, epoch: 1, sample: 0).signal)
    #expect(first.signal != original.signal)
    let requests = TeacherRequest.all(
      dataset.samples, mix: .init(superclass: 1, classification: 0, report: 1), variants: 2)
    let questions = ["NORM", "MI", "STTC", "CD", "HYP", "report"]
    let expected = ["p0", "p0~1"].flatMap { view in questions.map { "\(view)/\($0)" } }
    #expect(requests.map(\.stored.name) == expected)
  }
}
