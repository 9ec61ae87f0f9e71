import Cardiology
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Corpus

/// Conversations as a teacher store names, asks for and keeps them.
@Suite struct ConversationStoreTests {
  @Test func everyConversationHasANameOfItsOwn() {
    #expect(ConversationDataset.keys(of: ["a", "a", "a#2", "", "", "a"]) == ["a", "a#3", "a#2", "#1", "#2", "a#4"])
    var random = CounterRandom(seed: 5, purpose: "ids")
    for _ in 0..<200 {
      let ids = (0..<30).map { _ in ["", "x", "x#2", "x#3", "#1", "m/1", "~1", "é"][random.integer(below: 8)] }
      let keys = ConversationDataset.keys(of: ids)
      #expect(Set(keys).count == ids.count, "\(ids)")
      for (id, key) in zip(ids, keys) {
        #expect(key.hasPrefix(id) && !key.isEmpty)
        let sample = StoredSample(record: key, variant: 0, question: StoredSample.conversation)
        #expect(StoredSample(name: sample.name) == sample && sample.view == key)
      }
    }
  }

  @Test func theSizeOfAnImageIsKnownFromItsHeader() throws {
    try withTemporaryFolder { folder in
      for file in try RecordedImages.load().files {
        let path = folder.appendingPathComponent("picture")
        try #require(Data(base64Encoded: file.file)).write(to: path)
        #expect(try ImageFile.size(path) == PixelSize(width: file.width, height: file.height), "\(file.name)")
      }
      try Data("GIF89a".utf8).write(to: folder.appendingPathComponent("picture"))
      let error = #expect(throws: UserError.self) { try ImageFile.size(folder.appendingPathComponent("picture")) }
      #expect(error?.message.contains("GIF") == true)
    }
  }

  private func withDataset(_ body: (ConversationDataset) throws -> Void) throws {
    try withTemporaryFolder { folder in
      try RasterImage.picture(width: 40, height: 50, seed: 1).writePNG(to: folder.appendingPathComponent("1.png"))
      try writeRecord("r/1", in: folder)
      let turns =
        #"[{"from": "human", "value": "Q?"}, {"from": "gpt", "value": "A"}, {"from": "human", "value": "R?"}]"#
      let text =
        #"[{"id": 7, "image": ["1.png", "r/1"], "conversations": \#(turns)}, {"id": 7, "conversations": \#(turns)}]"#
      let file = folder.appendingPathComponent("chat.json")
      try Data(text.utf8).write(to: file)
      try body(ConversationDataset(path: file))
    }
  }

  @Test func sizesAreThoseOfTheImages() throws {
    try withDataset { dataset in
      let conversation = dataset.conversations[0]
      let sizes = try dataset.imageSizes(of: conversation)
      #expect(sizes == [PixelSize(width: 40, height: 50), PixelSize(width: 2200, height: 1700)])
      #expect(try dataset.images(of: conversation).map { PixelSize(width: $0.width, height: $0.height) } == sizes)
      #expect(try dataset.imageSizes(of: dataset.conversations[1]) == [])
    }
  }

  @Test func requestsHoldPathsAndTurns() throws {
    try withDataset { dataset in
      let data = try ConversationRequest.json(ConversationRequest.all(dataset), fingerprint: ["conversations": "c"])
      let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
      #expect(object["fingerprint"] as? [String: String] == ["conversations": "c"])
      let samples = try #require(object["samples"] as? [[String: Any]])
      #expect(samples.map { $0["sample"] as? String } == ["7/conversation", "7#2/conversation"])
      #expect(samples.map { $0["view"] as? String } == ["7", "7#2"])
      #expect(samples.map { $0["images"] as? [String] } == [["1.png", "r/1"], []])
      #expect(samples.allSatisfy { $0["variant"] as? Int == 0 })
      let turns = try #require(samples[0]["turns"] as? [[String: Any]])
      #expect(turns.map { $0["role"] as? String } == ["human", "assistant", "human"])
      #expect(turns.map { $0["text"] as? String } == ["Q?", "A", "R?"])
      #expect(turns.map { $0["images"] as? Int } == [2, 0, 0])
    }
  }

  /// Writes a store of one sample without visual tokens.
  private func store(_ sample: String, in folder: URL) throws -> TeacherStore {
    let writer = TeacherStoreWriter(folder, plan: TeacherStoreTests.plan { $0.samples = [sample] })
    try writer.begin()
    var head = SafetensorsWriter()
    head.add("head", Tensor<Float>(zeros: [9, 2]))
    try writer.publish(head, as: TeacherStoreIndex.headName)
    var tensors = SafetensorsWriter()
    tensors.add("ids/\(sample)", integers: [1, 2, 3], shape: [3])
    tensors.add("answers/\(sample)", bytes: [0, 1, 1], shape: [3])
    tensors.add("hidden.last/\(sample)", Tensor<Float>(zeros: [3, 2]))
    tensors.add("visual/\(sample.prefix { $0 != "/" })", Tensor<Float>(zeros: [0, 2]))
    try writer.write(tensors, sample: 0)
    try writer.assemble(part: 0)
    try writer.finish()
    return try TeacherStore(folder)
  }

  @Test func aConversationMayBeTextAloneAndARecordingMayNot() throws {
    try withTemporaryFolder { folder in
      let text = try store("m-1/conversation", in: folder.appendingPathComponent("a"))
      try text.verify()
      let sample = StoredSample(record: "m-1", variant: 0, question: StoredSample.conversation)
      #expect(try text.visualTokens(of: sample) == 0)
      try text.readVisual(of: sample, into: Tensor(zeros: [0, 2]))
      let recording = try store("m-1/MI", in: folder.appendingPathComponent("b"))
      #expect { try recording.verify() } throws: {
        ($0 as? UserError)?.kind == .badInput && "\($0)".contains("visual/m-1")
      }
    }
  }

  @Test func manySamplesAreEstimatedFromSome() throws {
    let plan = TeacherStoreTests.plan { $0.samples = (0..<3000).map { "\($0)/conversation" } }
    let positions = StoreEstimate.positions(of: 3000)
    #expect(positions.count == 1024 && Set(positions).count == 1024 && positions.allSatisfy((0..<3000).contains))
    #expect(StoreEstimate.positions(of: 5) == [0, 1, 2, 3, 4])
    func bytes(_ positions: [Int], _ lengths: (Int) -> StoreEstimate.Lengths) -> Int {
      StoreEstimate(plan, lengths: positions.map(lengths)).bytes
    }
    #expect(bytes(positions) { _ in .init(tokens: 3, visualTokens: 1) } == 3000 * (24 + 27 + 8) + 72)
    // Unequal lengths, which also recur: within a few per cent of what all take.
    func length(_ position: Int) -> StoreEstimate.Lengths {
      .init(tokens: 10 + position % 8 * 50 + position / 10, visualTokens: position % 4)
    }
    let (some, all) = (bytes(positions, length), bytes(Array(0..<3000), length))
    #expect(abs(Double(some) / Double(all) - 1) < 0.05, "\(some) \(all)")
  }
}
