import Autograd
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Models

@Suite struct Idefics3Tests {
  @Test(arguments: [false, true]) func wholeModelsGradientAgreesWithFiniteDifferences(tied: Bool) {
    let c = TinyModels.configuration(tied: tied)
    let model = TinyModels.model(c, as: Double.self)
    let input: ModelInput<Double> = TinyModels.input(c)
    var random = CounterRandom(seed: 1, purpose: "probe")
    let probe = Tensor(
      (0..<input.ids.count * c.text.vocabularySize).map { _ in random.normal() },
      [input.ids.count, c.text.vocabularySize])
    let visualProbe = Tensor((0..<4 * c.tokensPerImage * 12).map { _ in random.normal() }, [4 * c.tokensPerImage, 12])
    let error = GradientCheck(elementsPerTensor: 4).largestError(inputs: [], arena: model.arena) { tape, _ in
      let output = model.forward(input, tape: tape)
      return tape.weightedSum(model.logits(output.hidden, tape: tape), probe)
        + tape.weightedSum(output.visual, visualProbe)
    }
    #expect(error < 1e-6)
  }

  @Test func aSequencesStatesDoNotDependOnItsNeighbours() {
    let c = TinyModels.configuration()
    let model = TinyModels.model(c, as: Double.self, trainable: false)
    let input: ModelInput<Double> = TinyModels.input(c)
    let tape = Tape(pool: BufferPool<Double>(), recording: false)
    let together = model.forward(input, tape: tape).hidden.value
    let rows = input.sequences[3]
    let alone = ModelInput(
      pixels: input.pixels.slice(2..<4), extents: input.extents.map { Array($0[2..<4]) }, ids: Array(input.ids[rows]),
      sequences: Segments(lengths: [rows.count]))
    let states = model.forward(alone, tape: tape).hidden.value
    let difference = zip(states.array, together.slice(rows).array).map { abs($0 - $1) }.max() ?? 1
    #expect(difference < 1e-12)
  }

  @Test func aBranchsStatesAreThoseOfItsQuestionAlone() throws {
    let c = TinyModels.configuration()
    let model = TinyModels.model(c, as: Double.self, trainable: false)
    var joined: ModelInput<Double> = TinyModels.input(c, texts: [8, 2], images: [1, 0])
    let common = 1 + c.tokensPerImage
    joined.branches = [[common..<common + 3, common + 3..<common + 7], []]
    try model.check(joined)
    #expect(joined.lastRows == [common + 2, common + 6, common + 8])
    let tape = Tape(pool: BufferPool<Double>(), recording: false)
    let states = model.forward(joined, tape: tape).hidden.value
    for branch in joined.branches?[0] ?? [] {
      let rows = Array(0..<common) + Array(branch)
      let alone = ModelInput(
        pixels: joined.pixels, extents: joined.extents, ids: rows.map { joined.ids[$0] },
        sequences: Segments(lengths: [rows.count]))
      let expected = model.forward(alone, tape: tape).hidden.value
      for (row, place) in rows.enumerated() {
        let difference =
          zip(expected.slice(row..<row + 1).array, states.slice(place..<place + 1).array)
          .map { abs($0 - $1) }.max() ?? 1
        #expect(difference < 1e-12)
      }
    }
  }

  @Test(arguments: [false, true]) func gradientsComeInTheOrderOfTheLayout(tied: Bool) {
    let c = TinyModels.configuration(tied: tied)
    let model = TinyModels.model(c, as: Float.self, pieceElements: 64)
    let tape = Tape(pool: BufferPool<Float>())
    model.arena.beginBackward()
    let output = model.forward(TinyModels.input(c), tape: tape)
    let logits = model.logits(output.hidden, tape: tape)
    _ = tape.weightedSum(logits, logits.value.copy())
    model.arena.settleUses()
    tape.backward()
    model.arena.endBackward()
    #expect(model.arena.waitingBytes == 0, "every contribution comes in its turn")
    #expect(model.arena.parameters.allSatisfy { ($0.gradient?.sumOfSquares ?? 0) > 0 })
  }

  @Test func aSteadyStepTakesNoNewMemory() {
    let c = TinyModels.configuration()
    let model = TinyModels.model(c, as: Float.self)
    let pool = BufferPool<Float>()
    let input: ModelInput<Float> = TinyModels.input(c)
    var misses: [Int] = []
    for _ in 0..<3 {
      let tape = Tape(pool: pool)
      model.arena.beginBackward()
      let output = model.forward(input, tape: tape)
      _ = tape.weightedSum(output.hidden, output.hidden.value.copy())
      tape.backward()
      model.arena.endBackward()
      misses.append(pool.misses)
    }
    #expect(misses[1] == misses[2])
  }

