import Cluster
import Corpus
import Foundation
import Tensors
import TestSupport
import Testing
import Training

@testable import Experiments

/// `teach` on simulated ranks.
@Suite(.serialized) struct TeacherStoreRunTests {
  private final class Notes: TrainingObserver {
    var lines: [String] = []
    func began(phase: String, step: Int, steps: Int, parameters: Int) {}
    func finished(_ record: StepRecord, phase: String) throws {}
    func scored(_ scores: Scores, phase: String) {}
    func saved(_ checkpoint: Checkpoint, _ cost: SaveCost) {}
    func progress(_ name: String, done: Int, of count: Int) {}
    func note(_ message: String) { lines.append(message) }
    func warn(_ message: String) {}
  }

  private func configuration(_ folder: URL, store: String) throws -> RunConfiguration {
    let teacher = folder.appendingPathComponent("teacher")
    if !FileManager.default.fileExists(atPath: teacher.path) {
      let blueprint = try ModelBlueprint(builtIn: .teacher, view: "signal")
      try FileManager.default.createDirectory(at: teacher, withIntermediateDirectories: true)
      try blueprint.save(try blueprint.frozen(seed: 4), to: teacher)
    }
    var configuration = RunConfiguration()
    configuration.data.records = 50
    configuration.data.questions.superclass = 0
    configuration.evaluation.trainFolds = [1, 2]
    configuration.teacher.path = teacher.path
    configuration.teacher.store = folder.appendingPathComponent(store).path
    configuration.teacher.partSamples = 4
    configuration.teacher.variants = 2
    return configuration
  }

  /// What rank 0 was told: notes, then progress.
  private func teach(_ configuration: RunConfiguration, ranks: Int) throws -> (
    notes: [String], progress: [StoreProgress]
  ) {
    try SimulatedRanks.run(ranks) { communicator in
      let notes = Notes()
      var progress: [StoreProgress] = []
      let run = TeacherStoreRun(
        context: RunContext(
          communicator: communicator, configuration: configuration, stop: StopFlag(), observer: notes)
      ) { progress.append($0) }
      guard case .finished(let samples, _) = try run.run() else {
        throw UserError(.internalFault, "stopped without a signal")
      }
      #expect(samples > 0)
      return (notes.lines, progress)
    }[0]
  }

  private func digests(_ store: String) throws -> [String: String] {
    let folder = URL(fileURLWithPath: store)
    return try Dictionary(
      uniqueKeysWithValues: FileManager.default.contentsOfDirectory(atPath: store).map {
        ($0, try Digest.sha256(fileAt: folder.appendingPathComponent($0)))
      })
  }

  @Test func theBytesAreTheSameForAnyNumberOfRanksAndAfterDamage() throws {
    try withTemporaryFolder { folder in
      let one = try configuration(folder, store: "1")
      let told = try teach(one, ranks: 1)
      let expected = try digests(one.teacher.store)
      let store = try TeacherStore(URL(fileURLWithPath: one.teacher.store))
      let bytes = try store.verify()
      let samples = store.index.samples.count
      #expect(samples > 8 && store.index.parts.count == (samples + 3) / 4)
      #expect(told.notes.contains { $0.contains("\(samples) samples in \(store.index.parts.count) parts") })
      #expect(told.progress.map(\.done) == Array(1...samples) && told.progress.allSatisfy { $0.found == 0 })
      // The estimate counts tensors; headers come on top.
      let tokens = try ModelBlueprint(builtIn: .teacher, view: "signal").configuration.tokensPerImage
      let estimate = StoreEstimate(
        store.index,
        lengths: try store.index.samples.map { name -> StoreEstimate.Lengths in
          let file = try SafetensorsFile(
            contentsOf: store.folder.appendingPathComponent(
              store.index.parts[(store.index.samples.firstIndex(of: name) ?? 0) / 4].name))
          return .init(tokens: try file.entry("ids/\(name)").count, visualTokens: tokens)
        })
      #expect(estimate.bytes < bytes && Double(bytes) < 1.1 * Double(estimate.bytes), "\(estimate.bytes) \(bytes)")

      for ranks in [2, 3] {
        let other = try configuration(folder, store: "\(ranks)")
        _ = try teach(other, ranks: ranks)
        #expect(try digests(other.teacher.store) == expected, "\(ranks) ranks")
      }

      // One part damaged, one gone: those alone are written again, by another number of ranks.
      let part = URL(fileURLWithPath: one.teacher.store).appendingPathComponent("part-00001.safetensors")
      var damaged = try Data(contentsOf: part)
      damaged[damaged.count - 1] ^= 1
      try damaged.write(to: part)
      try FileManager.default.removeItem(
        at: URL(fileURLWithPath: one.teacher.store).appendingPathComponent("part-00000.safetensors"))
      let again = try teach(one, ranks: 3)
      #expect(again.progress.last?.done == samples && again.progress.first?.done ?? 0 > samples - 8)
      #expect(try digests(one.teacher.store) == expected)
    }
  }

  @Test func whatCannotBeStoredIsRefused() throws {
    try withTemporaryFolder { folder in
      func refusal(_ change: (inout RunConfiguration) -> Void) throws -> UserError? {
        var configuration = try configuration(folder, store: "refused")
        change(&configuration)
        do { _ = try teach(configuration, ranks: 1) } catch { return UserError.from(error) }
        return nil
      }
      for (word, change) in [
        ("teacher.store", { $0.teacher.store = "" }), ("teacher.layers", { $0.teacher.layers = [99] }),
        ("teacher.attention", { $0.teacher.attention = true }),
      ] as [(String, (inout RunConfiguration) -> Void)] {
        let error = try #require(try refusal(change))
        #expect(error.kind == .usage && error.message.contains(word), "\(error)")
      }
      #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("refused").path))
    }
  }

  @Test func theRequestsNameEverySampleAndWhatARunCompares() throws {
    try withTemporaryFolder { folder in
      let configuration = try configuration(folder, store: "s")
      let data = try TeacherStoreRun.requests(configuration)
      let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
      let samples = try #require(object["samples"] as? [[String: Any]])
      _ = try teach(configuration, ranks: 1)
      let index = try TeacherStore(URL(fileURLWithPath: configuration.teacher.store)).index
      #expect(samples.compactMap { $0["sample"] as? String } == index.samples)
      #expect(samples.allSatisfy { ($0["question"] as? String)?.isEmpty == false && $0["answer"] is String })
      let fingerprint = try #require(object["fingerprint"] as? [String: String])
      #expect(Set(fingerprint.keys) == ["records", "questions", "view", "augmentation"])
      #expect(index.differences(fromExpected: fingerprint) == [])
    }
  }
}
