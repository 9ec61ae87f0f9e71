import Foundation
import Tensors
import TestSupport
import Testing

/// `teach`, and `train` from what it wrote, as a user starts them.
@Suite(.serialized) struct TeacherStoreCommandTests {
  private static let unaugmented = ["shift", "gain", "lead_gain", "noise"].map { "data.augmentation.\($0)=0" }

  private let settings = [
    "data.records=60", "data.questions.report=0", "teacher.steps=2", "train.steps=6", "train.global_batch=24",
    "train.warmup=2", "evaluation.enabled=false", "checkpoint.every=0", "teacher.part_samples=32",
  ]

  private func run(
    _ command: String, in folder: URL, ranks: Int, _ more: [String], started: ((String) throws -> Void)? = nil
  ) throws -> MPIRun.Outcome {
    let all = settings + Self.unaugmented + ["teacher.cache=\(folder.path)/teachers"] + more
    return try MPIRun.run(
      ranks: ranks, MPIRun.program("evl-dist"), [command] + all.flatMap { ["--set", $0] }, seconds: 240,
      started: started)
  }

  private func digests(_ store: URL) throws -> [String: String] {
    try Dictionary(
      uniqueKeysWithValues: FileManager.default.contentsOfDirectory(atPath: store.path).map {
        ($0, try Digest.sha256(fileAt: store.appendingPathComponent($0)))
      })
  }

  private func student(_ run: URL) throws -> String {
    try Digest.sha256(fileAt: run.appendingPathComponent("student/model.safetensors"))
  }

