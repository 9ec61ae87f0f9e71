import Cardiology
import Foundation
import Tensors
import TestSupport
import Testing

/// What a user may hand over by mistake: one message that names file and remedy, the documented code, nothing written.
@Suite(.serialized) struct BadInputTests {
  /// A fault in a recording, and what the message must say of it.
  struct Fault: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let code: Int32
    let words: [String]
    let damage: @Sendable (_ header: URL, _ signal: URL) throws -> Void
  }

  private static func edit(_ file: URL, _ change: (inout Data) -> Void) throws {
    var bytes = try Data(contentsOf: file)
    change(&bytes)
    try bytes.write(to: file)
  }

  static let faults = [
    Fault(testDescription: "a header of 0 leads", code: 65, words: ["made.hea", "0 signals"]) { header, _ in
      try Data("made 0 100 1000\n".utf8).write(to: header)
    },
    Fault(testDescription: "a truncated signal file", code: 65, words: ["made.dat"]) { _, signal in
      try edit(signal) { $0.removeLast(100) }
    },
    Fault(testDescription: "a wrong checksum", code: 65, words: ["made.dat", "checksum"]) { _, signal in
      try edit(signal) { $0[1000] ^= 1 }
    },
    Fault(testDescription: "invalid samples", code: 65, words: ["made", "V1", "NaN", "sample 7"]) { header, _ in
      try Fixtures.record(in: header.deletingLastPathComponent(), invalid: true)
    },
    Fault(testDescription: "a missing signal file", code: 65, words: ["made.dat"]) { _, signal in
      try FileManager.default.removeItem(at: signal)
    },
    Fault(testDescription: "a missing header", code: 74, words: ["made.hea"]) { header, _ in
      try FileManager.default.removeItem(at: header)
    },
  ]

  @Test(arguments: faults) func aDamagedRecordingIsNamedAndNotInterpreted(fault: Fault) throws {
    try withTemporaryFolder { folder in
      try Fixtures.model(in: folder)
      let record = try Fixtures.record(in: folder)
      let sound = try CommandTests.run(["interpret", "--model", folder.path, record.path])
      #expect(sound.code == 0, "\(sound.errors)")
      try fault.damage(record.appendingPathExtension("hea"), record.appendingPathExtension("dat"))
      let outcome = try CommandTests.run(["interpret", "--model", folder.path, record.path])
      #expect(outcome.code == fault.code, "\(outcome.errors)")
      for word in fault.words { #expect(outcome.errors.contains(word), "\(outcome.errors)") }
      #expect(outcome.errors.components(separatedBy: "error:").count == 2, "\(outcome.errors)")
      #expect(outcome.output.isEmpty)
    }
  }

  @Test(arguments: [
    (["train.shards=7"], "train.shards"), (["train.shards=0"], "train.shards"), (["train.sheds=8"], "train.shards"),
    (["train.steps=-1"], "train.steps"), (["data.kind=ptbxl"], "data.kind"), (["objective.mhca.heads=7"], "heads"),
  ])
  func aConfigurationThatCannotWorkIsRefusedBeforeAnythingIsWritten(settings: [String], key: String) throws {
    try withTemporaryFolder { folder in
      let run = folder.appendingPathComponent("run")
      let all = settings + ["run.folder=\(run.path)", "teacher.cache=\(folder.path)/teachers"]
      let outcome = try CommandTests.run(["train"] + all.flatMap { ["--set", $0] })
      #expect(outcome.code == 64 && outcome.errors.contains(key), "\(outcome.errors)")
      #expect(!FileManager.default.fileExists(atPath: run.path))
      #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("teachers").path))
    }
  }

  @Test func aDamagedModelFileIsNamedAndLeftAsItIs() throws {
    try withTemporaryFolder { folder in
      try Fixtures.model(in: folder)
      let weights = folder.appendingPathComponent("model.safetensors")
      try Self.edit(weights) { $0.removeLast(64) }
      let before = try Digest.sha256(fileAt: weights)
      let outcome = try CommandTests.run(["interpret", "--model", folder.path, try Fixtures.record(in: folder).path])
      #expect(outcome.code == 65 && outcome.errors.contains("model.safetensors"), "\(outcome.errors)")
      #expect(try Digest.sha256(fileAt: weights) == before)
    }
  }
}
