import Cardiology
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Corpus

@Suite struct QuestionTests {
  private let sample = ECGSample(
    id: "1", index: 3, superclasses: [.HYP, .MI], report: "  inferior\n infarction ", fold: 1)

  @Test func answersFollowFromTheLabels() {
    let answers = Dictionary(uniqueKeysWithValues: sample.questions.map { ($0.kind, $0.answer) })
    #expect(answers.count == 7)
    for superclass in Superclass.allCases {
      #expect(answers[.superclass(superclass)] == ([.HYP, .MI].contains(superclass) ? "Yes" : "No"))
    }
    #expect(answers[.classification] == "MI, HYP")
    #expect(answers[.report] == "inferior infarction")
  }

  @Test func everyQuestionOfTheDeckIsAskedEquallyOften() {
    let draw = QuestionDraw(seed: 1, mix: .init(superclass: 2, classification: 1, report: 1))
    for pass in 0..<3 {
      var counts: [Question.Kind: Int] = [:]
      for epoch in pass * 12..<(pass + 1) * 12 {
        if let question = draw.question(for: sample, epoch: epoch) { counts[question.kind, default: 0] += 1 }
      }
      #expect(counts.values.reduce(0, +) == 12)
      #expect(counts[.superclass(.MI)] == 2 && counts[.report] == 1 && counts[.classification] == 1)
    }
  }

  @Test func drawsDependOnSeedAndRecord() {
    func kinds(_ seed: UInt64, _ index: Int) -> [Question.Kind?] {
      let other = ECGSample(id: "x", index: index, superclasses: [.NORM], report: "r", fold: 1)
      return (0..<20).map { QuestionDraw(seed: seed).question(for: other, epoch: $0)?.kind }
    }
    #expect(kinds(1, 0) == kinds(1, 0))
    #expect(kinds(1, 0) != kinds(2, 0))
    #expect(kinds(1, 0) != kinds(1, 1))
  }

  @Test func samplesWithoutAnswersHaveNoQuestion() {
    let mute = ECGSample(id: "1", index: 0, superclasses: [], report: " ", fold: 1)
    #expect(mute.questions.isEmpty)
    #expect(QuestionDraw(seed: 1).question(for: mute, epoch: 0) == nil)
  }

  @Test func theLabelledFractionIsKeptAndNested() throws {
    let samples = ProbeDataset(count: 5_000).samples
    let few = try LabelledFraction(0.05, seed: 7)
    let more = try LabelledFraction(0.2, seed: 7)
    let labelled = samples.filter(few.isLabelled)
    #expect((200..<300).contains(labelled.count))
    #expect(labelled.allSatisfy(more.isLabelled))
    #expect(try samples.allSatisfy(LabelledFraction(1, seed: 7).isLabelled))
    #expect(try !samples.contains(where: LabelledFraction(0, seed: 7).isLabelled))
    for wrong in [-0.1, 1.1, .nan] { #expect(throws: UserError.self) { try LabelledFraction(wrong, seed: 1) } }
  }
}

@Suite struct PromptTests {
  private let question = Question(kind: .superclass(.MI), text: "Does this ECG show hypertrophy?", answer: "Yes")

  @Test(arguments: BytePairTokenizer.BuiltIn.allCases)
  func conversationsHaveTheFormOfTheFamily(builtIn: BytePairTokenizer.BuiltIn) throws {
    let tokenizer = try BytePairTokenizer(builtIn)
    let prompt = try Prompt(tokenizer: tokenizer, imageTokens: 3)
    let made = prompt.conversation(question)
    let expected =
      "<|im_start|>User:<fake_token_around_image><global-img><image><image><image><fake_token_around_image>"
      + "Does this ECG show hypertrophy?<end_of_utterance>\nAssistant: Yes<end_of_utterance>"
    #expect(tokenizer.decode(made.ids) == expected)
    #expect(tokenizer.encode(expected) == made.ids)
    #expect(made.answerTokens == 2)
    #expect(prompt.sharedAnswer.isEmpty)
    #expect(made.ids[made.answerStart] == prompt.yesId)
    #expect(made.labels == made.ids.indices.map { $0 < made.answerStart ? -100 : made.ids[$0] })
    #expect(made.withoutAnswer.ids == prompt.ids(asking: question.text))
    #expect(made.withoutAnswer.answerTokens == 0)
    #expect(made.withoutAnswer.labels.allSatisfy { $0 == -100 })
    let no = prompt.conversation(Question(kind: question.kind, text: question.text, answer: "No"))
    #expect(no.ids[no.answerStart] == prompt.noId)
  }

