import Tensors
import Testing

@testable import Evaluation

@Suite struct MetricTests {
  @Test func aucEqualsScikitLearnAlsoWithTiesAndSingleValuedClasses() throws {
    for expected in Expected.auc {
      var draw = Congruential(expected.seed)
      var scores: [[Double]] = []
      var gold: [[Bool]] = []
      for _ in 0..<expected.count {
        scores.append([Double(draw.below(expected.levels))])
        gold.append([draw.below(1000) < expected.permille])
      }
      let ids = names(expected.count)
      let ranked = try RankedScores(
        gold: LabelTable(classes: ["x"], ids: ids, rows: gold),
        scores: ScoreTable(classes: ["x"], ids: ids, rows: scores))
      #expect(close(ranked.auc(class: 0), expected.value), "seed \(expected.seed)")
    }
  }

  @Test func labelMetricsEqualScikitLearn() throws {
    for expected in Expected.labels {
      let (gold, scores) = try tables(expected)
      let ranked = try RankedScores(gold: gold, scores: scores)
      for column in expected.auc.indices { #expect(close(ranked.auc(class: column), expected.auc[column])) }
      #expect(close(macroAUC(ranked), expected.macroAUC))
      let agreement = try LabelAgreement(gold: gold, predicted: scores.thresholded())
      for (counts, f1) in zip(agreement.confusion(), expected.f1) { #expect(close(counts.f1, f1)) }
      #expect(close(agreement.macroF1(), expected.macroF1))
      #expect(close(agreement.hammingLoss(), expected.hamming))
      #expect(close(share(of: agreement.exactMatches), expected.exact))
    }
  }

  @Test func aucCountsPairsAndTiesHalf() throws {
    let (gold, scores) = try tables(Expected.labels[0])
    let ranked = try RankedScores(gold: gold, scores: scores)
    for column in gold.classes.indices {
      var (wins, pairs, ties) = (0.0, 0.0, 0.0)
      for one in gold.ids.indices where gold[one, column] {
        for other in gold.ids.indices where !gold[other, column] {
          pairs += 1
          if scores[one, column] > scores[other, column] { wins += 1 }
          if scores[one, column] == scores[other, column] { ties += 1 }
        }
      }
      #expect(close(ranked.auc(class: column), (wins + ties / 2) / pairs))
      #expect(close(ranked.tiedShare(class: column), ties / pairs))
    }
  }

  @Test func weightsCountRecordsAsIfRepeated() throws {
    var draw = Congruential(5)
    let count = 40
    let gold = (0..<count).map { _ in [draw.below(3) == 0, draw.below(2) == 0] }
    let scores = (0..<count).map { _ in [Double(draw.below(9)), Double(draw.below(9))] }
    let weights = (0..<count).map { _ in draw.below(4) }
    let repeated = weights.indices.flatMap { [Int](repeating: $0, count: weights[$0]) }
    func make(_ places: [Int]) throws -> (RankedScores, LabelAgreement) {
      let ids = names(places.count)
      let truth = try LabelTable(classes: ["a", "b"], ids: ids, rows: places.map { gold[$0] })
      let scored = try ScoreTable(classes: ["a", "b"], ids: ids, rows: places.map { scores[$0] })
      let hard = scored.thresholded(at: 4)
      return (try RankedScores(gold: truth, scores: scored), try LabelAgreement(gold: truth, predicted: hard))
    }
    let (ranked, agreement) = try make(Array(0..<count))
    let (longRanked, longAgreement) = try make(repeated)
    for column in 0..<2 {
      #expect(ranked.auc(class: column, weights: weights) == longRanked.auc(class: column))
    }
    #expect(agreement.confusion(weights: weights) == longAgreement.confusion())
    #expect(share(of: agreement.exactMatches, weights: weights) == share(of: longAgreement.exactMatches))
  }

  /// Over the classes for which it is defined.
  private func macroAUC(_ ranked: RankedScores) -> Double? {
    let areas = ranked.classes.indices.map { ranked.auc(class: $0) }
    return LabelMetrics.macro(areas, over: areas.indices.filter { areas[$0] != nil })
  }

  @Test func theMacroIsOverTheClassesThatAreDefined() throws {
    let ids = names(4)
    let gold = try LabelTable(
      classes: ["a", "none", "all"], ids: ids, sets: [["a", "all"], ["all"], ["a", "all"], ["all"]])
    let scores = try ScoreTable(
      classes: gold.classes, ids: ids, rows: [[0.9, 0.1, 0.2], [0.1, 0.3, 0.4], [0.8, 0, 0], [0.2, 0, 0]])
    let ranked = try RankedScores(gold: gold, scores: scores)
    #expect((0..<3).map { ranked.auc(class: $0) } == [1, nil, nil] && macroAUC(ranked) == 1)
    // A resample that leaves a class undefined which is defined on all records has no macro.
    #expect(LabelMetrics.macro([1, nil, nil], over: [0, 1]) == nil && LabelMetrics.macro([], over: []) == nil)
  }

  @Test func noRecordsMakeEveryMetricUndefined() throws {
    let gold = try LabelTable(classes: ["a"], ids: [], rows: [])
    let agreement = try LabelAgreement(gold: gold, predicted: gold)
    #expect(agreement.hammingLoss() == nil && share(of: agreement.exactMatches) == nil)
    let ranked = try RankedScores(gold: gold, scores: ScoreTable(classes: ["a"], ids: [], rows: []))
    #expect(ranked.auc(class: 0) == nil && macroAUC(ranked) == nil)
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity]) func scoresThatAreNotFiniteAreRefusedByRecord(_ bad: Double) {
    let error = #expect(throws: UserError.self) {
      try ScoreTable(classes: ["MI", "CD"], ids: ["00001", "00002"], rows: [[0.1, 0.2], [0.3, bad]])
    }
    #expect(error?.message.contains("00002") == true && error?.message.contains("CD") == true)
    #expect(error?.kind == .badInput)
  }

