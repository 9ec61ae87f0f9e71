import Cluster
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Training

/// Disks that are full or cannot be written, and checkpoints that are damaged, while training goes on.
@Suite(.serialized) struct ReliabilityTests {
  private func job(_ folder: URL, keep: Int = 1) -> TrainingJob {
    var job = TrainingJob(folder, method: "ce")
    job.configuration.checkpoint.every = 1
    job.configuration.checkpoint.keep = keep
    job.configuration.train.checkEvery = 0
    return job
  }

  private func names(_ folder: URL) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
  }

  /// The disk has room for a little more at each step, so that each write of a save is once the one that fails.
  @Test func aFullDiskAtEachWriteLosesNothing() throws {
    guard let disk = SmallDisk(bytes: 64 << 20) else { return }
    let folder = disk.folder.appendingPathComponent("checkpoints")
    try withTemporaryFolder { elsewhere in
      _ = try job(folder).weights(ranks: 1, steps: 1)
      let (size, stride) = (disk.used, 16_384)
      let steps = size / stride + 4
      let collector = TrainingJob.Collector()
      var (sound, kept) = (0, Set<Int>())
      collector.finishing = { record in
        let newest = Checkpoint.newestSound(in: folder)
        #expect(newest.skipped.isEmpty)
        if let step = newest.checkpoint?.step { kept.insert(step) }
        sound += newest.checkpoint == nil ? 0 : 1
        disk.resize(record.step < steps - 2 ? size + (record.step - 2) * stride : 64 << 20)
      }
      _ = try job(folder).trainer(SingleRank(), steps: steps, observer: collector).run(resume: .auto)
      print("a disk that was full at each write: \(collector.warnings.count) saves failed, \(kept.count) were kept")
      #expect(sound == steps - 1 && collector.warnings.count > steps / 2, "\(collector.warnings.count) of \(steps)")
      let odd = collector.warnings.filter { !$0.contains("cannot be written") || !$0.contains("training goes on") }
      #expect(odd.isEmpty)
      #expect(names(folder) == [Checkpoint.name(step: steps)])
      let last = try #require(Checkpoint.newestSound(in: folder).checkpoint)
      _ = try job(elsewhere).weights(ranks: 1, steps: steps)
      let undisturbed = elsewhere.appendingPathComponent(last.folder.lastPathComponent)
      for name in names(undisturbed) where name.hasSuffix(".safetensors") {
        #expect(
          try Digest.sha256(fileAt: undisturbed.appendingPathComponent(name))
            == Digest.sha256(fileAt: last.folder.appendingPathComponent(name)), "\(name)")
      }
    }
  }

  /// The last save finds no room: the run ends with an error, and goes on where there is room again.
  @Test func aDiskThatStaysFullEndsTheRunAndTheLastCheckpointStands() throws {
    guard let disk = SmallDisk(bytes: 64 << 20) else { return }
    let folder = disk.folder.appendingPathComponent("checkpoints")
    try withTemporaryFolder { elsewhere in
      _ = try job(folder).weights(ranks: 1, steps: 2)
      disk.resize(disk.used + 100_000)
      #expect {
        _ = try job(folder).weights(ranks: 2, steps: 4)
      } throws: {
        UserError.from($0).kind == .inputOutput && "\($0)".contains("step-00000004 cannot be written")
      }
      #expect(names(folder) == [Checkpoint.name(step: 2)])
      disk.resize(64 << 20)
      #expect(try job(folder).weights(ranks: 3, steps: 5)[0] == job(elsewhere).weights(ranks: 1, steps: 5)[0])
    }
  }

  @Test func aFolderThatBecomesUnwritableIsToldOfAndTriedAgain() throws {
    guard let disk = SmallDisk(bytes: 64 << 20) else { return }
    let folder = disk.folder.appendingPathComponent("checkpoints")
    try withTemporaryFolder { elsewhere in
      let collector = TrainingJob.Collector()
      collector.finishing = { record in
        if record.step == 3 { #expect(disk.makeReadOnly(true)) }
        if record.step == 6 { #expect(disk.makeReadOnly(false)) }
      }
      let trainer = try job(folder).trainer(SingleRank(), steps: 8, observer: collector)
      _ = try trainer.run(resume: .auto)
      #expect(collector.saves.first == 1 && collector.saves.suffix(2) == [7, 8], "\(collector.saves)")
      #expect((1...4).contains(collector.warnings.count), "\(collector.warnings)")
      #expect(trainer.trainee.arena.weights.array == (try job(elsewhere).weights(ranks: 1, steps: 8)[0]))
      // From the start on.
      disk.makeReadOnly(true)
      #expect {
        _ = try job(folder.appendingPathComponent("new")).weights(ranks: 1, steps: 1)
      } throws: {
        UserError.from($0).kind == .inputOutput
      }
      disk.makeReadOnly(false)
    }
  }

  /// Another course from an older checkpoint: newer ones of the first are kept, and no later start goes on from them.
  @Test func goingOnFromAnOlderCheckpointSetsNewerOnesAside() throws {
    try withTemporaryFolder { folder in
      _ = try job(folder, keep: 9).weights(ranks: 1, steps: 4)
      var other = job(folder, keep: 9)
      other.configuration.train.weightDecay = 0.5
      let second = folder.appendingPathComponent(Checkpoint.name(step: 2))
      let course = try other.weights(ranks: 2, steps: 4, resume: .from(second))[0]
      let left = names(folder)
      for step in [3, 4] {
        #expect(left.count { $0.hasPrefix("earlier-" + Checkpoint.name(step: step)) } == 1, "\(left)")
      }
      #expect(left.count { $0.hasPrefix("step-") } == 4)
      #expect(try other.weights(ranks: 1, steps: 4)[0] == course)
    }
  }

  /// The same from a checkpoint of another run, and where the run folder has a second name.
  @Test func goingOnFromAnotherRunsCheckpointSetsItsOwnAside() throws {
    try withTemporaryFolder { folder in
      let (own, other) = (folder.appendingPathComponent("own"), folder.appendingPathComponent("other"))
      _ = try job(own, keep: 9).weights(ranks: 1, steps: 4)
      var source = job(other, keep: 9)
      source.configuration.train.weightDecay = 0.5
      let whole = try source.weights(ranks: 1, steps: 5)[0]
      var next = job(own, keep: 9)
      next.configuration.train.weightDecay = 0.5
      next.configuration.checkpoint.every = 0
      let third = other.appendingPathComponent(Checkpoint.name(step: 3))
      // Nothing is left to do, but the course is the run's own from now on.
      _ = try next.weights(ranks: 2, steps: 3, resume: .from(third))
      let left = names(own)
      #expect(left.count { $0.hasPrefix("earlier-") } == 2 && left.contains(Checkpoint.name(step: 3)), "\(left)")
      #expect(try next.weights(ranks: 2, steps: 5)[0] == whole)

      let link = folder.appendingPathComponent("link")
      try FileManager.default.createSymbolicLink(at: link, withDestinationURL: own)
      _ = try job(link, keep: 9).weights(
        ranks: 1, steps: 2, resume: .from(own.appendingPathComponent(Checkpoint.name(step: 2))))
      #expect(Checkpoint.all(in: own).map(\.step) == [2, 1], "\(names(own))")
    }
  }

  /// One damage after the other to each region of each file; each is found, told of, and left where it is.
  @Test func everyRegionOfACheckpointDamagedInTurn() throws {
    try withTemporaryFolder { folder in
      let (run, copies) = (folder.appendingPathComponent("run"), folder.appendingPathComponent("copies"))
      _ = try job(run, keep: 2).weights(ranks: 2, steps: 3)
      let newest = try #require(Checkpoint.newestSound(in: run).checkpoint)
      let older = try #require(Checkpoint.all(in: run).last)
      #expect(newest.step == 3 && older.step == 2)
      let straight = try job(folder.appendingPathComponent("straight")).weights(ranks: 1, steps: 4)[0]
      var counts: [String: Int] = [:]
      for (kind, name, damage) in try damages(to: newest.folder, from: older.folder) {
        let file = newest.folder.appendingPathComponent(name)
        let bytes = try Data(contentsOf: file)
        if let damage { try damage.write(to: file) } else { try FileManager.default.removeItem(at: file) }
        counts[kind, default: 0] += 1
        let found = Checkpoint.newestSound(in: run)
        #expect(found.checkpoint?.step == 2 && found.skipped.count == 1, "\(kind) of \(name): \(found)")
        #expect(found.skipped[0].contains(newest.folder.path), "\(found.skipped)")
        // Now and then the run goes on from there, in a copy.
        if counts[kind] == 2 {
          try FileManager.default.copyItem(at: run, to: copies)
          #expect(try job(copies, keep: 9).weights(ranks: 3, steps: 4)[0] == straight, "\(kind) of \(name)")
          let left = names(copies)
          #expect(left.count { $0.hasPrefix("damaged-step-00000003-") } == 1 && !left.contains { $0.hasPrefix(".") })
          try FileManager.default.removeItem(at: copies)
        }
        try bytes.write(to: file)
      }
      print(
        "damages found: \(counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))")
      #expect(counts.count == 4 && Checkpoint.newestSound(in: run).checkpoint?.step == 3)
    }
  }

  /// Kind of the damage, the file, and its new contents: nil for none.
  private func damages(to folder: URL, from older: URL) throws -> [(kind: String, file: String, contents: Data?)] {
    var all: [(String, String, Data?)] = []
    let files = names(folder)
    for name in files {
      let bytes = try Data(contentsOf: folder.appendingPathComponent(name))
      all.append(("missing file", name, nil))
      for share in [0, 1, 3, 7, 8] where share * bytes.count / 8 < bytes.count || share == 8 {
        all.append(("truncation", name, bytes.prefix(share * bytes.count / 8 - (share == 8 ? 1 : 0))))
      }
      // The first bytes, where a header's length stands, one by one; then each region of 4 KiB.
      let places = Array(0..<min(16, bytes.count)) + stride(from: 16, to: bytes.count, by: 4096) + [bytes.count - 1]
      for place in places {
        var flipped = bytes
        flipped[place] ^= UInt8(1 << (place % 8))
        if name == Checkpoint.manifestName, Self.isSameManifest(flipped, bytes) { continue }
        all.append(("bit flip", name, flipped))
      }
      // Another step's file of the same name, and other files of this step.
      let others =
        [try? Data(contentsOf: older.appendingPathComponent(name))]
        + (try files.filter { $0 != name }.map { try Data(contentsOf: folder.appendingPathComponent($0)) })
      for case let other? in others where other != bytes { all.append(("swapped file", name, other)) }
    }
    return all
  }

  /// Whether a flip was of a blank between the manifest's words.
  private static func isSameManifest(_ left: Data, _ right: Data) -> Bool {
    guard let left = try? JSONDecoder().decode(Checkpoint.Manifest.self, from: left),
      let right = try? JSONDecoder().decode(Checkpoint.Manifest.self, from: right)
    else { return false }
    return left.files == right.files && left.format == right.format
  }
}
