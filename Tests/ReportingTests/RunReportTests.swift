import Evaluation
import Foundation
import Tensors
import TestSupport
import Testing
import Training

@testable import Reporting

/// The page of a run: what it shows, that it stands alone, and that no file of a run can break it.
@Suite struct RunReportTests {
  /// What holds of every page, whatever it shows.
  static func expectASoundPage(_ html: String, _ location: SourceLocation = #_sourceLocation) -> PageReader {
    let page = PageReader(html)
    #expect(page.problem == nil, sourceLocation: location)
    // Nothing is fetched and nothing runs.
    for link in page.values("src") + page.values("href") + page.values("xlink:href") {
      #expect(link.hasPrefix("#") || link.hasPrefix("data:"), "\(link)", sourceLocation: location)
    }
    let active = page.all("script") + page.all("iframe") + page.all("object") + page.all("form")
    #expect(active.isEmpty, sourceLocation: location)
    let handlers = page.elements.flatMap(\.attributes.keys).filter { $0.hasPrefix("on") }
    #expect(handlers.isEmpty, sourceLocation: location)
    let style = page.all("style").map(\.text).joined()
    #expect(!style.contains("url(") && !style.contains("@import"), sourceLocation: location)
    let policy = page.all("meta").first { $0.attributes["http-equiv"] == "Content-Security-Policy" }
    #expect(policy?.attributes["content"]?.contains("default-src 'none'") == true, sourceLocation: location)
    // Names are unique, and what is referred to is there.
    let ids = page.values("id")
    #expect(Set(ids).count == ids.count, "\(ids.filter { id in ids.count { $0 == id } > 1 })", sourceLocation: location)
    let named = page.values("aria-labelledby").flatMap { $0.split(separator: " ").map(String.init) }
    let linked = page.values("href").filter { $0.hasPrefix("#") }.map { String($0.dropFirst()) }
    #expect(Set(named + linked).subtracting(ids) == [], sourceLocation: location)
    // Headings go down one level at a time, from one h1.
    let levels = page.elements.compactMap {
      $0.name.count == 2 && $0.name.hasPrefix("h") ? Int($0.name.dropFirst()) : nil
    }
    #expect(levels.first == 1 && levels.count { $0 == 1 } == 1, sourceLocation: location)
    #expect(zip(levels, levels.dropFirst()).allSatisfy { $1 <= $0 + 1 }, "\(levels)", sourceLocation: location)
    // Drawings speak.
    for drawing in page.all("svg") {
      #expect(
        drawing.attributes["role"] == "img" && drawing.attributes["aria-labelledby"] != nil, sourceLocation: location)
    }
    return page
  }

  @Test func aFinishedRunIsShownInFull() throws {
    try withTemporaryFolder { folder in
      let made = MadeRun(folder: folder.appendingPathComponent("made"))
      try made.write(settings: ["train.shards=4"])
      try made.writeResults()
      let page = Self.expectASoundPage(try made.html())
      let after = try made.reported().results?.after?.probabilities?.macroAUC.value
      for words in [
        "made", "Finished.", PageNumber.decimals(after, 3), "60 of 60", "20 of 20", "train.shards", "cross-entropy",
        "optimal transport", "OpenBLAS", "made records", "bit for bit",
      ] { #expect(page.text.contains(words), "\(words)") }
      for id in [
        "curve-student-loss", "curve-student-mhca", "split-student", "auc-classes", "roc-0", "confusion-4",
        "answer-drawn-0",
      ] {
        #expect(page.values("id").contains { $0 == id || $0 == id + "-t" }, "\(id)")
      }
      #expect(page.all("article").count == 6)
      #expect(!page.text.contains("keeps no answers"))
      // The same run gives the same page.
      #expect(try made.html() == made.html())
    }
  }

  @Test func whatIsMissingIsNamedWithHowToGetIt() throws {
    try withTemporaryFolder { folder in
      let made = MadeRun(folder: folder.appendingPathComponent("made"))
      try made.write(steps: 3, of: 60)
      let going = Self.expectASoundPage(try made.html()).text
      #expect(going.contains("The run has not ended") && going.contains("There is no checkpoint"))
      try made.writeResults(answers: false)
      let older = Self.expectASoundPage(try made.html()).text
      #expect(older.contains("keeps no answers") && older.contains("runs of earlier ones have none"))
      try made.write(settings: ["evaluation.enabled=false"])
      try FileManager.default.removeItem(at: made.file("results.json"))
      #expect(Self.expectASoundPage(try made.html()).text.contains("evaluation.enabled is false"))
      for name in ["config.yaml", "metrics.jsonl"] { try FileManager.default.removeItem(at: made.file(name)) }
      let bare = Self.expectASoundPage(try made.html()).text
      #expect(bare.contains("config.yaml is missing") && bare.contains("No step is logged yet"))
    }
  }

  @Test func aLineThatIsBeingWrittenIsLeftOutAndTold() throws {
    try withTemporaryFolder { folder in
      let made = MadeRun(folder: folder.appendingPathComponent("made"))
      try made.write(steps: 5)
      let whole = try Data(contentsOf: made.file("metrics.jsonl"))
      try made.put("metrics.jsonl", whole.dropLast(40))
      let reading = try MetricsReading(made.file("metrics.jsonl"))
      #expect(reading["student"]?.steps.map(\.step) == [1, 2, 3, 4] && reading["teacher"]?.steps.count == 20)
      #expect(reading.remarks.count == 1 && reading.remarks[0].contains("not complete yet"))
      #expect(Self.expectASoundPage(try made.html()).text.contains("not complete yet"))
      try made.put("metrics.jsonl", Data("{}\n".utf8) + whole)
      let damaged = try MetricsReading(made.file("metrics.jsonl"))
      #expect(damaged["student"]?.steps.count == 5 && damaged.remarks.first?.hasPrefix("1 line of") == true)
      let last = try #require(damaged["student"]?.steps.last)
      // Names of loss parts are kept as they are, those of a record's keys are not.
      #expect(last.losses["rel_A"] == 0.5 && last.samplesPerSecond == 120 && last.ranks.count == 2)
    }
  }

  @Test func noTextOfARunIsMarkup() throws {
    try withTemporaryFolder { folder in
      let made = MadeRun(folder: folder.appendingPathComponent("<script>alert(1)<&'\"}}{{title"))
      try made.write(settings: ["data.kind=wfdb", "data.path='<img src=x onerror=a>'"])
      try made.writeResults()
      var answers = made.answers(0.25).map { KeptAnswer($0) }
      for index in answers.indices {
        answers[index].id = "<script>\(index)"
        answers[index].text = "</dd><script>x</script>{{{id}}}\u{1}\u{1B}"
      }
      try made.put("answers-after.jsonl", try KeptAnswers(answers).jsonLines())
      let page = Self.expectASoundPage(try made.html())
      #expect(page.all("img").isEmpty && page.all("i").isEmpty && page.all("b").isEmpty)
      for words in [
        "<script>alert(1)<&'\"}}{{title", "<img src=x onerror=a>", "<b>CPU</b>", "{{{id}}}\u{FFFD}\u{FFFD}",
      ] {
        #expect(page.text.contains(words), "\(words)")
      }
    }
  }

  @Test func recordsOfOneTruthHaveNoCurve() throws {
    try withTemporaryFolder { folder in
      let made = MadeRun(folder: folder.appendingPathComponent("made"))
      try made.write()
      try made.writeResults(count: 1)
      let text = Self.expectASoundPage(try made.html()).text
      #expect(text.contains("No class is both present and absent") && !text.contains("keeps no answers"))
    }
  }

  @Test func answersOfAnotherEvaluationAreLeftOut() throws {
    try withTemporaryFolder { folder in
      let made = MadeRun(folder: folder.appendingPathComponent("made"))
      try made.write()
      try made.writeResults()
      let others = MadeRun(folder: folder, seed: 2).answers(0.25)
      try made.put("answers-after.jsonl", try KeptAnswers(others.map { KeptAnswer($0) }).jsonLines())
      let run = try made.reported()
      #expect(Set(run.answers.keys) == [.teacher, .before])
      #expect(run.problems.contains { $0.contains("answers-after.jsonl is not of the evaluation") })
      let text = Self.expectASoundPage(try made.html()).text
      #expect(text.contains("No curve of the student after") && !text.contains("No curve of the student before"))
      try FileManager.default.removeItem(at: made.file("results.json"))
      try FileManager.default.createDirectory(at: made.file("results.json"), withIntermediateDirectories: false)
      #expect(try made.reported().problems.contains { $0.contains("results.json cannot be read") })
      _ = Self.expectASoundPage(try made.html())
    }
  }

  /// Whatever the files hold, there is a sound page or a message.
  @Test func damagedFilesGiveAPageOrAMessage() throws {
    try withTemporaryFolder { folder in
      let made = MadeRun(folder: folder.appendingPathComponent("made"))
      try made.write(steps: 4)
      try made.writeResults()
      let names = ["config.yaml", "environment.json", "metrics.jsonl", "results.json", "answers-after.jsonl"]
      let whole = try names.map { try Data(contentsOf: made.file($0)) }
      var random = CounterRandom(seed: 3, purpose: "damage")
      for round in 0..<60 {
        let place = round % names.count
        var damaged = whole[place]
        for _ in 0..<(1 + random.integer(below: 4)) {
          damaged[random.integer(below: damaged.count)] = UInt8(random.integer(below: 256))
        }
        if random.integer(below: 2) == 0 { damaged = damaged.prefix(random.integer(below: damaged.count)) }
        try made.put(names[place], damaged)
        do { _ = Self.expectASoundPage(try made.html()) } catch let error as UserError {
          #expect(error.kind != .internalFault, "\(error)")
        }
        try made.put(names[place], whole[place])
      }
    }
  }

  @Test func numbersBeyondAllBoundsAreDrawnAsFarAsTheyCanBe() throws {
    let values = [0, -1, 1e308, -1e308, Double.leastNonzeroMagnitude, 1e-307, 12, .infinity, .nan]
    for first in values {
      for second in values {
        for scale in [ChartAxis.Scale.linear, .logarithmic] {
          let chart = LineChart(
            series: [.init(name: "x", style: "s1", points: [(1, first), (2, second), (3, 1)])], scale: scale,
            smoothing: 3)
          let drawing = chart.drawing(id: "a", title: "x")
          #expect(!drawing.contains("nan") && !drawing.contains("inf"), "\(first) \(second)")
          #expect(PageReader(drawing).problem == nil)
        }
      }
    }
    for value in values {
      #expect(!PageNumber.short(value).isEmpty && !PageNumber.decimals(value, 3).isEmpty)
      #expect(!PageNumber.duration(value).isEmpty)
    }
  }

  @Test func aFolderThatIsNoRunIsRefused() throws {
    try withTemporaryFolder { folder in
      let none = #expect(throws: UserError.self) {
        try ReportedRun(folder.appendingPathComponent("none"), state: .init(text: "", isFinished: false))
      }
      #expect(none?.kind == .inputOutput)
      let empty = #expect(throws: UserError.self) {
        try ReportedRun(folder, state: .init(text: "", isFinished: false))
      }
      #expect(empty?.kind == .badInput)
      let made = MadeRun(folder: folder.appendingPathComponent("made"))
      try made.write()
      let report = RunReport(
        try made.reported(), plans: .failure(MissingExhibit(reason: "", remedy: "")), program: "evl-dist")
      let closed = #expect(throws: UserError.self) {
        try report.write(to: folder.appendingPathComponent("none/report.html"))
      }
      #expect(closed?.kind == .inputOutput)
    }
  }

  @Test func axesEndOnRoundNumbersAndHoldTheirValues() {
    let axis = ChartAxis(holding: [0.83, 0.91])
    #expect(axis.low <= 0.83 && axis.high >= 0.91 && axis.ticks.count >= 3 && axis.ticks.count <= 7)
    let wide = ChartAxis(holding: [1.7, 430], scale: .logarithmic)
    #expect(wide.scale == .logarithmic && wide.low == 1 && wide.high == 1000 && wide.ticks == [1, 10, 100, 1000])
    #expect(abs(wide.share(10) - 1.0 / 3) < 1e-12)
    #expect(ChartAxis(holding: [0, 430], scale: .logarithmic).scale == .linear, "zero has no logarithm")
    #expect(ChartAxis(holding: [3, 5], includesZero: true).low == 0)
    #expect(ChartAxis(holding: []).share(0.5) == 0.5)
  }

  @Test func numbersReadWell() {
    #expect(PageNumber.short(0.05) == "0.05" && PageNumber.short(1234.4) == "1,234" && PageNumber.short(3e-7) == "3e−7")
    #expect(PageNumber.short(-12.34) == "−12.3" && PageNumber.short(100) == "100" && PageNumber.short(0) == "0")
    #expect(PageNumber.signed(0.0312, 3) == "+0.031" && PageNumber.signed(-0.5, 1) == "−0.5")
    #expect(PageNumber.signed(0.0001, 3) == "0.000" && PageNumber.signed(nil, 3) == "–")
    #expect(PageNumber.decimals(-0.0001, 3) == "0.000" && PageNumber.decimals(nil, 3) == "–")
    #expect(PageNumber.parameters(210_000) == "0.21 M" && PageNumber.parameters(7_100_000_000) == "7.10 B")
    #expect(PageNumber.bytes(1_500_000) == "1.5 MB" && PageNumber.duration(3725) == "1 h 2 min")
  }
}
