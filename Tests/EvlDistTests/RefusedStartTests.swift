import Foundation
import Tensors
import TestSupport
import Testing

/// A start that is refused is refused before a teacher is trained, and leaves a run as it was.
@Suite(.serialized) struct RefusedStartTests {
  private func train(_ folder: URL, _ more: [String] = [], options: [String] = []) throws -> CommandTests.Outcome {
    let settings = [
      "data.records=60", "data.questions.report=0", "teacher.steps=1", "train.steps=2", "train.global_batch=8",
      "train.warmup=1", "evaluation.enabled=false", "run.folder=\(folder.path)/run",
      "teacher.cache=\(folder.path)/teachers",
    ]
    return try CommandTests.run(["train"] + options + (settings + more).flatMap { ["--set", $0] })
  }

  /// Every file below a folder with its SHA-256.
  private func contents(_ folder: URL) throws -> [String: String] {
    let paths = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
    let files = paths.filter { path in
      var isFolder: ObjCBool = false
      let isThere = FileManager.default.fileExists(
        atPath: folder.appendingPathComponent(path).path, isDirectory: &isFolder)
      return isThere && !isFolder.boolValue
    }
    return Dictionary(
      uniqueKeysWithValues: try files.map { ($0, try Digest.sha256(fileAt: folder.appendingPathComponent($0))) })
  }

  @Test func nothingOfAFinishedRunIsTouched() throws {
    try withTemporaryFolder { folder in
      let done = try train(folder)
      #expect(done.code == 0, "\(done.errors)")
      let before = try contents(folder)
      #expect(before.count > 8)
      let refused: [(settings: [String], options: [String], code: Int32, words: String)] = [
        (["train.shards=4"], [], 64, "train.shards"),
        (["train.global_batch=16"], [], 64, "train.global_batch"),
        (["data.augmentation.gain=0.3"], [], 64, "data.augmentation.gain: the checkpoint has 0.15"),
        (["data.records=61"], [], 64, "the training records"),
        (["train.steps=1"], [], 64, "has 2 steps done"),
        (["data.kind=ptb-xl", "data.path=\(folder.path)"], [], 65, "ptbxl_database.csv"),
        (["data.kind=ptb-xl", "data.path=/nonexistent"], [], 74, "/nonexistent"),
        (["data.kind=wfdb", "data.path=\(folder.path)"], [], 65, "no WFDB header"),
        (["data.kind=wfdb", "data.path=/nonexistent"], [], 74, "/nonexistent: no such folder"),
        (["teacher.path=/nonexistent"], [], 74, "/nonexistent"),
        ([], ["--resume", "/nonexistent"], 64, "/nonexistent"),
        ([], ["--resume", "never"], 64, "is not empty"),
        ([], ["--dump-case", "99", "\(folder.path)/case"], 64, "99"),
        (["train.steps=3"], ["--dump-case", "3", "/nonexistent/case"], 74, "/nonexistent"),
      ]
      for (settings, options, code, words) in refused {
        let outcome = try train(folder, settings, options: options)
        #expect(outcome.code == code && outcome.errors.contains(words), "\(settings) \(options): \(outcome.errors)")
        #expect(outcome.errors.contains("to do:"), "\(outcome.errors)")
        // A plan refuses the same, but for data that are not there.
        let planned = try train(folder, settings, options: options + ["--dry-run"])
        if settings.contains("data.path=/nonexistent") {
          #expect(planned.code == 0 && planned.output.contains("/nonexistent"), "\(planned)")
        } else {
          #expect(planned.code == code && planned.refusal == outcome.refusal, "\(settings) \(options): \(planned)")
        }
        #expect(try contents(folder) == before, "\(settings) \(options)")
      }
    }
  }

  @Test func aFirstStartWithAWrongPathLeavesNoFolderBehind() throws {
    try withTemporaryFolder { folder in
      let wrong = try train(folder, ["data.kind=ptb-xl", "data.path=/nonexistent"])
      #expect(wrong.code == 74, "\(wrong.errors)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
      #expect(try train(folder, options: ["--resume", "never"]).code == 0)
    }
  }

  @Test func aRunAtAConstantRateIsProlongedWithoutAWarning() throws {
    try withTemporaryFolder { folder in
      #expect(try train(folder).code == 0)
      let longer = try train(folder, ["train.steps=3"])
      #expect(longer.code == 0 && !longer.errors.contains("bits"), "\(longer.errors)")
      let faster = try train(folder, ["train.steps=4", "train.learning_rate=0.001"])
      #expect(faster.code == 0 && faster.errors.contains("train.learning_rate: the checkpoint has"), "\(faster.errors)")
      #expect(faster.errors.count < 400, "\(faster.errors)")
    }
  }
}
