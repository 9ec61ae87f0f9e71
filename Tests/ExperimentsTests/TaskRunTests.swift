import Autograd
import Cluster
import Corpus
import Evaluation
import Foundation
import Models
import Tensors
import TestSupport
import Testing
import Training

@testable import Experiments

/// What tasks ask of a model: dialogues behind its own answers, and questions about several pictures.
@Suite(.serialized, .enabled(if: RealModels.areThere)) struct TaskRunTests {
  private func run(_ source: TaskSource) throws -> TaskRun {
    try TaskRun(communicator: SingleRank(), stop: StopFlag(), source: source, rules: .default, seed: 1)
  }

  private func evaluate(_ source: TaskSource, _ asking: TaskRun.Asking) throws -> any EvaluationReport {
    try run(source).evaluate(asking, note: { _ in }, progress: { _, _ in })
  }

  /// A model's answers to questions about pictures, each behind the ones before, put together from its parts.
  private func dialogue(_ questions: [String], _ pictures: [URL], _ folder: URL, tokens: Int) throws -> [String] {
    let blueprint = try ModelBlueprint(folder: folder)
    let (side, model) = (try blueprint.conversationSide(), try blueprint.frozen())
    let images = try pictures.map { try side.processor.process(ImageFile.read($0)) }
    var turns: [Conversation.Turn] = []
    return try questions.map { question in
      turns.append(.init(.human, question, images: turns.isEmpty ? images.count : 0))
      let asked = Conversation(id: "", images: images.map { _ in "" }, turns: turns, place: "")
      let ids = try side.prompt.ids(asking: asked, images: images.map(\.geometry)).map(Int.init)
      let tile = images[0].geometry.tile
      let input = ModelInput(
        pixels: Tensor(
          images.flatMap(\.pixels), [images.reduce(0) { $0 + $1.geometry.tiles }, 3, tile.height, tile.width]),
        ids: ids, sequences: Segments(lengths: [ids.count]))
      let end = try #require(side.prompt.template.endToken(of: side.prompt.tokenizer))
      var text = StreamedText(side.prompt.tokenizer)
      for token in try Generator<Float>(model).generate(input, maximumNewTokens: tokens, stopTokens: [end])[0] {
        _ = text.append(Int32(token))
      }
      _ = text.finish()
      turns.append(.init(.assistant, text.text.trimmingCharacters(in: .whitespacesAndNewlines)))
      return text.text
    }
  }

  @Test func dialoguesGoOnBehindTheModelsOwnAnswersAndAreExported() throws {
    try withTemporaryFolder { folder in
      let models = try RealModels(in: folder)
      var source = TaskSource(.arena, data: models.chat)
      source.images = models.images
      var asking = TaskRun.Asking(model: models.student)
      asking.tokens = 5
      (asking.files.save, asking.files.export) = (
        folder.appendingPathComponent("a.jsonl"), folder.appendingPathComponent("e.jsonl")
      )
      let report = try #require(try evaluate(source, asking) as? ArenaReport)
      // The entry without a picture is not asked.
      #expect(report.dialogues == 7 && report.answers == 10)
      #expect(report.notes.count == 2 && report.notes[0].hasPrefix("no score") && report.notes[1].hasPrefix("1 of 8"))
      let answers = try Predictions(contentsOf: folder.appendingPathComponent("a.jsonl")).predictions
      let (three, two) = (
        try #require(answers.first { $0.id == "6" }), try #require(answers.first { $0.id == "3" })
      )
      func picture(_ number: Int) -> URL { models.images.appendingPathComponent("\(number).png") }
      let expected = try dialogue(["Which rhythm?", "Sure?", "Rate?"], [picture(3)], models.student, tokens: 5)
      #expect(three.turns == expected && three.text == expected.last && Set(expected).count > 1, "\(expected)")
      #expect(two.turns == nil)
      #expect(
        try [two.text] == dialogue(["Do the two differ?"], [picture(0), picture(2)], models.student, tokens: 5))
      let lines = try Data(contentsOf: folder.appendingPathComponent("e.jsonl")).split(separator: UInt8(ascii: "\n"))
        .map { try JSONValue(parsing: Data($0), file: "e.jsonl") }
      #expect(lines.count == 7)
      let last = try #require(lines.first { $0["id"]?.string == "6" }?["turns"]?.array)
      #expect(last.map { $0["question"]?.string } == ["Which rhythm?", "Sure?", "Rate?"])
      #expect(last.map { $0["reference"]?.string } == ["Sinus rhythm", "Yes", "60"])
      #expect(last.map { $0["answer"]?.string } == expected)
    }
  }

  @Test func questionsAboutTwoPicturesArePutToModelsThatReadSeveral() throws {
    try withTemporaryFolder { folder in
      let models = try RealModels(in: folder)
      let entries = [["0.png"], ["1.png", "2.png"], []].enumerated().map { number, images -> [String: Any] in
        let marks = String(repeating: "<image>\n", count: images.count)
        let question = "\(marks)Which?\nA. the first\nB. the second"
        let turns = [["from": "human", "value": question], ["from": "gpt", "value": "A"]]
        return ["id": "q\(number)", "image": images, "conversations": turns]
      }
      let file = folder.appendingPathComponent("two.json")
      try JSONSerialization.data(withJSONObject: entries).write(to: file)
      var source = TaskSource(.choice, data: file)
      source.images = models.images
      func report(_ model: URL) throws -> ScoreReport {
        var asking = TaskRun.Asking(model: model)
        asking.tokens = 3
        return try #require(try evaluate(source, asking) as? ScoreReport)
      }
      let several = try report(models.student)
      #expect(several.items == 2 && several.notes == ["1 of 3 questions show no ECG, and were not asked"])
      let ownForm = folder.appendingPathComponent("own")
      let blueprint = try ModelBlueprint(builtIn: .student, view: "image")
      try FileManager.default.createDirectory(at: ownForm, withIntermediateDirectories: true)
      try blueprint.save(try blueprint.frozen(seed: 2), to: ownForm)
      for model in [ownForm, models.teacher] {
        let one = try report(model)
        #expect(one.items == 1 && one.notes == ["2 of 3 questions show no ECG, or several, and were not asked"])
      }
      try JSONSerialization.data(withJSONObject: [entries[1]]).write(to: file)
      // On all ranks alike, so that the job ends in order.
      let error = #expect(throws: AgreedError.self) { try report(ownForm) }
      #expect(error?.error.message.contains("none of the 1 questions shows exactly one ECG") == true)
    }
  }
}
