import Autograd
import Tensors
import Testing

@testable import Models

/// What a forward pass shows of its inside can be learned from.
@Suite struct ObservedStatesTests {
  private func run(
    _ model: Idefics3<Double>, _ input: ModelInput<Double>, _ tape: Tape<Double>
  ) -> (states: [String: Variable<Double>], scores: [Variable<Double>]) {
    var states: [String: Variable<Double>] = [:]
    _ = model.forward(input, tape: tape, cache: nil) { states[$0] = $1 }
    let scores = (0..<model.configuration.text.layers).compactMap { layer -> Variable<Double>? in
      guard let q = states["text.queries.\(layer)"], let k = states["text.keys.\(layer)"] else { return nil }
      return tape.meanAttentionScores(
        q, k, heads: model.textHeads.queries, keyValueHeads: model.textHeads.keys, sequences: input.sequences)
    }
    return (states, scores)
  }

  @Test func lossesOnEmbeddingsLayersAndScoresReachEveryWeightBelowThem() {
    let c = TinyModels.configuration()
    let model = TinyModels.model(c, as: Double.self)
    let input: ModelInput<Double> = TinyModels.input(c, texts: [4, 3], images: [1, 0])
    func probe(_ x: Variable<Double>, _ name: String) -> Tensor<Double> {
      var random = CounterRandom(seed: 2, purpose: name)
      return Tensor((0..<x.value.count).map { _ in random.normal() }, x.shape)
    }
    let error = GradientCheck(elementsPerTensor: 4).largestError(inputs: [], arena: model.arena) { tape, _ in
      let (states, scores) = run(model, input, tape)
      var watched = ["text.embeddings", "text.layer.0", "text.layer.1"].compactMap { name in
        states[name].map { (name, $0) }
      }
      watched += scores.enumerated().map { ("scores \($0)", $1) }
      #expect(watched.count == 5)
      return watched.reduce(0) { $0 + tape.weightedSum($1.1, probe($1.1, $1.0)) }
    }
    #expect(error < 1e-6)
  }

  /// Rotary positions make scores depend on distances alone: queries and keys are shown as attention compares them.
  @Test func scoresDoNotChangeWhenAllPositionsMove() throws {
    let c = TinyModels.configuration()
    let model = TinyModels.model(c, as: Double.self, trainable: false)
    var input: ModelInput<Double> = TinyModels.input(c, texts: [6], images: [0])
    let tape = Tape(pool: BufferPool<Double>(), recording: false)
    let here = run(model, input, tape)
    input.positions = (0..<input.ids.count).map { $0 + 5 }
    let there = run(model, input, tape)
    func difference(_ a: Variable<Double>?, _ b: Variable<Double>?) -> Double {
      zip(a?.value.array ?? [], b?.value.array ?? []).map { abs($0 - $1) }.max() ?? .nan
    }
    #expect(here.scores.count == 2)
    for layer in 0..<2 {
      #expect(difference(here.scores[layer], there.scores[layer]) < 1e-5)
      #expect(difference(here.states["text.queries.\(layer)"], there.states["text.queries.\(layer)"]) > 0.01)
    }
  }
}
