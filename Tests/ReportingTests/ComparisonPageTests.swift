import Evaluation
import Foundation
import TestSupport
import Testing

@testable import Reporting

/// Several runs on one page.
@Suite struct ComparisonPageTests {
  private func html(_ runs: [MadeRun]) throws -> String {
    try RunReport(
      comparing: try runs.map { try $0.reported() }, program: "evl-dist", date: Date(timeIntervalSince1970: 0)
    ).html()
  }

  @Test func runsAreComparedWithTheFirst() throws {
    try withTemporaryFolder { folder in
      let first = MadeRun(folder: folder.appendingPathComponent("first"))
      let second = MadeRun(folder: folder.appendingPathComponent("<second>"), seed: 2)
      for (run, settings) in [(first, []), (second, ["objective.method=ce", "train.learning_rate=0.001"])] {
        try run.write(settings: settings)
        try run.writeResults()
      }
      let page = RunReportTests.expectASoundPage(try html([first, second]))
      for words in [
        "2 runs", "<second>", "objective.method", "train.learning_rate", "macro AUC", "Differences to first",
      ] {
        #expect(page.text.contains(words), "\(words)")
      }
      #expect(!page.text.contains("train.weight_decay"), "both have it alike")
      for id in ["bars-auc", "lines-loss", "lines-ce", "roc-0"] { #expect(page.values("id").contains(id), "\(id)") }
      let shown = try second.reported().results?.after?.probabilities?.macroAUC.value
      #expect(page.text.contains(PageNumber.decimals(shown, 3)))
    }
  }

  @Test func whatCannotBeComparedIsSaid() throws {
    try withTemporaryFolder { folder in
      let (first, second) = (
        MadeRun(folder: folder.appendingPathComponent("a/run")), MadeRun(folder: folder.appendingPathComponent("b/run"))
      )
      for run in [first, second] { try run.write(steps: 2) }
      let bare = RunReportTests.expectASoundPage(try html([first, second])).text
      #expect(bare.contains("No run has evaluated its student") && bare.contains("keeps no answers"))
      #expect(bare.contains("a/run") && bare.contains("b/run"), "runs of one name are told apart by their folders")
      #expect(bare.contains("same settings"))
      try first.writeResults()
      try second.writeResults()
      // Answers about other records.
      var answers = second.answers(0.25).map { KeptAnswer($0) }
      for index in answers.indices { answers[index].id = "other-\(index)" }
      try second.put("answers-after.jsonl", try KeptAnswers(answers).jsonLines())
      #expect(
        RunReportTests.expectASoundPage(try html([first, second])).text.contains("answered by the first model only"))
      // Of one that scores leave out, the probability of a class is missing.
      answers = second.answers(0.25).map { KeptAnswer($0) }
      answers.append(KeptAnswer(id: "blank", gold: [], probabilities: ["MI": 0.5], text: nil))
      try second.put("answers-after.jsonl", try KeptAnswers(answers).jsonLines())
      let partial = RunReportTests.expectASoundPage(try html([first, second])).text
      #expect(partial.contains("The answers of b/run lack the probability of a class"))
      #expect(!partial.contains("keeps no answers"))
      try FileManager.default.removeItem(at: second.file("answers-after.jsonl"))
      #expect(RunReportTests.expectASoundPage(try html([first, second])).text.contains("b/run keeps no answers"))
    }
  }

  @Test func moreRunsThanLinesAreStillInTheTables() throws {
    try withTemporaryFolder { folder in
      let runs = (1...8).map { MadeRun(folder: folder.appendingPathComponent("run-\($0)")) }
      for run in runs {
        try run.write(steps: 3)
        try run.writeResults()
      }
      let page = RunReportTests.expectASoundPage(try html(runs))
      #expect(page.text.contains("of the first 6 runs") && page.text.contains("run-8"))
    }
  }
}
