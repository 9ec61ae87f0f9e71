import Evaluation
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Reporting

/// An ablation that has no results yet is told from a run, and from what is neither.
@Suite struct UnfinishedAblationTests {
  /// What `ablate` leaves of a run that it has begun, and of one that is done.
  private func begin(_ path: String, in folder: URL, by command: String = "ablate", done: Bool = true) throws {
    let run = folder.appendingPathComponent(path)
    try FileManager.default.createDirectory(at: run, withIntermediateDirectories: true)
    try Data("{\"command\": [\"evl-dist\", \"\(command)\", \"--config\", \"x.yaml\"]}".utf8)
      .write(to: run.appendingPathComponent("environment.json"))
    if done { try AblationAnswers(subset: "", seconds: 1, failure: "made").write(to: run) }
  }

  @Test func itIsRefusedWithHowFarItIs() throws {
    try withTemporaryFolder { folder in
      #expect(UnfinishedAblation(folder) == nil && !ReportedAblation.isAblation(folder))
      try begin("runs/all/evl/seed-1", in: folder)
      try begin("runs/all/ce/seed-12", in: folder, done: false)
      try begin("grids/evl/objective.alpha-0.3/objective.mhca.weight-1.0/seed-1", in: folder)
      // The teacher's steps are logged there.
      try Data().write(to: folder.appendingPathComponent("metrics.jsonl"))
      let found = try #require(UnfinishedAblation(folder))
      #expect(found.runs == .init(begun: 2, done: 1) && found.grids == .init(begun: 1, done: 1))
      let refusal = found.refusal
      #expect(refusal.kind == .badInput && ReportedAblation.isAblation(folder))
      #expect(refusal.message.contains("1 of its runs are done and 1 begun, 1 of its grids' runs are done"))
      #expect(refusal.remedy.contains("the same ablate command again"))
      #expect(refusal.remedy.contains("/runs/all/evl/seed-1"))
      try Data(AblationPageTests.results("CE").utf8).write(to: folder.appendingPathComponent("ablation.json"))
      #expect(UnfinishedAblation(folder) == nil && ReportedAblation.isAblation(folder))
    }
  }

  @Test func foldsHaveRunsOfTheirOwn() throws {
    try withTemporaryFolder { folder in
      for fold in 1...3 { try begin("fold-\(fold)/runs/all/evl/seed-1", in: folder, done: fold == 2) }
      #expect(UnfinishedAblation(folder)?.runs == .init(begun: 3, done: 1))
    }
  }

  @Test func foldersOfRunsThatAreTrainedAreNone() throws {
    try withTemporaryFolder { folder in
      try begin("runs/all/evl/seed-1", in: folder, by: "train", done: false)
      #expect(UnfinishedAblation(folder) == nil)
      // Above an ablation there is none, and in a run's own folder neither.
      try begin("work/runs/all/evl/seed-1", in: folder)
      #expect(UnfinishedAblation(folder) == nil)
      let work = folder.appendingPathComponent("work")
      #expect(UnfinishedAblation(work) != nil && UnfinishedAblation(work.appendingPathComponent("runs")) == nil)
      try begin("work", in: folder, done: false)
      #expect(UnfinishedAblation(work) == nil)
    }
  }
}
