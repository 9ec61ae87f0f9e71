import Corpus
import Foundation
import TestSupport
import Testing
import Training

@testable import Reporting

@Suite struct ReportingTests {
  private func record(_ step: Int, seconds: Double = 0.5) -> StepRecord {
    StepRecord(
      step: step, steps: 200, losses: ["loss": 1.234, "ce": 0.5, "mhca": 210, "rel": 0.004, "ot": 1e-7, "sweeps": 12],
      learningRate: 1e-3, gradientNorm: 2, seconds: seconds, parts: ["compute": 0.4], slowest: 0, samplesPerSecond: 64,
      operations: 1e9,
      ranks: [.init(rank: 0, shards: [0, 1], samples: 8)])
  }

  @Test func theLineShowsProgressLossesSpeedAndTimeLeftWithinTheWidth() {
    var line = ProgressLine()
    let text = line.text(record(100), phase: "student", width: 160)
    #expect(text.contains("student 100/200") && text.contains("━━━━━━━━────────"))
    #expect(text.contains("loss 1.23  ce 0.50  mhca 210  rel 0.0040  ot 1.0e-07"))
    #expect(text.contains("64.0 samples/s  0:50 left") && !text.contains("sweeps"))
    for width in [20, 60, 100] { #expect(line.text(record(7), phase: "teacher", width: width).count <= width) }
  }

  @Test func durationsAndNumbersReadWell() {
    #expect(ProgressLine.duration(42) == "0:42" && ProgressLine.duration(725) == "12:05")
    #expect(ProgressLine.duration(11_050) == "3:04:10" && ProgressLine.duration(-1) == "0:00")
    #expect(ProgressLine.number(0) == "0" && ProgressLine.number(.nan) == "nan")
    #expect(RunObserver.grouped(1_234_567) == "1,234,567" && RunObserver.grouped(12) == "12")
  }

  @Test func linesThatCannotBeWrittenAreHeldAndWrittenLater() throws {
    guard let disk = SmallDisk(bytes: 1 << 20) else { return }
    let url = disk.folder.appendingPathComponent("metrics.jsonl")
    let log = MetricsLog(url)
    for step in 1...20 { try log.append(record(step), phase: "student") }
    disk.resize(disk.used)
    var failures = 0
    for step in 21...60 { do { try log.append(record(step), phase: "student") } catch { failures += 1 } }
    // What is there is whole lines.
    let written = try String(contentsOf: url, encoding: .utf8)
    #expect(failures > 20 && written.hasSuffix("}\n"))
    disk.resize(1 << 20)
    try log.append(record(61), phase: "student")
    let steps = try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map { line in
      (try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?["step"] as? Int
    }
    #expect(steps == Array(1...61))
  }

  @Test func eachStepStandsOnceInTheLogAlsoAfterAResume() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("metrics.jsonl")
      let log = MetricsLog(url, clock: { Date(timeIntervalSince1970: 0) })
      for step in 1...4 { try log.append(record(step), phase: "teacher") }
      for step in 1...5 { try log.append(record(step), phase: "student") }
      let again = MetricsLog(url)
      // What a damaged disk made of a line.
      try (Data(contentsOf: url) + Data([0xFF, 0xFE, 0x0A])).write(to: url)
      try again.rewind(phase: "student", to: 2)
      for step in 3...5 { try again.append(record(step), phase: "student") }
      let lines = try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map {
        try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] ?? [:]
      }
      #expect(lines.compactMap { $0["step"] as? Int } == [1, 2, 3, 4, 1, 2, 3, 4, 5])
      let ranks = lines[0]["ranks"] as? [[String: Any]]
      #expect(ranks?[0]["shards"] as? [Int] == [0, 1] && ranks?[0]["samples"] as? Int == 8)
      #expect(lines[0]["time"] as? String == "1970-01-01T00:00:00Z")
    }
  }

  @Test func anEvaluationTellsOfItsRecordsAndLeavesItsLineToTheResult() throws {
    try withTemporaryFolder { folder in
      var written = ""
      func observer(interactive: Bool) -> RunObserver {
        written = ""
        return RunObserver(
          terminal: Terminal(isInteractive: interactive, width: 60),
          metrics: MetricsLog(folder.appendingPathComponent("none")), write: { written += $0 })
      }
      let watched = observer(interactive: true)
      for done in [1, 3, 4] { watched.progress("evaluating", done: done, of: 4) }
      watched.note("macro AUC 0.9")
      #expect(written.contains("\r\u{1B}[Kevaluating 3/4  ━━━━━━━━━━━━────  0:00 left"))
      #expect(written.hasSuffix("\r\u{1B}[Kmacro AUC 0.9\n") && !written.contains("4/4"))
      let logged = observer(interactive: false)
      for done in 1...4 { logged.progress("evaluating", done: done, of: 4) }
      #expect(written.isEmpty, "it was over before a line was due")
      #expect(
        ProgressLine.text("evaluating", done: 10, of: 40, seconds: 20, width: 40)
          == "evaluating 10/40  1:00 left")
    }
  }

  @Test func whatOthersPrintBeginsALineOfItsOwn() throws {
    try withTemporaryFolder { folder in
      var written = ""
      let observer = RunObserver(
        terminal: Terminal(isInteractive: true, width: 60), metrics: MetricsLog(folder.appendingPathComponent("m")),
        write: { written += $0 })
      try observer.finished(record(3), phase: "student")
      #expect(!written.hasSuffix("\n"))
      observer.end()
      observer.end()
      #expect(written.hasSuffix("left\n") && !written.hasSuffix("\n\n"))
    }
  }

  @Test func aTerminalGetsOneRewrittenLineAndALogPlainLines() throws {
    try withTemporaryFolder { folder in
      func output(interactive: Bool) throws -> String {
        var written = ""
        let observer = RunObserver(
          terminal: Terminal(isInteractive: interactive, width: 120),
          metrics: MetricsLog(folder.appendingPathComponent("\(interactive).jsonl")), write: { written += $0 })
        for step in [1, 2, 200] { try observer.finished(record(step), phase: "student") }
        observer.note("done")
        return written
      }
      let rewritten = try output(interactive: true)
      #expect(rewritten.components(separatedBy: "\r").count == 4 && rewritten.hasSuffix("left\ndone\n"))
      let plain = try output(interactive: false)
      #expect(!plain.contains("\r") && plain.split(separator: "\n").count == 3)
    }
  }

  @Test func theLineOfAStoreIsRewrittenOrToldWithEachPart() {
    func output(interactive: Bool) -> String {
      var written = ""
      let line = StoreProgressLine(
        terminal: Terminal(isInteractive: interactive, width: 60), write: { written += $0 })
      for done in 1...4 {
        line.show(
          StoreProgress(done: done, samples: 4, found: 0, parts: 2, partsDone: done / 3, seconds: Double(done)))
      }
      line.end()
      return written
    }
    let rewritten = output(interactive: true)
    #expect(rewritten.components(separatedBy: "\r\u{1B}[K").count == 5)
    #expect(rewritten.hasSuffix("left\n") && rewritten.split(separator: "\n").count == 1)
    // The first, the first of the second part, and the last.
    let plain = output(interactive: false)
    #expect(!plain.contains("\r") && plain.split(separator: "\n").count == 3)
  }
}
