import Evaluation
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Reporting

/// An ablation that has no results yet is told from a run, and from what is neither.
@Suite struct UnfinishedAblationTests {
  @Test func itIsRefusedWithHowFarItIs() throws {
    try withTemporaryFolder { folder in
      #expect(try UnfinishedAblation(folder) == nil)
      #expect(!ReportedAblation.isAblation(folder))
      func run(_ path: String) -> URL { folder.appendingPathComponent(path) }
      let runs = ["fold-1/runs/all/ce/seed-1", "fold-1/runs/all/evl/seed-1"].map(run)
      let grids = [run("grids/evl/objective.alpha-0.3/seed-1")]
      try AblationSchedule(folder, runs: runs, grids: grids).write()
      // The teacher's steps are logged there.
      try Data().write(to: run("metrics.jsonl"))
      #expect(ReportedAblation.isAblation(folder))
      let before = try #require(try UnfinishedAblation(folder)).refusal
      #expect(before.message.contains("0 of 2 runs are done, 0 of 1 of its grids are done"))
      #expect(!before.remedy.contains("its page already"))
      for done in [runs[1], grids[0]] {
        try FileManager.default.createDirectory(at: done, withIntermediateDirectories: true)
        try AblationAnswers(subset: "", seconds: 1, failure: "made").write(to: done)
      }
      let refusal = try #require(try UnfinishedAblation(folder)).refusal
      #expect(refusal.kind == .badInput)
      #expect(refusal.message.contains("1 of 2 runs are done, 1 of 1 of its grids are done"))
      #expect(refusal.remedy.contains("the same ablate command again"))
      #expect(refusal.remedy.contains("/fold-1/runs/all/evl/seed-1"))
      try Data(AblationPageTests.results("CE").utf8).write(to: run("ablation.json"))
      #expect(try UnfinishedAblation(folder) == nil)
      #expect(ReportedAblation.isAblation(folder))
    }
  }

  @Test func aDamagedScheduleIsNamed() throws {
    try withTemporaryFolder { folder in
      try Data("{".utf8).write(to: folder.appendingPathComponent("schedule.json"))
      let error = #expect(throws: UserError.self) { try UnfinishedAblation(folder) }
      #expect(error?.kind == .badInput && error?.message.contains("schedule.json is damaged") == true)
    }
  }
}
