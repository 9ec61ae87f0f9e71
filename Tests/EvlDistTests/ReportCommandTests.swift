import Foundation
import TestSupport
import Testing

/// `report` on real runs: what a run keeps for it, the page, and what it refuses.
@Suite(.serialized) struct ReportCommandTests {
  private func small(_ folder: URL) -> SmallRun {
    var small = SmallRun(folder: folder)
    small.settings += [
      "data.records=200", "train.steps=2", "evaluation.enabled=true", "evaluation.replicates=100", "checkpoint.every=1",
    ]
    return small
  }

  @Test func aRunKeepsItsAnswersTheSameOnAnyNumberOfRanks() throws {
    try withTemporaryFolder { folder in
      let small = small(folder)
      for (name, ranks) in [("one", 1), ("two", 2)] {
        let outcome = try small.start(name, ranks: ranks)
        #expect(outcome.code == 0, "\(outcome.output)")
      }
      for model in ["teacher", "before", "after"] {
        let files = ["one", "two"].map { small.run($0).appendingPathComponent("answers-\(model).jsonl") }
        let bytes = try files.map { try Data(contentsOf: $0) }
        #expect(bytes[0] == bytes[1] && bytes[0].count > 100, "\(model)")
      }
      // Kept evaluations are found again, with their answers.
      let kept = small.run("one").appendingPathComponent("answers-before.jsonl")
      let before = try Data(contentsOf: kept)
      try FileManager.default.removeItem(at: kept)
      let again = try small.start("one", ranks: 1, ["train.steps=3"])
      #expect(again.code == 0 && !again.output.contains("evaluating: student before"), "\(again.output)")
      #expect(try Data(contentsOf: kept) == before)

      let written = try CommandTests.run(["report", "one"], in: folder)
      #expect(written.code == 0, "\(written.errors)")
      let page = try String(contentsOf: small.run("one").appendingPathComponent("report.html"), encoding: .utf8)
      #expect(page.contains("Finished.") && page.contains("id=\"roc-") && !page.contains("keeps no answers"))
      #expect(page.contains("id=\"plan-0-0\"") && page.contains("id=\"answer-drawn-0-t\""))
      let digest = try small.digest("one")
      #expect(page.contains("every file agrees with its SHA-256") && page.contains(digest))
      try otherPages(small, in: folder)
    }
  }

  private func otherPages(_ small: SmallRun, in folder: URL) throws {
    let elsewhere = folder.appendingPathComponent("x.html")
    #expect(try CommandTests.run(["report", "one", "-o", "x.html"], in: folder).code == 0)
    #expect(FileManager.default.fileExists(atPath: elsewhere.path))
    let compared = try CommandTests.run(["report", "one", "two"], in: folder)
    #expect(compared.code == 0, "\(compared.errors)")
    let beside = try String(contentsOf: folder.appendingPathComponent("report.html"), encoding: .utf8)
    #expect(beside.contains("2 runs") && beside.contains("Differences to one"))
    #expect(try CommandTests.run(["report", "one", "--records", "0", "-o", "y.html"], in: folder).code == 0)
    let plain = try String(contentsOf: folder.appendingPathComponent("y.html"), encoding: .utf8)
    #expect(plain.contains("--records is 0") && !plain.contains("id=\"plan-0-0\""))
    #expect(try CommandTests.run(["report", "none"], in: folder).code == 74)
    #expect(try CommandTests.run(["report", "teachers"], in: folder).code == 65)
    #expect(try CommandTests.run(["report", "one", "-o", "none/x.html"], in: folder).code == 74)
    #expect(try CommandTests.run(["report"], in: folder).code == 64)
    let student = small.run("one").appendingPathComponent("student/model.safetensors")
    let before = try Data(contentsOf: student)
    for page in ["one/student/model.safetensors", "one/results.json"] {
      let refused = try CommandTests.run(["report", "one", "--records", "0", "-o", page], in: folder)
      #expect(refused.code == 64 && refused.refusal.contains("a file of the run"), "\(refused)")
    }
    #expect(try Data(contentsOf: student) == before)
    #expect(try CommandTests.run(["report", "one", "-o", "one"], in: folder).code == 74)
    // A damaged checkpoint is told of.
    let weights = small.run("one").appendingPathComponent("checkpoints/step-00000003/model.safetensors")
    try Data("damaged".utf8).write(to: weights)
    #expect(try CommandTests.run(["report", "one"], in: folder).code == 0)
    let page = try String(contentsOf: small.run("one").appendingPathComponent("report.html"), encoding: .utf8)
    #expect(page.contains("step-00000003 is damaged"))
  }
}