  @Test func aFreshBuiltInStudentLearnsToTellTwoImagesApart() throws {
    var shape = BuiltInModel.student
    (shape.visionWidth, shape.visionHeads, shape.textWidth) = (32, 4, 64)
    let tokens = BuiltInModel.Tokens(vocabularySize: 20, image: 17, end: [18])
    let model = TinyModels.model(shape.configuration(view: .signal, tokens: tokens), as: Float.self)
    let ids = (0..<2).flatMap { _ in [Int](repeating: 17, count: 64) + [3] }
    let pixels = Tensor<Float>(uninitialised: [2, 3, 128, 128])
    var random = CounterRandom(seed: 2, purpose: "two images")
    for index in 0..<pixels.count { pixels[index] = Float(random.normal()) }
    let input = ModelInput(pixels: pixels, ids: ids, sequences: Segments(count: 2, length: 65))
    let weights = model.arena.weights
    let gradients = try #require(model.arena.gradients)
    let moments = (Tensor<Float>(zeros: weights.shape), Tensor<Float>(zeros: weights.shape))
    let pool = BufferPool<Float>()
    var losses: [Double] = []
    for step in 1...20 {
      let tape = Tape(pool: pool)
      model.arena.beginBackward()
      let logits = model.logits(tape.gatherRows(model.forward(input, tape: tape).hidden, [64, 129]), tape: tape)
      let gradient = logits.value.copy()
      losses.append((0..<2).reduce(0) { $0 + gradient.crossEntropyRow($1, label: 5 + $1, weight: 0.5) } / 2)
      tape.recordLoss { logits.accumulate(gradient, pool: pool) }
      tape.backward()
      model.arena.endBackward()
      AdamWStep(learningRate: 3e-3, step: step)
        .update(weight: weights, gradient: gradients, moment1: moments.0, moment2: moments.1)
    }
    #expect(abs(losses[0] - 3) < 1 && losses[19] < 0.3, "\(losses)")
  }

  @Test func inputsThatDoNotFitAreRefused() throws {
    let c = TinyModels.configuration()
    let model = TinyModels.model(c, as: Float.self, trainable: false)
    let good: ModelInput<Float> = TinyModels.input(c)
    try model.check(good)
    let breaks: [(inout ModelInput<Float>) -> Void] = [
      { $0.ids[0] = 19 }, { $0.ids[0] = -1 }, { $0.ids[0] = 17 }, { $0.ids.removeLast() },
      { $0.pixels = Tensor(zeros: [4, 3, 16, 20]) }, { $0.pixels = Tensor(zeros: [4, 1, 16, 16]) },
      { $0.extents = [PatchExtent(rows: 1, columns: 1)] }, { $0.extents?[0].rows = 0 }, { $0.extents?[0].columns = 5 },
      { $0.positions = [0] }, { $0.branches = [[]] }, { $0.branches = [[], [], [], [0..<14]] },
      { $0.branches = [[1..<3, 4..<5], [], [], []] }, { $0.branches = [[1..<3, 3..<4], [], [], []] },
    ]
    for change in breaks {
      var input = good
      change(&input)
      #expect(throws: UserError.self) { try model.check(input) }
    }
  }

  @Test(.enabled(if: SharedFiles.has("cases/models"))) func positionIdsRoundAsTorchDoes() throws {
    let path = "cases/models/position_ids_full.json"
    struct Cases: Decodable { let torch_this_machine_AVX512: [String: [String: Int]] }
    let cases = try JSONDecoder().decode(Cases.self, from: Data(contentsOf: SharedFiles.url(path)))
    for side in 1...64 {
      let positions = PatchPositions(side: side)
      let exceptions = cases.torch_this_machine_AVX512[String(side)] ?? [:]
      for index in 0..<side {
        #expect(positions.coordinate(index, of: side) == exceptions[String(index)] ?? index, "\(index) of \(side)")
      }
    }
  }

  @Test func pixelShuffleLaysBlocksEndToEndInRowMajorOrder() throws {
    // 1 image of 4 x 4 patches of width 1: with s = 2, token (0, 1) is patches 2, 3, 6, 7.
    let order = Connector<Float>.order(images: 1, rows: 4, columns: 4, scale: 2)
    let patches = order.flatMap { [2 * $0, 2 * $0 + 1] }
    #expect(patches == [0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15])
  }

  @Test(arguments: BuiltInModel.View.allCases) func builtInModelsAreSoundAndGiveTheStatedTokens(
    _ view: BuiltInModel.View
  ) throws {
    let tokens = BuiltInModel.Tokens(vocabularySize: 500, image: 499, end: [1])
    for (model, count) in [(BuiltInModel.student, 64), (BuiltInModel.teacher, 256)] {
      let configuration = model.configuration(view: view, tokens: tokens)
      try configuration.validate()
      #expect(configuration.tokensPerImage == count)
      #expect(try Idefics3Configuration(JSONFields(Data(configuration.json.utf8), file: "x")) == configuration)
    }
  }
}

@Suite struct ModelBenchmarkTests {
  @Test func aTinyModelIsTimed() throws {
    for (precision, recomputes) in [(Precision.f32, false), (.f32, true), (.bf16, false)] {
      let benchmark = ModelBenchmark(
        TinyModels.configuration(), samples: 2, textTokens: 3, precision: precision, recomputesBlocks: recomputes)
      let result = try benchmark.run(repetitions: 2)
      #expect([result.forward, result.forwardAndBackward, result.step].allSatisfy { $0.count == 2 && $0[0] > 0 })
      #expect(result.productSeconds > 0 && result.activationBytes > 0)
      // Backward takes twice the forward's operations; the patches need no gradient.
      let counted = TinyModels.configuration().productOperations(
        images: 2, lengths: [7, 7], logitRows: 2 * benchmark.answerTokens)
      #expect(result.operations > 2 * counted && result.operations < (recomputes ? 4 : 3.01) * counted)
    }
  }

  @Test func operationsAreCountedAsTheShapesSay() {
    let c = TinyModels.configuration()
    // One sequence of one token without images: 2 layers of q, o (12 x 12), k, v (12 x 12), 3 x (12 x 16), attention
    // of one pair (2 x 2 x 24 widths), and one row of logits (12 x 19).
    let layer: Double = 2 * 12 * (2 * 24 + 2 * 12 + 3 * 16) + 4 * 24
    let head: Double = 2 * 12 * 19
    let expected = 2 * layer + head
    #expect(c.productOperations(images: 0, lengths: [1], logitRows: 1) == expected)
  }
}
