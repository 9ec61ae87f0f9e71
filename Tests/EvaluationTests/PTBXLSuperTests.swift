import Foundation
import Tensors
import TestSupport
import Testing

@testable import Evaluation

@Suite struct PTBXLSuperTests {
  private let task = LabelMetrics(trained: .superclasses, subset: "made-up records")

  /// Records whose probabilities follow their labels more or less closely.
  private func answers(_ count: Int, noise: Double, seed: UInt64 = 1) -> [LabelAnswer] {
    (0..<count).map { index in
      var truth = CounterRandom(seed: 3, purpose: "truth", sample: UInt64(index))
      var random = CounterRandom(seed: seed, purpose: "answers", sample: UInt64(index))
      let gold = Set(PTBXLSuper.classes.filter { _ in truth.uniform() < 0.3 })
      let probabilities = PTBXLSuper.classes.map { label in
        1 / (1 + exp(-((gold.contains(label) ? 1 : -1) + noise * random.normal())))
      }
      let read = zip(PTBXLSuper.classes, probabilities).filter { $0.1 >= 0.5 }.map(\.0)
      return LabelAnswer(
        id: "r\(index)", gold: gold, probabilities: probabilities, text: read.joined(separator: "; "))
    }
  }

  @Test func everyMetricLiesInItsInterval() throws {
    let report = try task.report(answers(200, noise: 2))
    let probabilities = try #require(report.probabilities)
    let text = try #require(report.text)
    let published = try #require(report.ecgBench)
    let estimates =
      [probabilities.macroAUC, probabilities.macroF1, probabilities.hammingLoss, probabilities.exactSetAccuracy]
      + probabilities.classes.flatMap { [$0.auc, $0.f1] } + [text.macroF1, text.hammingLoss, text.exactSetAccuracy]
      + [published.balancedAccuracy, published.macroF1, published.hammingLoss]
    for estimate in estimates {
      let value = try #require(estimate.value)
      #expect(try #require(estimate.low) <= value && value <= #require(estimate.high))
    }
    // The text lists exactly the classes above the threshold, so the three kinds agree where they measure the same.
    #expect(text.macroF1 == probabilities.macroF1 && text.hammingLoss == published.hammingLoss)
    #expect(close(published.macroF1.value, text.macroF1.value))
    #expect(report.records + report.recordsWithoutLabel == 200 && report.recordsWithoutLabel > 0)
  }

  @Test func reportsAreDeterministicAndSurviveJSON() throws {
    let report = try task.report(answers(60, noise: 1))
    #expect(try report == task.report(answers(60, noise: 1)))
    #expect(try JSONDecoder().decode(LabelReport.self, from: report.json()) == report)
    let other = LabelMetrics(trained: .superclasses, subset: "made-up records", bootstrap: Bootstrap(seed: 8))
    #expect(try other.report(answers(60, noise: 1)).probabilities?.macroAUC.low != report.probabilities?.macroAUC.low)
  }

  @Test func theTableIsOfFixedWidthAndNamesTheKindsApart() throws {
    let table = try task.report(answers(60, noise: 1)).table()
    #expect(table.hasPrefix("ptb-xl-super: made-up records, "))
    for title in ["Probabilities", "Text, whole words", "Text, ECGBench's rules, x 100", "\"AUC\" (balanced accuracy)"]
    {
      #expect(table.contains(title))
    }
    #expect(table.split(separator: "\n").allSatisfy { $0.count <= 100 && !$0.hasSuffix(" ") })
  }

  @Test func missingClassesAreNamedInTheReport() throws {
    let made = answers(80, noise: 1).map { answer in
      var answer = answer
      answer.gold.remove("HYP")
      answer.gold.insert("NORM")
      return answer
    }
    let report = try task.report(made)
    #expect(report.probabilities?.undefinedClasses == ["NORM", "HYP"])
    #expect(report.probabilities?.macroAUC.value != nil)
    #expect(report.ecgBench?.singleValuedClasses == ["NORM"] && report.ecgBench?.balancedAccuracy.value == nil)
    #expect(report.table().contains("macro AUC is over 3 of 5 classes: NORM, HYP"))
    #expect(report.table().contains("undefined"))
  }