  @Test func tablesThatDoNotFitAreRefused() throws {
    let table = try LabelTable(classes: ["a"], ids: ["1", "2"], rows: [[true], [false]])
    #expect(throws: UserError.self) { try LabelTable(classes: ["a"], ids: ["1", "1"], rows: [[true], [false]]) }
    #expect(throws: UserError.self) { try LabelTable(classes: ["a"], ids: ["1"], rows: [[true, false]]) }
    #expect(throws: UserError.self) { try LabelTable(classes: ["a", "a"], ids: ["1"], rows: [[true, false]]) }
    #expect(throws: UserError.self) { try LabelTable(classes: ["a"], ids: ["1", "2"], rows: [[true]]) }
    #expect(throws: UserError.self) { try LabelTable(classes: ["a"], ids: ["1"], sets: [["b"]]) }
    let swapped = try LabelTable(classes: ["a"], ids: ["2", "1"], rows: [[true], [false]])
    #expect(throws: UserError.self) { try LabelAgreement(gold: table, predicted: swapped) }
    let probabilities = try ScoreTable(classes: ["a"], ids: ["1"], rows: [[1.5]])
    #expect(throws: UserError.self) { try probabilities.requireProbabilities() }
  }

  @Test func overlapEqualsRougeScore() {
    let words = ["sinus", "rhythm", "normal", "axis", "left", "ecg", "no", "st", "changes", "q"]
    for expected in Expected.overlap {
      var draw = Congruential(expected.seed)
      let texts = (0..<2).map { _ in
        let count = 1 + draw.below(expected.longest)
        return (0..<count).map { _ in words[draw.below(10)] }.joined(separator: " ")
      }
      let overlap = TextOverlap(reference: texts[0], generated: texts[1])
      #expect(close(overlap.rougeL, expected.rougeL) && close(overlap.tokenF1, expected.tokenF1))
    }
  }

  @Test func overlapOfEmptyAndEqualTextsIsDefined() {
    #expect(TextOverlap(reference: "", generated: " . ").tokenF1 == 1)
    #expect(TextOverlap(reference: "Sinus rhythm", generated: "").rougeL == 0)
    let same = TextOverlap(reference: "Überleitungsstörung, AV-Block I°.", generated: "überleitungsstörung AV block I")
    #expect(same.tokenF1 == 1 && same.rougeL == 1)
    let reversed = TextOverlap(reference: "a b c", generated: "c b a")
    #expect(reversed.tokenF1 == 1 && close(reversed.rougeL, 1 / 3))
  }

  private func tables(_ expected: Expected.Labels) throws -> (LabelTable, ScoreTable) {
    var draw = Congruential(expected.seed)
    var gold: [[Bool]] = []
    var scores: [[Double]] = []
    for _ in 0..<expected.count {
      var bits: [Bool] = []
      var row: [Double] = []
      for _ in 0..<expected.width {
        bits.append(draw.below(1000) < expected.permille)
        row.append(Double(draw.below(101)) / 100)
      }
      gold.append(bits)
      scores.append(row)
    }
    let ids = names(expected.count)
    let classes = (0..<expected.width).map { "class\($0)" }
    return (
      try LabelTable(classes: classes, ids: ids, rows: gold), try ScoreTable(classes: classes, ids: ids, rows: scores)
    )
  }
}
