import Foundation
import TestSupport
import Testing

@testable import Evaluation

@Suite struct SharedDataTests {
  /// Ribeiro et al., Nature Communications 2020, table 2: F1 of the network against the gold standard.
  @Test(.enabled(if: SharedFiles.has("data/code-test"))) func f1OfTheCode15NetworkIsThePublishedOne() throws {
    let gold = try annotations("gold_standard")
    let network = try annotations("dnn")
    #expect(gold.ids.count == 827)
    let counts = try LabelAgreement(gold: gold, predicted: network).confusion()
    let printed = counts.map { TextTable.decimals($0.f1, 3) }
    #expect(gold.classes == ["1dAVb", "RBBB", "LBBB", "SB", "AF", "ST"])
    #expect(printed == ["0.897", "0.944", "1.000", "0.882", "0.870", "0.960"])
  }

  private func annotations(_ name: String) throws -> LabelTable {
    let table = try rows(ofShared: "data/code-test/annotations/\(name).csv")
    let width = 6
    return try LabelTable(
      classes: Array(table[0].suffix(width)), ids: names(table.count - 1),
      rows: table.dropFirst().map { row in row.suffix(width).map { $0 == "1" } })
  }

  /// Constant answers on the labelled records of PTB-XL's fold 9 (a subset, not the published benchmark).
  @Test(.enabled(if: SharedFiles.has("data/ptb-xl"))) func degenerateAnswersScoreAsScikitLearnSays() throws {
    let fold = try superclasses(ofFold: "9")
    #expect(fold.count == Expected.fold9.records)
    #expect(fold.count { !$0.labels.isEmpty } == Expected.fold9.labelled)
    let all = PTBXLSuper.classes.joined(separator: ";")
    try expect(fold, Expected.allNORM) { _ in "NORM" }
    try expect(fold, Expected.allFive) { _ in all }
    try expect(fold, Expected.empty) { _ in "nothing said" }
    try expect(fold, Expected.gold) { $0.sorted().joined(separator: ";") }
  }

  private func expect(
    _ fold: [(id: String, labels: Set<String>)], _ expected: ECGBenchLabelScore, _ text: (Set<String>) -> String
  ) throws {
    let report = try LabelMetrics(trained: .superclasses, subset: "PTB-XL 1.0.3, fold 9 of the subset").report(
      fold.map { LabelAnswer(id: $0.id, gold: $0.labels, text: text($0.labels)) })
    let score = try #require(report.ecgBench)
    #expect(report.records == Expected.fold9.labelled)
    #expect(close(score.balancedAccuracy.value, expected.balancedAccuracy))
    #expect(close(score.macroF1.value, expected.macroF1) && close(score.hammingLoss.value, expected.hammingLoss))
    #expect(close(report.text?.macroF1.value, expected.macroF1))
    #expect(close(report.text?.hammingLoss.value, expected.hammingLoss))
  }

  private struct Item: Decodable {
    var template_id: Int
    var answer: [String]
  }

  /// Reference answers of real ECG-QA items, said as text, are read back: all by the default rules, not all by ECGBench's.
  @Test(.enabled(if: SharedFiles.has("data/ecg-qa"))) func referenceAnswersOfECGQAAreReadBack() throws {
    let lists = try rows(ofShared: "data/ecg-qa/answers_for_each_template.csv").dropFirst()
    let options = Dictionary(
      lists.map { row in
        (row[0], row[1].split(separator: "'").enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) })
      }, uniquingKeysWith: { first, _ in first })
    let data = try Data(contentsOf: SharedFiles.url("data/ecg-qa/template/valid.json"))
    let items = try JSONDecoder().decode([Item].self, from: data)
    var published = 0
    for item in items {
      let known = try #require(options["\(item.template_id)"])
      let text = item.answer.joined(separator: ", ")
      #expect(DefaultScorer.options(known, in: text) == Set(item.answer), "template \(item.template_id): \(text)")
      #expect(DefaultScorer.options(known, in: text.uppercased() + ".") == Set(item.answer))
      // ECG-QA's own prompts end the list with a capital "None".
      let listed = known.filter { $0 != "none" } + (known.contains("none") ? ["None"] : [])
      let prompt = "Options: " + listed.joined(separator: ", ")
      #expect(DefaultScorer.options(inPrompt: prompt) == listed)
      #expect(DefaultScorer.isCorrect(options: listed, text: text, gold: item.answer))
      if ECGBenchScorer.isCorrect(prompt: prompt, text: text, gold: item.answer) { published += 1 }
    }
    #expect(published == 162 && items.count == 165)
  }
}
