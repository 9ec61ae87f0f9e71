import Foundation
import Tensors
import TestSupport
import Testing

@testable import Corpus

/// What a store may hold under the names of its tensors: whoever reads anything else names it, `verify` as well.
@Suite struct StoredTensorTests {
  private static let sample = StoredSample(record: "a", variant: 0, question: "MI")

  /// A store of one sample with every kind of tensor: 3 tokens, both widths 2, one layer of two, 9 words.
  private struct Content {
    var floats: [String: Tensor<Float>] = [
      "hidden.last/a/MI": Tensor((0..<6).map(Float.init), [3, 2]), "hidden.1/a/MI": Tensor(zeros: [3, 2]),
      "attention.1/a/MI": Tensor(zeros: [3, 3]), "embedding/a/MI": Tensor(zeros: [3, 2]),
      "visual/a": Tensor(zeros: [4, 2]),
    ]
    var type = "F32"
    var idsShape = [3]
    var answers: (mask: [UInt8], shape: [Int]) = ([0, 0, 1], [3])
    var head = Tensor<Float>(zeros: [9, 2])

    func store(in folder: URL) throws -> TeacherStore {
      let plan = TeacherStoreTests.plan {
        $0.samples = [StoredTensorTests.sample.name]
        $0.layers = [1]
        $0.attention = true
        $0.elementType = type
      }
      let writer = TeacherStoreWriter(folder, plan: plan)
      try writer.begin()
      var output = SafetensorsWriter()
      output.add("head", head)
      try writer.publish(output, as: TeacherStoreIndex.headName)
      var tensors = SafetensorsWriter()
      for (name, tensor) in floats.sorted(by: { $0.key < $1.key }) {
        if type == "F32" { tensors.add(name, tensor) } else { tensors.add(roundedToBF16: tensor, as: name) }
      }
      tensors.add("ids/a/MI", integers: [1, 2, 3], shape: idsShape)
      tensors.add("answers/a/MI", bytes: answers.mask, shape: answers.shape)
      try writer.write(tensors, sample: 0)
      try writer.assemble(part: 0)
      try writer.finish()
      return try TeacherStore(folder)
    }

    /// Expects that `verify`, and whoever asks the store for all that training reads, refuse it in these words.
    func expectRefusal(_ words: [String]) throws {
      try withTemporaryFolder { folder in
        let store = try store(in: folder)
        let both: [() throws -> Void] = [{ try store.verify() }, { try StoredTensorTests.readAll(of: store) }]
        for body in both {
          let error = #expect(throws: UserError.self) { try body() }
          #expect(error?.kind == .badInput && error?.message.contains(folder.path) == true, "\(words)")
          for word in words { #expect(error?.message.contains(word) == true, "\(error?.message ?? "")") }
        }
      }
    }
  }

  /// What a training step with every term reads of the sample; the conversation first, as the sample is prepared.
  private static func readAll(of store: TeacherStore) throws {
    let length = try store.conversation(sample, withAnswers: true).ids.count
    for kind in ["hidden.last", "hidden.1", "embedding"] {
      try store.read(kind, of: sample, into: Tensor(zeros: [length, 2]))
    }
    try store.read("attention.1", of: sample, into: Tensor(zeros: [length, length]))
    try store.readVisual(of: sample, into: Tensor(zeros: [try store.visualTokens(of: sample), 2]))
    _ = try store.head()
  }

  @Test func aSoundStoreIsReadWholeAndCut() throws {
    try withTemporaryFolder { folder in
      let store = try Content().store(in: folder)
      try store.verify()
      try Self.readAll(of: store)
      let cut = Tensor<Float>(zeros: [2, 2])
      try store.read("hidden.last", of: Self.sample, into: cut)
      #expect(cut.array == [0, 1, 2, 3])
      try store.read("attention.1", of: Self.sample, into: Tensor(zeros: [2, 2]))
      try store.readVisual(of: Self.sample, into: Tensor(zeros: [1, 2]))
    }
  }

  /// Larger tensors hold what is asked for, but of other things: their corner is never taken for it.
  @Test(arguments: [
    ("hidden.last/a/MI", [3, 5], "F32 [3, 2]"), ("hidden.last/a/MI", [6, 2], "F32 [3, 2]"),
    ("hidden.last/a/MI", [3, 1], "F32 [3, 2]"), ("hidden.last/a/MI", [3, 2, 1], "F32 [3, 2]"),
    ("hidden.1/a/MI", [3, 3], "F32 [3, 2]"), ("hidden.1/a/MI", [4, 2], "F32 [3, 2]"),
    ("attention.1/a/MI", [4, 4], "F32 [3, 3]"), ("attention.1/a/MI", [3, 5], "F32 [3, 3]"),
    ("embedding/a/MI", [3, 4], "F32 [3, 2]"), ("embedding/a/MI", [5, 2], "F32 [3, 2]"),
    ("visual/a", [4, 5], "F32 [any, 2]"), ("visual/a", [4, 1], "F32 [any, 2]"), ("visual/a", [8], "F32 [any, 2]"),
  ])
  func aTensorOfAnotherShapeIsRefused(name: String, shape: [Int], expected: String) throws {
    var content = Content()
    content.floats[name] = Tensor(zeros: shape)
    try content.expectRefusal(["part-00000.safetensors", "\(name) is F32 \(shape), expected \(expected)"])
  }

  @Test func idsAnswersAndHeadOfOtherShapesAreRefused() throws {
    var content = Content()
    content.idsShape = [1, 3]
    try content.expectRefusal(["part-00000.safetensors", "ids/a/MI is I64 [1, 3], expected [any]"])
    content = Content()
    content.answers = ([0, 1], [2])
    try content.expectRefusal(["part-00000.safetensors", "answers/a/MI is U8 [2], expected [3]"])
    content = Content()
    content.head = Tensor(zeros: [9, 3])
    try content.expectRefusal(["head.safetensors", "head is F32 [9, 3], expected F32 or BF16 [9, 2]"])
  }

  /// Wherever it stands; training reads the tensor before any loss does.
  @Test(arguments: ["hidden.last/a/MI", "hidden.1/a/MI", "attention.1/a/MI", "embedding/a/MI", "visual/a"])
  func numbersThatAreNotFiniteAreNamed(name: String) throws {
    for (type, value) in [("F32", Float.nan), ("BF16", .nan), ("F32", -.infinity), ("BF16", .infinity)] {
      var content = Content()
      content.type = type
      let sound = try #require(content.floats[name])
      content.floats[name] = Tensor(Array(sound.array.dropLast()) + [value], sound.shape)
      try content.expectRefusal(["part-00000.safetensors", "\(name) holds NaN or infinity"])
    }
  }

  @Test func aHeadThatIsNotFiniteIsNamed() throws {
    try withTemporaryFolder { folder in
      var content = Content()
      content.head = Tensor((0..<18).map { $0 == 7 ? .infinity : 0 }, [9, 2])
      let store = try content.store(in: folder)
      let error = #expect(throws: UserError.self) { try store.verify() }
      #expect(error?.kind == .badInput && error?.message.contains("head holds NaN or infinity") == true)
    }
  }

  /// Every sample of a run has an answer; without one in the mask, cutting before it would leave the answer in.
  @Test func aMaskWithoutAnAnswerIsRefused() throws {
    var content = Content()
    content.answers = ([0, 0, 0], [3])
    try content.expectRefusal(["part-00000.safetensors", "a/MI", "not all 0"])
  }
}
