import Cluster
import Foundation
import Tensors
import TestSupport
import Testing
import Training

@testable import Corpus
@testable import Experiments

/// `teach` over conversations, and `train` from what it wrote.
@Suite(.serialized, .enabled(if: RealModels.areThere)) struct ConversationStoreRunTests {
  private final class Listener: TrainingObserver {
    var records: [StepRecord] = []
    var notes: [String] = []
    func began(phase: String, step: Int, steps: Int, parameters: Int) {}
    func finished(_ record: StepRecord, phase: String) throws { if phase == "student" { records.append(record) } }
    func scored(_ scores: Scores, phase: String) {}
    func saved(_ checkpoint: Checkpoint, _ cost: SaveCost) {}
    func progress(_ name: String, done: Int, of count: Int) {}
    func note(_ message: String) { notes.append(message) }
    func warn(_ message: String) {}
  }

  private func settings(_ models: RealModels, _ more: [String]) throws -> ResolvedConfiguration {
    let base = [
      "data.kind=conversations", "data.path=\(models.chat.path)", "data.images=\(models.images.path)",
      "train.steps=2", "train.global_batch=8", "train.shards=4", "train.warmup=0", "train.learning_rate=1e-3",
      "objective.norms.every=0", "teacher.part_samples=3", "teacher.steps=1",
      "teacher.cache=\(models.folder.path)/teachers", "run.folder=\(models.folder.path)/run",
    ]
    return try ConfigurationLoader().load(assignments: base + more)
  }

  private func pair(_ models: RealModels) -> [String] {
    ["student.path=\(models.student.path)", "teacher.path=\(models.teacher.path)"]
  }

  /// The losses of a run's steps on that many simulated ranks; its student lies in the folder of that name.
  @discardableResult
  private func train(
    _ models: RealModels, _ name: String, ranks: Int = 1, _ more: [String]
  ) throws -> [[String: Double]] {
    let resolved = try settings(models, ["run.folder=\(models.folder.path)/\(name)"] + more)
    return try SimulatedRanks.run(ranks) { communicator in
      let listener = Listener()
      let context = RunContext(
        communicator: communicator, configuration: resolved.configuration, stop: StopFlag(), observer: listener)
      let environment = RunEnvironment(
        program: "test", topology: try Topology.gather(among: communicator, threads: 1), messagePassing: "none",
        commit: .unknown)
      _ = try DistillationRun(context: context, resolved: resolved, environment: environment).run(resume: .auto)
      return listener.records.map(\.losses)
    }[0]
  }

  /// What rank 0 was told while the store of that name was written.
  @discardableResult
  private func teach(_ models: RealModels, _ store: String, ranks: Int = 1, _ more: [String]) throws -> [String] {
    let configuration = try settings(models, ["teacher.store=\(url(models, store).path)"] + more).configuration
    return try SimulatedRanks.run(ranks) { communicator in
      let listener = Listener()
      let run = TeacherStoreRun(
        context: RunContext(
          communicator: communicator, configuration: configuration, stop: StopFlag(), observer: listener)
      ) { _ in }
      guard case .finished = try run.run() else { throw UserError(.internalFault, "stopped without a signal") }
      return listener.notes
    }[0]
  }

  private func url(_ models: RealModels, _ name: String) -> URL { models.folder.appendingPathComponent(name) }

  private func weights(_ models: RealModels, _ name: String) throws -> String {
    try Digest.sha256(fileAt: url(models, "\(name)/student/model.safetensors"))
  }

  private func digests(_ folder: URL) throws -> [String: String] {
    try Dictionary(
      uniqueKeysWithValues: FileManager.default.contentsOfDirectory(atPath: folder.path).map {
        ($0, try Digest.sha256(fileAt: folder.appendingPathComponent($0)))
      })
  }

  private func withModels(_ body: (RealModels) throws -> Void) throws {
    try withTemporaryFolder { try body(RealModels(in: $0)) }
  }

  /// On any number of ranks and after damage the same store, and from it the student of the live teacher, bit for bit.
  @Test(arguments: [false, true]) func aStudentLearnsTheSameFromTheStore(isCut: Bool) throws {
    try withModels { models in
      if isCut { try models.makeTeacherCutImages() }
      let notes = try teach(models, "store", ranks: 3, pair(models))
      let folder = url(models, "store")
      let store = try TeacherStore(folder)
      try store.verify()
      #expect(store.index.samples == (1...8).map { "\($0)/conversation" } && store.index.parts.count == 3)

      // What was said before anything was computed is what the tensors take: all tiles, and none for text alone.
      let lengths = try lengths(store)
      #expect(lengths.contains { $0.visualTokens == 0 } && Set(lengths.map(\.visualTokens)).count > 2)
      let estimate = StoreEstimate(store.index, lengths: lengths)
      #expect(notes.contains { $0.contains("about \(StoreEstimate.text(estimate.bytes)),") }, "\(notes)")

      try teach(models, "other", pair(models))
      let expected = try digests(folder)
      #expect(try digests(url(models, "other")) == expected)
      try FileManager.default.removeItem(at: folder.appendingPathComponent("part-00001.safetensors"))
      try teach(models, "store", ranks: 2, pair(models))
      #expect(try digests(folder) == expected)

      let live = try train(models, "live", pair(models))
      #expect(live.count == 2 && live.allSatisfy { ($0["ot"] ?? .nan) > 0 })
      let from = ["student.path=\(models.student.path)", "teacher.store=\(folder.path)"]
      #expect(try train(models, "stored", ranks: 2, from) == live)
      #expect(try weights(models, "stored") == weights(models, "live"))
      #expect(try train(models, "named", ["teacher.store=\(folder.path)"] + pair(models)) == live)

      let shown = try Inspection(folder).text()
      #expect(shown.split(separator: "\n").allSatisfy { $0.count <= 120 }, "\(shown)")
      let words = shown.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      for word in ["rescale 1/255", "mean 0.48145466 0.4578275 0.40821073", "bicubic", "vicuna", "conversations"] {
        #expect(words.contains(word), "\(shown)")
      }
    }
  }

  /// Tokens of every sample of a store as they lie there.
  private func lengths(_ store: TeacherStore) throws -> [StoreEstimate.Lengths] {
    try store.index.samples.map { name in
      let sample = try #require(StoredSample(name: name))
      return StoreEstimate.Lengths(
        tokens: try store.conversation(sample, withAnswers: true).ids.count,
        visualTokens: try store.visualTokens(of: sample))
    }
  }

  /// A page of a recording, too, is as many visual tokens as its tiles make.
  @Test func theEstimateCountsTheTilesOfAPage() throws {
    try withModels { models in
      try models.makeTeacherCutImages()
      let pages = [
        "data.kind=synthetic", "data.view=image", "data.records=50", "data.questions.superclass=0",
        "data.questions.report=0", "evaluation.enabled=false",
      ]
      let notes = try teach(models, "pages", pair(models) + pages)
      let store = try TeacherStore(url(models, "pages"))
      let lengths = try lengths(store)
      let onePicture = try ModelBlueprint(folder: models.teacher).configuration.tokensPerImage
      #expect(lengths.allSatisfy { $0.visualTokens > onePicture }, "\(onePicture)")
      let estimate = StoreEstimate(store.index, lengths: lengths)
      #expect(notes.contains { $0.contains("about \(StoreEstimate.text(estimate.bytes)),") }, "\(notes)")
    }
  }

  /// Rows before an answer do not depend on it, up to rounding in products of other sizes.
  @Test func answersThatAreNotUsedAreCutOff() throws {
    try withModels { models in
      try teach(models, "store", pair(models))
      let few = ["train.labelled=0.5", "train.steps=1"]
      let live = try train(models, "live", pair(models) + few)[0]
      let from = ["student.path=\(models.student.path)", "teacher.store=\(url(models, "store").path)"]
      let stored = try train(models, "stored", from + few)[0]
      #expect(Set(live.keys) == Set(stored.keys) && live["ce"] == stored["ce"])
      for (name, value) in live { #expect(abs((stored[name] ?? .nan) - value) <= 1e-4 * abs(value), "\(name)") }
    }
  }

  /// Images behind an answer that is not used go with it, live and stored: no trap, and the same visual tokens.
  @Test(arguments: [false, true]) func imagesBehindTheAnswersAreCutOffToo(isCut: Bool) throws {
    try withModels { models in
      try models.showPicturesLate()
      if isCut { try models.makeTeacherCutImages() }
      try teach(models, "store", pair(models))
      let store = ["student.path=\(models.student.path)", "teacher.store=\(url(models, "store").path)"]
      #expect(try train(models, "whole", pair(models)) == train(models, "whole-stored", store))
      let none = ["train.labelled=0", "train.steps=1"]
      let live = try train(models, "live", pair(models) + none)[0]
      let stored = try train(models, "stored", store + none)[0]
      #expect(Set(live.keys) == Set(stored.keys) && (live["ot"] ?? .nan) > 0)
      for (name, value) in live { #expect(abs((stored[name] ?? .nan) - value) <= 1e-4 * abs(value), "\(name)") }
    }
  }

  /// The built-in models too: this program knows their settings, so a store of the built-in teacher is compared with them.
  @Test func theBuiltInTeacherIsStored() throws {
    try withModels { models in
      try teach(models, "store", [])
      let from = ["teacher.store=\(url(models, "store").path)"]
      #expect(try train(models, "stored", ["train.steps=1"] + from) == train(models, "live", ["train.steps=1"]))
      let index = url(models, "store").appendingPathComponent("index.json")
      let text = try String(contentsOf: index, encoding: .utf8)
      let own = "mean 0.95 0.95 0.95"
      #expect(text.contains(own))
      try text.replacing(own, with: "mean 0.5 0.95 0.95").write(to: index, atomically: true, encoding: .utf8)
      let error = try #require(refusal { try train(models, "refused", from) })
      #expect(error.kind == .usage, "\(error)")
      #expect(error.message.contains("image: the store has mean 0.5 0.95 0.95, expected \(own)"), "\(error)")
    }
  }

  private func refusal(_ body: () throws -> Void) -> UserError? {
    do { try body() } catch { return UserError.from(error) }
    return nil
  }

  @Test func anotherRunIsRefusedByName() throws {
    try withModels { models in
      try teach(models, "store", pair(models))
      let from = pair(models) + ["teacher.store=\(url(models, "store").path)"]
      func expectRefusal(_ words: [String], _ more: [String] = []) throws {
        let error = try #require(refusal { try train(models, "refused", from + more) })
        #expect(error.kind == .usage, "\(error)")
        for word in words { #expect(error.message.contains(word), "\(error)") }
        let planned = refusal { _ = try RunPlan(settings(models, from + more), ranks: 1, ranksPerNode: 1) }
        #expect(planned == error)
        #expect(!FileManager.default.fileExists(atPath: url(models, "refused").path))
      }
      try expectRefusal(["teacher.variants"], ["teacher.variants=2"])
      try expectRefusal(["teacher.layers"], ["teacher.layers=[1]"])
      try expectRefusal(
        ["records: the store does not say", "lacks"], ["data.kind=synthetic", "data.view=image", "data.records=60"])
      try models.change(models.teacher, "preprocessor_config.json", ["resample": 2])
      try expectRefusal(["image: the store has bicubic, expected bilinear"])
      try models.change(models.teacher, "preprocessor_config.json", ["resample": 3])
      let text = try String(contentsOf: models.chat, encoding: .utf8)
      try text.replacing("Yes, inferior.", with: "No.").write(to: models.chat, atomically: true, encoding: .utf8)
      try expectRefusal(["conversations: the store has 8 conversations ("])
      let again = try #require(refusal { try teach(models, "store", pair(models)) })
      #expect(
        again.kind == .usage && again.message.contains("conversations: the store has 8 conversations ("), "\(again)")
    }
  }

  /// Images of other tokens than the model's are an error that names the entry, not a trap.
  @Test func aTeacherThatDoesNotFitIsNamed() throws {
    try withModels { models in
      try models.makeTeacherCutImages()
      try models.change(models.teacher, "preprocessor_config.json", ["image_grid_pinpoints": [[112, 112]]])
      let error = try #require(refusal { try teach(models, "store", pair(models)) })
      #expect(error.kind == .badInput && error.message.contains("/conversation, as the teacher sees it"), "\(error)")
      let varied = try #require(refusal { try teach(models, "varied", pair(models) + ["teacher.variants=2"]) })
      #expect(varied.kind == .usage && varied.message.contains("teacher.variants"), "\(varied)")
    }
  }

  @Test func theRequestsNameEveryConversationAndWhatARunCompares() throws {
    try withModels { models in
      let data = try TeacherStoreRun.requests(settings(models, []).configuration)
      let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
      let samples = try #require(object["samples"] as? [[String: Any]])
      try teach(models, "store", pair(models))
      let index = try TeacherStore(url(models, "store")).index
      #expect(samples.compactMap { $0["sample"] as? String } == index.samples)
      let fingerprint = try #require(object["fingerprint"] as? [String: String])
      #expect(Set(fingerprint.keys) == ["conversations"] && index.differences(fromExpected: fingerprint) == [])
    }
  }
}

/// Stores that the script of docs/teacher-store.md wrote for what `teach --requests` asked about these conversations
/// (CorpusTests/Recorded/teacher-store: conversations.json, and the store `conversations`).
extension ConversationStoreRunTests {
  private static let recorded = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("CorpusTests/Recorded/teacher-store")

  /// A copy of the written store that may be damaged, and the settings that learn from it.
  private func withWrittenStore(_ body: (RealModels, URL, [String]) throws -> Void) throws {
    try withModels { models in
      let folder = url(models, "written")
      try FileManager.default.copyItem(at: Self.recorded.appendingPathComponent("conversations"), to: folder)
      try body(models, folder, ["student.path=\(models.student.path)", "teacher.store=\(folder.path)"])
    }
  }

  /// Puts another tensor into a part, and what the index says of the file into the index.
  private func replace(_ name: String, by tensor: Tensor<Float>, part: Int, of folder: URL) throws {
    let url = folder.appendingPathComponent(TeacherStoreIndex.partName(part))
    var index = try TeacherStore(folder).index
    let file = try SafetensorsFile(contentsOf: url)
    var writer = SafetensorsWriter()
    writer.add(name, tensor)
    for other in file.names where other != name { try writer.add(other, of: file) }
    try DurableFile.replace(url) { try writer.write(to: $0) }
    index.parts[part].bytes = try Data(contentsOf: url).count
    index.parts[part].sha256 = try Digest.sha256(fileAt: url)
    try index.json().write(to: folder.appendingPathComponent(TeacherStore.indexName))
  }

  /// One entry shows two pictures and one is text alone.
  @Test func whatTheDocumentedScriptWritesTrains() throws {
    try withWrittenStore { models, folder, from in
      let asked = try TeacherStoreRun.requests(settings(models, []).configuration)
      #expect(try asked == Data(contentsOf: Self.recorded.appendingPathComponent("conversations.json")))
      let store = try TeacherStore(folder)
      try store.verify()
      #expect(try lengths(store).map(\.visualTokens) == [3, 3, 6, 0, 3, 3, 3, 3])
      let steps = try train(models, "run", from)
      #expect(steps.count == 2 && steps.allSatisfy { $0.values.allSatisfy(\.isFinite) && ($0["ot"] ?? .nan) > 0 })
    }
  }

  /// A file by another name is the same conversations, to a store and to a run that goes on.
  @Test func aRenamedFileOfConversationsIsTheSame() throws {
    try withWrittenStore { models, _, from in
      try train(models, "run", from)
      let renamed = url(models, "renamed.json")
      try FileManager.default.moveItem(at: models.chat, to: renamed)
      let more = from + ["data.path=\(renamed.path)", "train.steps=3"]
      #expect(try train(models, "run", more).count == 1)
      #expect(try train(models, "fresh", more).count == 3)
    }
  }

  /// The index does not say what an entry shows, so `verify` cannot; a start can, and a plan of it.
  @Test(arguments: [
    (4, 3, 1, "3 rows", "no image"), (2, 0, 0, "no rows", "an image"), (3, 0, 0, "no rows", "2 images"),
  ])
  func visualTokensThatDoNotSuitTheImagesAreRefused(
    entry: Int, rows: Int, part: Int, found: String, shown: String
  ) throws {
    try withWrittenStore { models, folder, from in
      try replace("visual/\(entry)", by: Tensor(zeros: [rows, 4]), part: part, of: folder)
      try TeacherStore(folder).verify()
      let error = try #require(refusal { try train(models, "refused", from) })
      #expect(error.kind == .badInput && error.remedy.contains("[Nt, 4]"), "\(error)")
      for word in [
        folder.path, "part-0000\(part)", "visual/\(entry) has \(found)", "\(entry)/conversation shows \(shown)",
      ] {
        #expect(error.message.contains(word), "\(error)")
      }
      #expect(refusal { _ = try RunPlan(settings(models, from), ranks: 1, ranksPerNode: 1) } == error)
      #expect(!FileManager.default.fileExists(atPath: url(models, "refused").path))
    }
  }

  /// What `verify` was not asked about ends the step that reads it, before a loss or the learning rate is blamed.
  @Test(arguments: [
    ([5, 13], Float(0), "is F32 [5, 13], expected F32 [5, 6]"), ([10, 6], 0, "is F32 [10, 6], expected F32 [5, 6]"),
    ([5, 6], .nan, "holds NaN or infinity"),
  ])
  func trainingNamesTheTensorItCannotLearnFrom(shape: [Int], value: Float, words: String) throws {
    try withWrittenStore { models, folder, from in
      let count = shape.reduce(1, *)
      let tensor = Tensor((0..<count).map { $0 == count / 2 ? value : 0 }, shape)
      try replace("hidden.last/5/conversation", by: tensor, part: 1, of: folder)
      let error = try #require(refusal { try train(models, "refused", from) })
      #expect(error.kind == .badInput && !error.remedy.contains("learning_rate"), "\(error)")
      for word in [folder.path, "part-00001.safetensors", "hidden.last/5/conversation \(words)"] {
        #expect(error.message.contains(word), "\(error)")
      }
      #expect(throws: UserError.self) { try TeacherStore(folder).verify() }
    }
  }
}
