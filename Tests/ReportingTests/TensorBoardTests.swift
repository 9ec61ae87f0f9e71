import Foundation
import TestSupport
import Testing
import Training

@testable import Reporting

@Suite struct TensorBoardTests {
  private func record(_ step: Int, loss: Double, norms: [String: Double]? = nil) -> StepRecord {
    StepRecord(
      step: step, steps: 9, losses: ["loss": loss, "ot": 0.25, "sweeps": 12], learningRate: 1e-3, gradientNorm: 2,
      seconds: 0.5, parts: ["compute": 0.375], slowest: 0, samplesPerSecond: 64, operations: 1e9, ranks: [],
      norms: norms, factors: norms)
  }

  private func names(_ folder: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }

  @Test func checksumsAreTFRecords() {
    // The check value of CRC-32C, and how TensorFlow's own files begin: a length of 24 and its masked checksum.
    #expect(MaskedChecksum.crc(Array("123456789".utf8)) == 0xE306_9283)
    #expect(MaskedChecksum.of([24, 0, 0, 0, 0, 0, 0, 0]) == 0x224B_7FA3)
  }

  @Test func everyNumberOfAStepHasATag() {
    let scalars = TensorBoardLog.scalars(record(1, loss: 3, norms: ["ot": 7]))
    #expect(
      scalars == [
        "loss/total": 3, "loss/transport": 0.25, "detail/sweeps": 12, "optimizer/learning_rate": 1e-3,
        "optimizer/refused": 0,
        "optimizer/gradient_norm": 2, "speed/samples_per_second": 64, "speed/gflops": 2, "seconds/step": 0.5,
        "seconds/compute": 0.375, "norm/transport": 7, "factor/transport": 7,
      ])
  }

  /// Clocks of hosts differ: a later start's file comes after an earlier one's all the same.
  @Test func aLaterStartsFileHasALaterName() throws {
    try withTemporaryFolder { folder in
      for seconds in [1_800_000_000.0, 1_700_000_000, 1_900_000_000] {
        try TensorBoardLog(folder, clock: { Date(timeIntervalSince1970: seconds) })
          .append(record(1, loss: 1), phase: "student")
      }
      #expect(
        try names(folder.appendingPathComponent("student"))
          == [1_800_000_000, 1_800_000_001, 1_900_000_000].map { "events.out.tfevents.\($0).evl-dist" })
    }
  }

  /// TensorBoard itself, on what a killed start and the one after it wrote.
  @Test(.enabled(if: PythonReaders.arePresent)) func tensorBoardShowsEachStepOnceAlsoAfterAResume() throws {
    try withTemporaryFolder { folder in
      let killed = TensorBoardLog(folder, clock: { Date(timeIntervalSince1970: 100) })
      for step in 1...2 { try killed.append(record(step, loss: 8), phase: "teacher") }
      for step in 1...6 {
        try killed.append(record(step, loss: 5, norms: step == 5 ? ["ot": 1] : nil), phase: "student")
      }
      let student = folder.appendingPathComponent("student")
      let file = student.appendingPathComponent(try #require(names(student).first))
      let bytes = try Data(contentsOf: file)
      try bytes.dropLast(7).write(to: file)

      let next = TensorBoardLog(folder, clock: { Date(timeIntervalSince1970: 200.5) })
      for step in 4...9 { try next.append(record(step, loss: 0.5), phase: "student") }
      let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("read_events.py")
      let runs: [String: [String: [[Double]]]] = try PythonReaders.json(script, [folder.path])
      #expect(runs["teacher"]?["loss/total"] == [[1, 8, 100], [2, 8, 100]])
      #expect(
        runs["student"]?["loss/total"] == (1...3).map { [Double($0), 5, 100] }
          + (4...9).map { [Double($0), 0.5, 200.5] })
      #expect(runs["student"]?["norm/transport"]?.isEmpty ?? true, "measured at step 5, which was done again without")
      let tags = try #require(runs["student"]).keys
      #expect(Set(tags).isSuperset(of: TensorBoardLog.scalars(record(1, loss: 1)).keys))
    }
  }

  /// The numbers stand in metrics.jsonl, so a run does not end for want of their second home.
  @Test func aFolderThatCannotBeWrittenIsWarnedOfOnce() throws {
    try withTemporaryFolder { folder in
      let occupied = folder.appendingPathComponent("tensorboard")
      try Data().write(to: occupied)
      let observer = RunObserver(
        terminal: Terminal(isInteractive: false), metrics: MetricsLog(folder.appendingPathComponent("metrics.jsonl")),
        tensorBoard: TensorBoardLog(occupied), write: { _ in })
      for step in 1...3 { try observer.finished(record(step, loss: 1), phase: "student") }
      #expect(observer.warned.count == 1 && observer.warned.allSatisfy { $0.hasPrefix("TensorBoard") })
      let metrics = try String(contentsOf: folder.appendingPathComponent("metrics.jsonl"), encoding: .utf8)
      #expect(metrics.split(separator: "\n").count == 3)
    }
  }
}
