import Foundation
import Tensors
import TestSupport
import Testing

@testable import Evaluation

/// Answers as a run keeps them, and the curves that are drawn of them.
@Suite struct KeptAnswerTests {
  /// Answers with ties, a record without a label, odd characters.
  static func answers(_ count: Int = 60, seed: UInt64 = 4) -> [LabelAnswer] {
    var random = CounterRandom(seed: seed, purpose: "kept answers")
    return (0..<count).map { index in
      let gold = Set(PTBXLSuper.classes.filter { _ in random.integer(below: 3) == 0 })
      return LabelAnswer(
        id: "record \(index) \"<&\u{7}", gold: gold,
        probabilities: PTBXLSuper.classes.map { name in
          (Double(random.integer(below: 20)) / 20 + (gold.contains(name) ? 0.3 : 0)) / 1.3
        }, text: gold.sorted().joined(separator: ", "))
    }
  }

  @Test func answersAreReadAsTheyWereWrittenAndScoreTheSame() throws {
    let answers = Self.answers()
    let kept = KeptAnswers(answers.map { KeptAnswer($0) })
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("answers.jsonl")
      try kept.jsonLines().write(to: file)
      let read = try KeptAnswers(contentsOf: file)
      #expect(read == kept)
      #expect(try read.jsonLines() == kept.jsonLines())
      let back = read.answers.compactMap { $0.answer() }
      #expect(back == answers)
    }
  }

  @Test func answersOfARunOfAnAblationAreKeptAsThoseOfAnyRun() throws {
    var answers = Self.answers()
    answers[1].subject = answers[0].id
    try withTemporaryFolder { folder in
      try AblationAnswers(subset: "made", seconds: 1, answers).write(to: folder)
      #expect(AblationAnswers.exist(in: folder))
      let read = try AblationAnswers(in: folder)
      #expect(read.tellsSubjects && read.scored == answers)
      #expect(try read.kept(classes: PTBXLSuper.classes) == answers.map { KeptAnswer($0) })
      // Files of earlier versions do not tell the patients.
      var older = read
      for index in older.answers.indices { older.answers[index].subject = nil }
      let kept = try older.kept(classes: PTBXLSuper.classes)
      #expect(
        !older.tellsSubjects && kept[1].subject == nil && kept[1].probabilities == KeptAnswer(answers[1]).probabilities)
      for damaged in [read.answers + read.answers.prefix(1), Array(read.answers.prefix(1))] {
        var changed = read
        changed.answers = damaged
        let (other, classes) = (changed, damaged.count == 1 ? ["stimulus", "response"] : PTBXLSuper.classes)
        let refused = #expect(throws: UserError.self) { try other.kept(classes: classes) }
        #expect(refused?.kind == .badInput && refused?.message.contains("answers.json") == true)
      }
    }
  }

  @Test func anAnswerWithoutAClassIsNone() {
    var kept = KeptAnswer(Self.answers()[0])
    kept.probabilities?["MI"] = nil
    #expect(kept.answer() == nil)
    kept.probabilities = nil
    #expect(kept.answer()?.probabilities == nil && kept.answer() != nil)
  }

  @Test func damagedFilesAreNamedWithTheLine() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("answers.jsonl")
      let bytes = try KeptAnswers(Self.answers(4).map { KeptAnswer($0) }).jsonLines()
      var random = CounterRandom(seed: 1, purpose: "damage")
      for _ in 0..<200 {
        var damaged = bytes.prefix(random.integer(below: bytes.count))
        if !damaged.isEmpty { damaged[random.integer(below: damaged.count)] = UInt8(random.integer(below: 256)) }
        try damaged.write(to: file)
        do { _ = try KeptAnswers(contentsOf: file) } catch let error as UserError {
          #expect(error.kind == .badInput && error.message.contains("answers.jsonl"))
        }
      }
      let twice = bytes + bytes
      try twice.write(to: file)
      let repeated = #expect(throws: UserError.self) { try KeptAnswers(contentsOf: file) }
      #expect(repeated?.message.contains("twice") == true)
      let missing = #expect(throws: UserError.self) {
        try KeptAnswers(contentsOf: folder.appendingPathComponent("none"))
      }
      #expect(missing?.kind == .inputOutput)
    }
  }

  @Test func theAreaBelowTheCurveIsTheAUC() throws {
    let answers = Self.answers()
    let report = try LabelMetrics(
      trained: .superclasses, subset: "made", bootstrap: Bootstrap(seed: 1, replicates: 1, level: 0.95)
    ).report(
      answers)
    let kept = answers.map { KeptAnswer($0) }
    for scored in try #require(report.probabilities).classes {
      let curve = try #require(ROCCurve(of: scored.name, kept))
      let area = try #require(scored.auc.value)
      #expect(abs(curve.area - area) < 1e-12)
      #expect(curve.points.first == .init(falsePositives: 0, truePositives: 0))
      #expect(curve.points.last == .init(falsePositives: 1, truePositives: 1))
      #expect(
        zip(curve.points, curve.points.dropFirst()).contains {
          $1.falsePositives > $0.falsePositives && $1.truePositives > $0.truePositives
        }, "ties are passed together")
      // What is drawn ends where the curve does and has its area.
      #expect(abs(ROCCurve.area(below: curve.points(within: 0.002)) - curve.area) < 0.005)
    }
  }

  @Test func aCurveNeedsBothTruthsAndNumbers() {
    #expect(ROCCurve(scores: [0.1, 0.2], positive: [true, true]) == nil)
    #expect(ROCCurve(scores: [0.1, 0.2], positive: [false, false]) == nil)
    #expect(ROCCurve(scores: [0.1, .nan], positive: [false, true]) == nil)
    #expect(ROCCurve(scores: [], positive: []) == nil)
    #expect(ROCCurve(scores: [0.1, 0.2], positive: [false, true])?.area == 1)
    #expect(ROCCurve(scores: [0.5, 0.5], positive: [false, true])?.area == 0.5)
  }

  @Test func aLongCurveIsDrawnWithFewPoints() throws {
    var random = CounterRandom(seed: 9, purpose: "curve")
    let positive = (0..<50_000).map { _ in random.integer(below: 2) == 0 }
    let scores = positive.map { Double(random.integer(below: 1_000_000)) + ($0 ? 300_000 : 0) }
    let curve = try #require(ROCCurve(scores: scores, positive: positive))
    let drawn = curve.points(within: 0.002)
    #expect(curve.points.count > 10_000 && drawn.count < 1500, "\(curve.points.count), \(drawn.count)")
    #expect(abs(ROCCurve.area(below: drawn) - curve.area) < 0.003)
  }
}
