import Corpus
import Foundation
import Tensors
import Testing

@testable import Evaluation

/// Two systems on the same questions: every score's paired difference, and what only one of them answered.
@Suite struct ComparisonTests {
  private let few = Bootstrap(seed: 5)

  private func choice(_ count: Int) throws -> ChoiceTask {
    let question = "Which?\nA. sinus rhythm\nB. atrial fibrillation\nC. flutter\nD. none of them"
    let conversations = (0..<count).map { number in
      Conversation(
        id: "\(number)", images: ["p\(number).png"],
        turns: [.init(.human, question, images: 1), .init(.assistant, "A")], place: "entry \(number)")
    }
    return try ChoiceTask(name: "choice", subset: "made", conversations: conversations, keys: conversations.map(\.id))
  }

  private func predictions(_ texts: [(Int, String)]) throws -> Predictions {
    try Predictions(texts.map { Prediction(id: "\($0.0)", text: $0.1) })
  }

  @Test func differencesAreOnWhatBothAnswerAndTheRestIsNamed() throws {
    let task = try choice(40)
    let first = try predictions((0..<40).map { ($0, "Answer: A") })
    // Half of them right, in another order, three missing, one too many.
    let second = try predictions((3..<41).reversed().map { ($0, $0 % 2 == 0 ? "Answer: A" : "Answer: B") })
    let found = try task.comparison(first, with: second, from: "other.jsonl", rules: .default, bootstrap: few)
    #expect(found.items == 37 && found.onlyFirst == ["0", "1", "2"] && found.onlySecond == ["40"])
    #expect(found.differences.map(\.measure) == ["accuracy"])
    let difference = try #require(found.differences.first).difference
    #expect(close(difference.difference.value, 19.0 / 37) && (difference.pValue ?? 1) < 0.01)
    let table = found.table()
    for words in [
      "other.jsonl on the 37 questions", "this minus other", "3 questions are answered here alone: 0, 1, 2",
      "  < 0.002\n",
    ] {
      #expect(table.contains(words), "\(words): \(table)")
    }
    let same = try task.comparison(first, with: first, from: "itself", rules: .default, bootstrap: few)
    #expect(same.differences[0].difference.difference.value == 0 && same.differences[0].difference.pValue == 1)
    let swapped = try task.comparison(
      predictions((0..<40).map { ($0, $0 % 2 == 0 ? "Answer: A" : "Answer: B") }), with: first, from: "",
      rules: .default, bootstrap: few)
    #expect(swapped.differences[0].difference.difference.value == -0.5)
    let none = #expect(throws: UserError.self) {
      try task.comparison(first, with: predictions([(77, "A")]), from: "x", rules: .default, bootstrap: few)
    }
    #expect(none?.kind == .badInput && none?.message.contains("none of the 40 questions") == true)
  }

  @Test func aComparisonStandsBesideTheReportsOwnKeys() throws {
    let task = try choice(6)
    let answers = try predictions((0..<6).map { ($0, "Answer: A") })
    let report = try task.report(answers, rules: .default, bootstrap: few, notes: [])
    let comparison = try task.comparison(answers, with: answers, from: "x", rules: .default, bootstrap: few)
    let both = ComparedReport(report, comparison)
    let json = try #require(try JSONSerialization.jsonObject(with: both.json()) as? [String: Any])
    let own = try #require(try JSONSerialization.jsonObject(with: report.json()) as? [String: Any])
    #expect(Set(json.keys) == Set(own.keys).union(["comparison"]))
    #expect((json["comparison"] as? [String: Any])?["items"] as? Int == 6)
    #expect(both.table(by: .default).hasPrefix(report.table(by: .default)))
  }

  private var labels: LabelTask {
    let golds: [Set<String>] = [["NORM"], ["MI", "CD"], ["STTC"], ["HYP"], ["CD"], ["NORM"], ["MI"], ["STTC", "HYP"]]
    return LabelTask(
      name: "ptb-xl-super", space: .ptbXLSuper, subset: "made",
      items: golds.enumerated().map { place, gold in
        LabelItem(TextQuestion(id: "\(place)", prompt: "?", shown: ["r\(place)"]), gold: gold)
      }, leftOut: ["left"])
  }

  private func scored(_ text: Bool, wrong: Set<Int> = []) throws -> Predictions {
    try Predictions(
      labels.items.enumerated().map { place, item in
        let named = wrong.contains(place) ? ["CD"] : item.gold.sorted()
        return Prediction(
          id: item.question.id, text: text ? named.joined(separator: "; ") : "",
          probabilities: Dictionary(
            uniqueKeysWithValues: labels.space.classes.map { ($0, named.contains($0) ? 0.9 : 0.1) }))
      })
  }

  @Test func everyScoreOfLabelsIsCompared() throws {
    let (right, worse) = (try scored(true), try scored(true, wrong: [0, 3, 6]))
    func compared(_ rules: ScoringRules, _ one: Predictions, _ two: Predictions) throws -> TaskComparison {
      try labels.comparison(one, with: two, from: "x", rules: rules, bootstrap: few)
    }
    let found = try compared(.default, right, worse)
    let names = found.differences.map(\.measure)
    var expected = ["macro AUC", "macro F1", "Hamming loss", "exact-set accuracy"]
    for name in labels.space.classes { expected += ["AUC of \(name)", "F1 of \(name)"] }
    expected += ["text macro F1", "text Hamming loss", "text exact-set accuracy"]
    expected += labels.space.classes.map { "text F1 of \($0)" }
    expected += ["ECGBench macro F1", "ECGBench \"AUC\"", "ECGBench Hamming loss"]
    #expect(names == expected)
    // Each is the difference of the two reports.
    let reports = try [right, worse].map {
      try #require(try labels.report($0, rules: .default, bootstrap: few, notes: []) as? LabelReport)
    }
    func value(_ name: String) -> Double? {
      found.differences.first { $0.measure == name }?.difference.difference.value
    }
    func differ(_ path: (LabelReport) -> Double?) -> Double? {
      guard let one = path(reports[0]), let two = path(reports[1]) else { return nil }
      return one - two
    }
    #expect(close(value("macro AUC"), differ { $0.probabilities?.macroAUC.value }))
    #expect(close(value("AUC of MI"), differ { $0.probabilities?.classes[1].auc.value }))
    #expect(close(value("F1 of CD"), differ { $0.probabilities?.classes[3].f1.value }))
    #expect(close(value("text F1 of CD"), differ { $0.text?.classes?[3].f1.value }))
    #expect(close(value("text Hamming loss"), differ { $0.text?.hammingLoss.value }))
    #expect(close(value("ECGBench \"AUC\""), differ { $0.ecgBench?.balancedAccuracy.value }))
    #expect((value("macro AUC") ?? 0) > 0 && (value("Hamming loss") ?? 0) < 0)
    let published = try compared(.ecgbench, right, worse)
    #expect(published.differences.count == 3 && published.table().contains("x 100"))
    // What only one side has is said; predictions for what is left out count for nothing.
    let bare = try scored(false)
    let further = try Predictions(bare.predictions + [Prediction(id: "left", text: "MI")])
    let part = try compared(.default, right, further)
    #expect(part.differences.count == 14 && part.onlySecond.isEmpty)
    #expect(part.notes.count == 1 && part.notes[0].contains("text macro F1"))
    let textAlone = try Predictions(right.predictions.map { Prediction(id: $0.id, text: $0.text) })
    #expect(throws: UserError.self) { try compared(.default, textAlone, bare) }
  }
}
