import Cardiology
import Foundation
import TestSupport
import Tensors
import Testing

@testable import Corpus

/// Conversations as models are given them, position by position.
@Suite struct ConversationPreparerTests {
  private func withDataset<T>(_ count: Int, _ body: (ConversationDataset) throws -> T) throws -> T {
    try withTemporaryFolder { folder in
      var entries: [String] = []
      for number in 0..<count {
        let image = RasterImage.picture(width: 40 + 9 * number, height: 50, seed: number)
        try image.writePNG(to: folder.appendingPathComponent("\(number).png"))
        let path = number == 0 ? "" : "\"image\": \"\(number).png\", "
        entries.append(
          "{\(path)\"conversations\": [{\"from\": \"human\", \"value\": \"Q\(number)?\"}, {\"from\": \"gpt\", "
            + "\"value\": \"A\(number)\"}, {\"from\": \"human\", \"value\": \"R?\"}, {\"from\": \"gpt\", \"value\": \"B\"}]}"
        )
      }
      let file = folder.appendingPathComponent("chat.jsonl")
      try Data(entries.joined(separator: "\n").utf8).write(to: file)
      return try body(ConversationDataset(path: file))
    }
  }

  private func side(_ builtIn: BytePairTokenizer.BuiltIn) throws -> ConversationSide {
    ConversationSide(
      processor: try Idefics3ImageProcessor(
        size: .longestEdge(32), tileSide: 32, isSplitting: false,
        scaling: PixelScaling(normalisation: .init(mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5]))),
      prompt: try ConversationPrompt(
        tokenizer: BytePairTokenizer(builtIn), template: .idefics3(), imageTokens: .idefics3(perTile: 4)))
  }

  @Test func positionsGiveTheSameSamplesOnAnyRank() throws {
    try withDataset(6) { dataset in
      func preparer() throws -> ConversationPreparer {
        try ConversationPreparer(
          dataset: dataset, seed: 3, labelled: LabelledFraction(1, seed: 3), student: side(.student),
          teacher: side(.teacher))
      }
      let (one, other) = (try preparer(), try preparer())
      let plan = try ShardPlan(globalBatch: 6, shards: 3)
      var seen: Set<String> = []
      for shard in 0..<3 {
        for made in try one.prepare(step: 0, shard: shard, plan: plan) {
          let again = try other.prepare(position: made.position)
          #expect(again.student.pixels == made.student.pixels)
          #expect(again.student.conversation == made.student.conversation)
          #expect(made.student.tiles == made.conversation.images.count)
          #expect(made.student.pixels.count == made.student.tiles * 3 * 32 * 32)
          #expect(made.teacher?.conversation != made.student.conversation)
          let marks = made.student.conversation.ids.count { $0 == one.student.prompt.imageTokenId }
          #expect(marks == 4 * made.student.tiles)
          seen.insert(made.conversation.id)
        }
      }
      #expect(seen.count == 6)
      #expect(try one.prepare(position: 7).epoch == 1)
    }
  }

  @Test func sizesAreThoseOfTheSamples() throws {
    try withDataset(6) { dataset in
      let preparer = try ConversationPreparer(
        dataset: dataset, seed: 3, labelled: LabelledFraction(0.5, seed: 3), student: side(.student),
        teacher: side(.teacher))
      #expect(preparer.telling == 6)
      var answers: Set<Bool> = []
      for position in 0..<6 {
        let (sample, size) = (try preparer.prepare(position: position), try preparer.size(position: position))
        #expect(size.student == InputSize(sample.student) && size.teacher == sample.teacher.map { InputSize($0) })
        #expect(size.student.tiles == sample.conversation.images.count)
        answers.insert(size.student.answerTokens > 0)
      }
      #expect(answers.count == 2)
    }
  }

  @Test func withoutLabelsConversationsEndBeforeTheirFirstAnswer() throws {
    try withDataset(3) { dataset in
      let preparer = try ConversationPreparer(
        dataset: dataset, seed: 3, labelled: LabelledFraction(0, seed: 3), student: side(.student), teacher: nil)
      for position in 0..<3 {
        let made = try preparer.prepare(position: position)
        #expect(!made.isLabelled && made.student.conversation.answerTokens == 0)
      }
    }
  }

  /// Three entries: an image before the answer, one before and one behind, and one behind alone.
  private func withLateImages(_ body: (ConversationDataset) throws -> Void) throws {
    try withTemporaryFolder { folder in
      for number in 0..<3 {
        try RasterImage.picture(width: 40 + 9 * number, height: 50, seed: number)
          .writePNG(to: folder.appendingPathComponent("\(number).png"))
      }
      func entry(_ images: [String], _ first: String, _ second: String) -> String {
        "{\"image\": [\(images.map { "\"\($0).png\"" }.joined(separator: ", "))], \"conversations\": ["
          + "{\"question\": \"\(first)Q?\", \"answer\": \"A\"}, {\"question\": \"\(second)R?\", \"answer\": \"B\"}]}"
      }
      let text = [entry(["0"], "<image>", ""), entry(["1", "2"], "<image>", "<image>"), entry(["2"], "", "<image>")]
      let file = folder.appendingPathComponent("late.jsonl")
      try Data(text.joined(separator: "\n").utf8).write(to: file)
      try body(ConversationDataset(path: file))
    }
  }

  /// Pixels are those of the images whose places are still in the text.
  @Test func imagesBehindTheFirstAnswerGoWithIt() throws {
    try withLateImages { dataset in
      func prepared(_ labelled: Double) throws -> [Int: PreparedConversationSample] {
        let preparer = try ConversationPreparer(
          dataset: dataset, seed: 3, labelled: LabelledFraction(labelled, seed: 3), student: side(.student),
          teacher: side(.teacher))
        return Dictionary(
          uniqueKeysWithValues: try (0..<3).map { position in
            (preparer.order.sample(position: position), try preparer.prepare(position: position))
          })
      }
      for (labelled, expected) in [(1.0, [1, 2, 1]), (0.0, [1, 1, 0])] {
        for (index, made) in try prepared(labelled) {
          let teacher = try #require(made.teacher)
          for (input, side) in [(made.student, try side(.student)), (teacher, try side(.teacher))] {
            #expect(input.tiles == expected[index], "entry \(index + 1), labelled \(labelled)")
            #expect(input.pixels.count == input.tiles * 3 * 32 * 32)
            #expect(input.conversation.ids.count { $0 == side.prompt.imageTokenId } == 4 * input.tiles)
          }
        }
      }
      let (whole, cut) = (try prepared(1), try prepared(0))
      for index in 0..<3 {
        let (long, short) = (try #require(whole[index]?.student), try #require(cut[index]?.student))
        #expect(short.conversation.ids == Array(long.conversation.ids[..<long.conversation.answerStart]))
        #expect(short.pixels == Array(long.pixels[..<short.pixels.count]))
      }
      let remark = try #require(dataset.remark(on: LabelledFraction(0, seed: 3)))
      #expect(
        remark.contains("2 of the 3 conversations") && remark.contains("1 of them have no image left"), "\(remark)")
      #expect(dataset.remark(on: try LabelledFraction(1, seed: 3)) == nil)
    }
  }

  @Test func conversationsWithoutAnswersCannotBeTrainedOn() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("chat.json")
      try Data(#"[{"conversations": [{"from": "human", "value": "Q?"}]}]"#.utf8).write(to: file)
      let dataset = try ConversationDataset(path: file)
      let error = #expect(throws: UserError.self) {
        try ConversationPreparer(
          dataset: dataset, seed: 1, labelled: LabelledFraction(1, seed: 1), student: side(.student), teacher: nil)
      }
      #expect(error?.message.contains("entry 1") == true)
    }
  }
}
