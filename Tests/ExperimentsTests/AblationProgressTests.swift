import Cluster
import Evaluation
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Experiments

/// What `status` says of an ablation: of its teacher first, then of its runs.
@Suite struct AblationProgressTests {
  @Test func teacherThenRunsThenTheEndAreTold() throws {
    try withTemporaryFolder { folder in
      #expect(try AblationProgress(folder) == nil)
      let runs = (1...3).map { folder.appendingPathComponent("runs/all/evl/seed-\($0)") }
      try AblationSchedule(folder, runs: runs, grids: []).write()
      let first = try #require(try AblationProgress(folder))
      #expect(first.teacher == nil && first.runs == .init(done: 0, of: 3) && !first.isFinished)
      #expect(first.text().contains("not running") && !first.text().contains("grids"))
      let step =
        #"{"losses":{"loss":1.5},"phase":"teacher","samples_per_second":8,"seconds":2,"step":4,"steps":9,"time":"t"}"#
      try Data((step + "\n").utf8).write(to: folder.appendingPathComponent("metrics.jsonl"))
      #expect(try AblationProgress(folder)?.text().contains("teacher     step 4 of 9") == true)

      for (place, run) in runs.enumerated() {
        try FileManager.default.createDirectory(at: run, withIntermediateDirectories: true)
        try AblationAnswers(subset: "", seconds: 1, failure: "made").write(to: run)
        let date = Date(timeIntervalSince1970: 1_700_000_000 + 60 * Double(place))
        try FileManager.default.setAttributes(
          [.modificationDate: date], ofItemAtPath: run.appendingPathComponent(AblationAnswers.fileName).path)
        let progress = try #require(try AblationProgress(folder))
        #expect(progress.runs == .init(done: place + 1, of: 3) && progress.teacher == nil && !progress.isFinished)
        #expect(progress.newest == "runs/all/evl/seed-\(place + 1)")
        #expect(progress.secondsLeft == nil, "nothing runs")
      }
      #expect(try AblationProgress(folder)?.newestTime == "2023-11-14T22:15:20Z")
      try Data("{}".utf8).write(to: folder.appendingPathComponent("ablation.json"))
      let last = try #require(try AblationProgress(folder))
      #expect(last.isFinished && last.text().contains("state       finished"))
      #expect(try last.json().contains("\"done\""))
    }
  }

  @Test func timesThatNobodyWaitsAreUnknown() throws {
    #expect(RunProgress.duration(3661.4) == "1:01:01" && RunProgress.duration(0) == "0:00:00")
    for seconds in [1e300, 1e9, -1, .infinity, .nan] { #expect(RunProgress.duration(seconds) == "unknown") }
    for (pace, told) in [("2", "left        unknown"), ("1e300", nil)] {
      try withTemporaryFolder { folder in
        try Data("{}".utf8).write(to: folder.appendingPathComponent(RunEnvironment.fileName))
        let step =
          #"{"losses":{"loss":1.5},"phase":"student","samples_per_second":8,"seconds":\#(pace),"step":-4,"#
          + #""steps":9223372036854775807,"time":"t"}"#
        try Data((step + "\n").utf8).write(to: folder.appendingPathComponent("metrics.jsonl"))
        let lock = try FolderLock.take(folder) { _ in }
        defer { lock.release() }
        let progress = try RunProgress(folder)
        let json = try progress.json()
        #expect(progress.life == .running && progress.step == -4 && json.contains("9223372036854775807"))
        #expect(progress.text().contains("left ") == (told != nil))
        if let told { #expect(progress.text().contains(told)) }
      }
    }
  }

  /// 60 s from one run to the next: two are left for a job that lives.
  @Test func theTimeLeftIsOfTheNewestRunsPace() throws {
    try withTemporaryFolder { folder in
      let runs = (1...4).map { folder.appendingPathComponent("runs/all/evl/seed-\($0)") }
      try AblationSchedule(folder, runs: runs, grids: []).write()
      for (place, run) in runs.prefix(2).enumerated() {
        try FileManager.default.createDirectory(at: run, withIntermediateDirectories: true)
        try AblationAnswers(subset: "", seconds: 1, failure: "made").write(to: run)
        try FileManager.default.setAttributes(
          [.modificationDate: Date(timeIntervalSince1970: 1_700_000_000 + 60 * Double(place))],
          ofItemAtPath: run.appendingPathComponent(AblationAnswers.fileName).path)
      }
      let lock = try FolderLock.take(folder) { _ in }
      defer { lock.release() }
      let progress = try #require(try AblationProgress(folder))
      #expect(progress.life == .running && progress.secondsLeft == 120)
      #expect(progress.text().contains("left        0:02:00"))
    }
  }
}
