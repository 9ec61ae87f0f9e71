import Foundation
import TestSupport
import Testing

/// What takes many minutes (`launch/test --long`): the quick start, and the student of the real records.
@Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["EVL_LONG_TESTS"] == "1"))
struct LongRunTests {
  /// Macro AUC of a model of a finished run.
  private func macroAUC(_ model: String, _ run: URL) throws -> Double {
    let data = try Data(contentsOf: run.appendingPathComponent("results.json"))
    let results = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let scores = (results[model] as? [String: Any])?["probabilities"] as? [String: Any]
    return try #require((scores?["macroAUC"] as? [String: Any])?["value"] as? Double)
  }

  private func train(_ run: URL, ranks: Int, _ arguments: [String], seconds: Int) throws {
    let start = Date()
    let settings = ["run.folder=\(run.path)", "teacher.cache=\(run.deletingLastPathComponent().path)/teachers"]
    let outcome = try MPIRun.run(
      ranks: ranks, MPIRun.program("evl-dist"), ["train"] + arguments + settings.flatMap { ["--set", $0] },
      seconds: seconds)
    #expect(outcome.code == 0, "\(outcome.errors)")
    print(outcome.output.components(separatedBy: "student after: ").last ?? "")
    print("\(run.lastPathComponent): \(Int(Date().timeIntervalSince(start))) s with \(ranks) ranks")
  }

  @Test func theQuickStartTeachesItsStudent() throws {
    guard MPIRun.isPresent else { return }
    try withTemporaryFolder { folder in
      let run = folder.appendingPathComponent("quick-start")
      try train(run, ranks: 8, [], seconds: 900)
      #expect(try macroAUC("teacher", run) > 0.75)
      #expect(try macroAUC("after", run) > macroAUC("before", run) + 0.1)
    }
  }

  @Test(.enabled(if: SharedFiles.has("data/ptb-xl")))
  func theStudentOfRealRecordsGainsFromItsTeacher() throws {
    guard MPIRun.isPresent else { return }
    try withTemporaryFolder { folder in
      let configuration = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../configs/ptb-xl.yaml").standardized
      let common = [
        "--config", configuration.path, "--set", "data.path=\(SharedFiles.url("data/ptb-xl").path)",
      ]
      for (name, more) in [("full", []), ("ce", ["--set", "objective.method=ce"])] {
        try train(folder.appendingPathComponent(name), ranks: 2, common + more, seconds: 7200)
      }
      let full = try macroAUC("after", folder.appendingPathComponent("full"))
      #expect(full >= 0.86)
      #expect(try macroAUC("after", folder.appendingPathComponent("ce")) < full)
      #expect(try macroAUC("teacher", folder.appendingPathComponent("full")) >= 0.86)
    }
  }
}
