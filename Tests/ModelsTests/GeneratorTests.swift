import Autograd
import Tensors
import Testing

@testable import Models

@Suite struct GeneratorTests {
  /// The next token by a whole forward over everything so far.
  private func uncached(
    _ model: Idefics3<Double>, _ prompts: ModelInput<Double>, stops: Set<Int>, limit: Int
  ) -> [[Int]] {
    var firstImage = 0
    return (0..<prompts.sequences.count).map { index in
      let ids = Array(prompts.ids[prompts.sequences[index]])
      let images = ids.count { $0 == model.imageToken } / model.tokensPerImage
      let range = firstImage..<firstImage + images
      firstImage += images
      var answer: [Int] = []
      while answer.count < limit {
        let input = ModelInput(
          pixels: prompts.pixels.slice(range), extents: prompts.extents.map { Array($0[range]) }, ids: ids + answer,
          sequences: Segments(lengths: [ids.count + answer.count]))
        let tape = Tape(pool: BufferPool<Double>(), recording: false)
        let logits = model.logits(model.forward(input, tape: tape).hidden, tape: tape).value
        let token = logits.columnOfLargest(row: logits.rows - 1)
        if stops.contains(token) { break }
        answer.append(token)
      }
      return answer
    }
  }

  @Test(arguments: [Set<Int>(), [18, 3, 5, 7, 11]]) func cachedAnswersEqualUncachedOnes(stops: Set<Int>) throws {
    let c = TinyModels.configuration()
    let model = TinyModels.model(c, as: Double.self, trainable: false)
    // The image token itself must never be an answer here: it would need an image.
    for column in 0..<12 { model.arena["lm_head.weight"].value[17 * 12 + column] = 0 }
    let prompts: ModelInput<Double> = TinyModels.input(c)
    let answers = try Generator(model).generate(prompts, maximumNewTokens: 9, stopTokens: stops)
    #expect(answers == uncached(model, prompts, stops: stops, limit: 9))
    #expect(!stops.isEmpty || answers.allSatisfy { $0.count == 9 })
  }

  @Test func aCallerCanEndASequence() throws {
    let c = TinyModels.configuration()
    let model = TinyModels.model(c, as: Double.self, trainable: false)
    let answers = try Generator(model).generate(
      TinyModels.input(c), maximumNewTokens: 5, stopTokens: []
    ) { sequence, _ in sequence != 2 }
    #expect(answers.map(\.count) == [5, 5, 1, 5])
  }

  @Test func firstTokenProbabilitiesAreTheSoftmaxAfterThePrompt() throws {
    let c = TinyModels.configuration()
    let model = TinyModels.model(c, as: Double.self, trainable: false)
    let prompts: ModelInput<Double> = TinyModels.input(c)
    let all = try Generator(model).firstTokenProbabilities(prompts, of: Array(0..<19))
    #expect(all.count == 4 && all.allSatisfy { abs($0.reduce(0, +) - 1) < 1e-12 })
    let greedy = try Generator(model).generate(prompts, maximumNewTokens: 1, stopTokens: [])
    for (row, answer) in zip(all, greedy) { #expect(row.max() == row[answer[0]]) }
  }

  @Test func promptsThatDoNotFitAreRefused() {
    let c = TinyModels.configuration()
    let generator = Generator(TinyModels.model(c, as: Double.self, trainable: false))
    let none = Tensor<Double>(zeros: [0, 3, 0, 0])
    let empty = ModelInput(pixels: none, ids: [1], sequences: Segments(lengths: [1, 0]))
    #expect(throws: UserError.self) { try generator.generate(empty, maximumNewTokens: 2) }
    let lacking = ModelInput(pixels: none, ids: [1, 17], sequences: Segments(lengths: [2]))
    #expect(throws: UserError.self) { try generator.firstTokenProbabilities(lacking, of: [1]) }
    let one = ModelInput(pixels: none, ids: [1], sequences: Segments(lengths: [1]))
    #expect(throws: UserError.self) { try generator.firstTokenProbabilities(one, of: [19]) }
  }
}