  /// From teacher to student: on any number of ranks the same store, and from it the student of the live teacher.
  @Test func aStudentLearnsTheSameFromTheStoreAsFromItsTeacher() throws {
    guard MPIRun.isPresent else { return }
    try withTemporaryFolder { folder in
      let (store, live, stored) = (
        folder.appendingPathComponent("store"), folder.appendingPathComponent("live"),
        folder.appendingPathComponent("stored")
      )
      let taught = try run("teach", in: folder, ranks: 3, ["teacher.store=\(store.path)", "run.folder=\(live.path)"])
      #expect(taught.code == 0, "\(taught.errors)")
      for word in ["samples in", "parts, about", "samples/s", "left"] {
        #expect(taught.output.contains(word), "\(taught.output)")
      }
      let other = folder.appendingPathComponent("other")
      #expect(
        try run("teach", in: folder, ranks: 1, ["teacher.store=\(other.path)", "run.folder=\(live.path)"]).code == 0)
      #expect(try digests(other) == digests(store))

      let verified = try CommandTests.run(["verify", store.path])
      #expect(verified.code == 0 && verified.output.contains("sound"), "\(verified.errors)")
      let shown = try CommandTests.run(["inspect", store.path])
      #expect(shown.code == 0, "\(shown.errors)")
      for word in ["Teacher store", "built-in teacher", "samples", "F32", "augmentation", "none"] {
        #expect(shown.output.contains(word), "\(shown.output)")
      }

      let first = try run("train", in: folder, ranks: 2, ["run.folder=\(live.path)"])
      #expect(first.code == 0, "\(first.errors)")
      let second = try run(
        "train", in: folder, ranks: 3, ["run.folder=\(stored.path)", "teacher.store=\(store.path)"])
      #expect(second.code == 0 && second.output.contains("teacher store \(store.path)"), "\(second.errors)")
      #expect(try student(stored) == student(live))

      try expectRefusals(store, in: folder)
      try expectDamageFound(store)
    }
  }

  /// Each difference between store and run by its name, before anything is written.
  private func expectRefusals(_ store: URL, in folder: URL) throws {
    let refused: [(settings: [String], words: [String])] = [
      (["data.records=50"], ["records: the store has synthetic"]), (["run.seed=2"], ["records"]),
      (["data.view=image"], ["view: the store has signal, expected image"]),
      (["teacher.variants=2"], ["teacher.variants", "augmentation: the store has none"]),
      (["data.questions.report=1"], ["lacks", "/report"]),
      (["objective.method=tinybert"], ["decoder layers", "attention", "teacher.layers="]),
      (["objective.method=kl"], ["one vocabulary", "built-in teacher"]),
    ]
    for (settings, words) in refused {
      let fresh = folder.appendingPathComponent("fresh")
      let all = self.settings + settings + ["run.folder=\(fresh.path)", "teacher.store=\(store.path)"]
      let outcome = try CommandTests.run(["train"] + all.flatMap { ["--set", $0] })
      #expect(outcome.code == 64, "\(settings): \(outcome.errors)")
      for word in words { #expect(outcome.errors.contains(word), "\(outcome.errors)") }
      let planned = try CommandTests.run(["train", "--dry-run"] + all.flatMap { ["--set", $0] })
      #expect(planned.code == 64 && planned.refusal == outcome.refusal, "\(settings): \(planned)")
      #expect(!FileManager.default.fileExists(atPath: fresh.path))
    }
    // Where the data are not there, nothing can be compared with them, and the plan says so.
    let away = [
      "data.kind=ptb-xl", "data.path=/nonexistent", "teacher.store=\(store.path)", "run.folder=\(folder.path)/f",
    ]
    let assumed = try CommandTests.run(["train", "--dry-run"] + (settings + away).flatMap { ["--set", $0] })
    #expect(assumed.code == 0 && assumed.output.contains("the teacher store is not compared"), "\(assumed)")
    let again = try CommandTests.run(
      ["teach"]
        + (settings + Self.unaugmented + [
          "teacher.cache=\(folder.path)/teachers", "teacher.store_type=bf16",
          "teacher.store=\(store.path)", "run.folder=\(folder.path)/live",
        ]).flatMap { ["--set", $0] })
    #expect(again.code == 64 && again.errors.contains("element type"), "\(again.errors)")
  }

  private func expectDamageFound(_ store: URL) throws {
    let part = store.appendingPathComponent("part-00002.safetensors")
    let sound = try Data(contentsOf: part)
    var flipped = sound
    flipped[sound.count / 2] ^= 1
    try flipped.write(to: part)
    let changed = try CommandTests.run(["verify", store.path])
    #expect(changed.code == 65 && changed.errors.contains("part-00002.safetensors"), "\(changed.errors)")
    try sound.dropLast(16).write(to: part)
    let cut = try CommandTests.run(["train", "--set", "data.records=60", "--set", "teacher.store=\(store.path)"])
    #expect(cut.code == 65 && cut.errors.contains("part-00002.safetensors"), "\(cut.errors)")
  }

  @Test func aStopKeepsWhatIsFinishedAndTheBytesAreTheSame() throws {
    guard MPIRun.isPresent else { return }
    try withTemporaryFolder { folder in
      let (straight, stopped) = (folder.appendingPathComponent("a"), folder.appendingPathComponent("b"))
      let logs = "run.folder=\(folder.path)/run"
      let more = [logs, "data.records=400", "teacher.part_samples=16"]
      #expect(try run("teach", in: folder, ranks: 2, more + ["teacher.store=\(straight.path)"]).code == 0)
      let outcome = try run("teach", in: folder, ranks: 2, more + ["teacher.store=\(stopped.path)"]) { _ in
        let part = stopped.appendingPathComponent("part-00002.safetensors").path
        while !FileManager.default.fileExists(atPath: part) { usleep(2_000) }
        let launcher = try #require(MPIRun.launcher(ofCommandWith: stopped.path))
        #expect(kill(launcher, SIGUSR1) == 0)
      }
      #expect(
        MPIRun.codesOfASavedStop.contains(outcome.code) && outcome.errors.contains("SIGUSR1"), "\(outcome)")
      #expect(!FileManager.default.fileExists(atPath: stopped.appendingPathComponent("index.json").path))
      let unfinished = try CommandTests.run(["verify", stopped.path])
      #expect(unfinished.code == 65 && unfinished.errors.contains("not finished"), "\(unfinished.errors)")
      let resumed = try run("teach", in: folder, ranks: 3, more + ["teacher.store=\(stopped.path)"])
      #expect(resumed.code == 0, "\(resumed.errors)")
      #expect(try digests(stopped) == digests(straight))
    }
  }

  @Test func theRequestsForOtherPeoplesTeachersAreWritten() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("requests.json")
      let outcome = try CommandTests.run(["teach", "--set", "data.records=60", "--requests", file.path])
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(try String(contentsOf: file, encoding: .utf8).contains("\"fingerprint\""))
      let refused = try CommandTests.run(["teach", "--set", "run.folder=\(folder.path)/run"])
      #expect(refused.code == 64 && refused.errors.contains("teacher.store is empty"), "\(refused.errors)")
    }
  }
}