  @Test func aBetterModelIsSeenInThePairedDifference() throws {
    let comparison = try task.compare(answers(300, noise: 1), answers(300, noise: 4, seed: 2))
    let paired = try #require(
      zip(comparison.metrics, comparison.differences).first { $0.0 == "macro AUC" }?.1)
    #expect((paired.difference.low ?? 0) > 0 && (paired.pValue ?? 1) < 0.01)
    let itself = try task.compare(answers(50, noise: 1), answers(50, noise: 1).reversed())
    #expect(itself.differences.allSatisfy { $0.difference.value == 0 && $0.pValue == 1 })
    #expect(comparison.unshared.isEmpty && comparison.metrics.count == comparison.differences.count)
  }

  @Test func tiesAreToldOfByClass() throws {
    #expect(try !task.report(answers(60, noise: 1)).remarks.contains { $0.contains("ties") })
    var even = answers(60, noise: 1)
    for place in even.indices { even[place].probabilities?[1] = 0.5 }
    let remarks = try task.report(even).remarks.filter { $0.contains("ties") }
    #expect(remarks.count == 1 && remarks[0].hasSuffix("equal probabilities: MI 100%"), "\(remarks)")
  }

  @Test func answersThatCannotBeScoredAreRefusedByName() {
    func refused(_ change: (inout [LabelAnswer]) -> Void) -> String {
      var made = answers(10, noise: 1).filter { !$0.gold.isEmpty }
      change(&made)
      return #expect(throws: UserError.self) { try task.report(made) }?.message ?? ""
    }
    #expect(refused { $0[1].probabilities = [0, 0, .nan, 0, 0] }.contains("STTC is nan"))
    #expect(refused { $0[1].probabilities = [0, 0, 2, 0, 0] }.contains("probability of STTC"))
    #expect(refused { $0[1].probabilities = [0, 0] }.contains("2 values for 5 classes"))
    #expect(refused { $0[1].probabilities = nil }.contains("has no probabilities"))
    #expect(refused { $0[1].text = nil }.contains("has no text"))
    #expect(refused { $0[1].id = $0[0].id }.contains("occurs twice"))
    #expect(refused { $0[1].gold = ["MIX"] }.contains("\"MIX\" is not one of"))
    #expect(refused { $0.removeAll() }.contains("nothing to score"))
    #expect(throws: UserError.self) { try task.compare(answers(10, noise: 1), answers(11, noise: 1)) }
  }

  @Test func textAloneAndProbabilitiesAloneAreScored() throws {
    let text = try task.report(answers(30, noise: 1).map { LabelAnswer(id: $0.id, gold: $0.gold, text: "MI") })
    #expect(text.probabilities == nil && text.ecgBench != nil)
    let read = try #require(text.text?.classes)
    #expect(
      read.map(\.name) == PTBXLSuper.classes
        && read.map(\.f1.value).reduce(0) { $0 + ($1 ?? 0) } / 5 == text.text?.macroF1.value)
    let infarctions = try #require(text.positives["MI"])
    #expect(
      read[1].counts
        == ConfusionCounts(
          truePositives: infarctions, falsePositives: text.records - infarctions, falseNegatives: 0, trueNegatives: 0))
    #expect(text.table().contains("Class in the text"))
    let numbers = try task.report(
      answers(30, noise: 1).map { LabelAnswer(id: $0.id, gold: $0.gold, probabilities: $0.probabilities) })
    #expect(numbers.probabilities != nil && numbers.text == nil && numbers.ecgBench == nil)
  }

  @Test func decimalsAreRounded() {
    #expect(TextTable.decimals(0.9996, 3) == "1.000" && TextTable.decimals(-0.0004, 3) == "0.000")
    #expect(TextTable.decimals(-12.345, 1) == "-12.3" && TextTable.decimals(95, 0) == "95")
    #expect(TextTable.decimals(0.05, 3) == "0.050" && TextTable.decimals(.nan, 3) == "nan")
  }
}
