import Autograd
import Tensors
import Testing

@testable import Models

@Suite struct GenerationPaceTests {
  /// Matrices kept in bfloat16 are streamed token by token; the tokens are those of the same numbers kept wide.
  @Test func roundedWeightsGiveTheTokensOfTheirValues() throws {
    let c = TinyModels.configuration()
    let wide = TinyModels.model(c, as: Float.self, trainable: false)
    for parameter in wide.arena.parameters where parameter.entry.decays {
      let narrow = Tensor<BFloat16>(uninitialised: parameter.entry.shape)
      narrow.setRounded(parameter.value)
      for index in 0..<narrow.count { parameter.value[index] = narrow[index].value }
    }
    for column in 0..<12 { wide.arena["lm_head.weight"].value[17 * 12 + column] = 0 }
    let arena = ParameterArena<Float>(frozen: wide.arena.layout) { entry in
      guard entry.decays else { return wide.arena[entry.name].kept }
      let narrow = Tensor<BFloat16>(uninitialised: entry.shape)
      narrow.setRounded(wide.arena[entry.name].value)
      return .rounded(narrow)
    }
    let prompts: ModelInput<Float> = TinyModels.input(c)
    let expected = try Generator(wide).generate(prompts, maximumNewTokens: 9, stopTokens: [])
    for team in [nil, ThreadTeam(threads: 1), ThreadTeam(threads: 2)] {
      for model in [wide, Idefics3(c, arena: arena)] {
        let answers = try Generator(model, team: team).generate(prompts, maximumNewTokens: 9, stopTokens: [])
        #expect(answers == expected)
      }
    }
  }

  /// Decoder and head, not the tower, the connector or the embedding.
  @Test func weightBytesAreThoseOfDecoderAndHead() {
    let c = TinyModels.configuration()
    let model = TinyModels.model(c, as: Float.self, trainable: false)
    let expected = model.arena.parameters.filter {
      ["layers", "text_model.norm", "lm_head"].contains(where: $0.name.contains) && !$0.name.contains("vision")
    }.reduce(0) { $0 + 4 * $1.value.count }
    #expect(model.weightBytesPerToken == expected && expected > 0)
  }

  @Test func paceCountsWhatComesBehindTheFirstToken() throws {
    var pace = GenerationPace(weightBytes: 1000)
    #expect(pace.firstToken == nil && pace.tokensPerSecond == nil && pace.bytesPerSecond == nil)
    pace.count()
    #expect(pace.tokens == 1 && pace.tokensPerSecond == nil)
    while pace.later < 1e-3 { pace.count() }
    let speed = try #require(pace.tokensPerSecond)
    #expect(abs(speed - Double(pace.tokens - 1) / pace.later) < 1e-9 * speed)
    #expect(pace.bytesPerSecond == 1000 * speed && (pace.firstToken ?? -1) >= 0)
  }

  @Test func theBenchmarkTimesBothForms() throws {
    let results = try GenerationBenchmark(
      TinyModels.configuration(), textTokens: 3, answerTokens: 4, team: ThreadTeam(threads: 2)
    ).run(repetitions: 2)
    #expect(results.map(\.precision) == [.bf16, .f32])
    #expect(results.allSatisfy { $0.paces.count == 2 && $0.paces.allSatisfy { $0.tokens == 4 } })
    #expect(results[0].paces[0].weightBytes < results[1].paces[0].weightBytes)
  }
}