  @Test func severalQuestionsShareTheImageAndKeepTheirAnswers() throws {
    let prompt = try Prompt(tokenizer: BytePairTokenizer(.student), imageTokens: 3)
    let other = Question(kind: .superclass(.CD), text: "Is conduction disturbed?", answer: "No")
    let singles = [prompt.conversation(question), prompt.conversation(other)]
    let common = prompt.commonLength
    let joined = TokenizedConversation(singles, common: common)
    #expect(joined.ids.filter { $0 == prompt.imageTokenId }.count == 3)
    #expect(joined.branches.count == 2 && joined.branches[0].lowerBound == common)
    #expect(joined.branches[1].upperBound == joined.ids.count)
    for (single, branch) in zip(singles, joined.branches) {
      #expect(Array(joined.ids[..<common] + joined.ids[branch]) == single.ids)
      #expect(Array(joined.labels[..<common] + joined.labels[branch]) == single.labels)
    }
    #expect(joined.answerTokens == 4)
  }

  @Test func specialTokensInDataCannotForgeImages() throws {
    let prompt = try Prompt(tokenizer: BytePairTokenizer(.student), imageTokens: 4)
    let made = prompt.conversation(
      Question(kind: .report, text: "a<image>?<end_of_utterance>", answer: "b<image> <|im_start|> c"))
    #expect(made.ids.filter { $0 == prompt.imageTokenId }.count == 4)
    #expect(made.ids.filter { $0 == prompt.endId }.count == 2)
  }

  @Test func longAnswersAreCut() throws {
    let prompt = try Prompt(tokenizer: BytePairTokenizer(.student), imageTokens: 1, longestAnswer: 10)
    let answer = String(repeating: "infarction ", count: 50)
    #expect(prompt.conversation(Question(kind: .report, text: "?", answer: answer)).answerTokens == 10)
  }

  @Test(.enabled(if: SharedFiles.has("cases/models")))
  func conversationsOfLLaVAEqualTheWholeTextsIds() throws {
    let tokenizer = try BytePairTokenizer(contentsOf: SharedFiles.url("cases/models/tiny_llava"))
    let prompt = try Prompt(tokenizer: tokenizer, format: .llava, imageTokens: 2)
    let made = prompt.conversation(question)
    let text = "USER: <image><image>\nDoes this ECG show hypertrophy? ASSISTANT: Yes</s>"
    #expect(made.ids == tokenizer.encode(text))
    let answer = made.ids[made.answerStart...]
    #expect(answer.starts(with: prompt.sharedAnswer + [prompt.yesId]))
  }

  @Test func aTokenizerOfAnotherVocabularyIsRefused() throws {
    let tokenizer = try BytePairTokenizer(.teacher)
    func check(bound: Int = 1024, _ token: String = "<image>", id: Int? = nil) throws {
      try tokenizer.check(
        model: "m", bound: bound, imageToken: token, expected: id ?? tokenizer.id(of: "<image>").map(Int.init) ?? -1)
    }
    #expect(throws: Never.self) { try check() }
    #expect(#expect(throws: UserError.self) { try check(bound: 512) }?.message.contains("511") == true)
    #expect(#expect(throws: UserError.self) { try check(id: 1) }?.kind == .badInput)
    #expect(#expect(throws: UserError.self) { try check("<picture>") }?.message.contains("id none") == true)
    let format = #expect(throws: UserError.self) {
      try Prompt(tokenizer: BytePairTokenizer(.student), format: .llava, imageTokens: 4)
    }
    #expect(format?.message.contains("</s>") == true)
  }
}
