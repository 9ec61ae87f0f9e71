import Corpus
import Foundation
import Tensors
import Testing

@testable import Evaluation

@Suite struct ArenaTaskTests {
  private func conversation(_ turns: [Conversation.Turn]) -> Conversation {
    Conversation(
      id: "a", images: turns.flatMap { Array(repeating: "p.png", count: $0.images) }, turns: turns, place: "entry 1")
  }

  private func task(_ turns: [Conversation.Turn]) throws -> ArenaTask {
    try ArenaTask(name: "arena", subset: "made", conversations: [conversation(turns)], keys: ["a"])
  }

  private let sound: [Conversation.Turn] = [
    .init(.human, "one?", images: 1), .init(.assistant, "1"), .init(.human, "two?"), .init(.assistant, "2"),
  ]

  @Test func dialoguesAreCountedAndExportedWithoutAScore() throws {
    let task = try task(sound)
    #expect(task.questions == [TextQuestion(id: "a", prompt: "one?", shown: ["p.png"], followUps: ["two?"])])
    let line = #"{"id": "a", "turns": ["eins", ""]}"#
    let predictions = try Predictions(jsonLines: Data(line.utf8), source: "made")
    #expect(predictions.predictions[0].text.isEmpty)
    let report = try task.report(predictions, rules: .default, bootstrap: Bootstrap(), notes: ["noted"])
    #expect(report.table(by: .default).contains("no score") && report.table(by: .default).contains("noted"))
    #expect((report as? ArenaReport).map { [$0.dialogues, $0.answers, $0.emptyAnswers] } == [1, 2, 1])
    let exported = try JSONValue(parsing: task.export(predictions), file: "made")
    #expect(exported["turns"]?.array?.map { $0["answer"]?.string } == ["eins", ""])
    #expect(exported["images"]?.array?.map(\.string) == ["p.png"])
    #expect(try Predictions(jsonLines: predictions.jsonLines(), source: "made") == predictions)
    let refused = #expect(throws: UserError.self) { try task.check(.ecgbench) }
    #expect(refused?.kind == .usage)
  }

  @Test func whatIsNoDialogueIsRefusedByName() throws {
    for turns in [
      Array(sound.dropLast()), [.init(.system, "be brief")] + sound,
      [.init(.human, "one?"), .init(.assistant, "1"), .init(.human, "two?", images: 1), .init(.assistant, "2")],
    ] {
      let error = #expect(throws: UserError.self) { try task(turns) }
      #expect(error?.kind == .badInput && error?.message.hasPrefix("entry 1: ") == true)
    }
    let single = #expect(throws: UserError.self) { try task(Array(sound.prefix(2))) }
    #expect(single?.message == "made: none of its 1 entries has more than one question")
    let short = try Predictions([Prediction(id: "a", text: "only one")])
    let error = #expect(throws: UserError.self) { try task(sound).export(short) }
    #expect(error?.message.contains("dialogue a: 1 answers to 2 questions") == true)
    #expect(throws: UserError.self) {
      try Predictions(jsonLines: Data(#"{"id": "a", "turns": [1]}"#.utf8), source: "made")
    }
  }
}
