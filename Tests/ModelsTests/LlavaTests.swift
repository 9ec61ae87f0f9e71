import Autograd
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Models

@Suite struct LlavaTests {
  private func configuration(next: Bool) -> LlavaConfiguration {
    var vision = VisionConfiguration(
      hiddenSize: 8, intermediateSize: 12, layers: 3, heads: 2, imageSize: 12, patchSize: 4)
    vision.activation = .quickGELU
    vision.initializerRange = 0.5
    var text = DecoderConfiguration(
      hiddenSize: 12, intermediateSize: 16, layers: 2, heads: 6, keyValueHeads: 3, headWidth: 4, vocabularySize: 19)
    text.initializerRange = 0.5
    var result = LlavaConfiguration(vision: vision, text: text)
    result.featureLayers = [-2, 0]
    result.imageToken = 19
    result.tokens.end = [18]
    if next {
      result.tiling = TileGrid(
        resolutions: [(12, 24), (24, 12), (24, 24)].map { ImageSize(height: $0.0, width: $0.1) })
    }
    return result
  }

  private func model(_ c: LlavaConfiguration, trainable: Bool = true) -> Llava<Double> {
    let arena = ParameterArena<Double>(layout: c.layout, trainable: trainable)
    arena.initialise(seed: 3)
    for parameter in arena.parameters where parameter.value.shape.count == 1 {
      var random = CounterRandom(seed: 4, purpose: parameter.name)
      for index in 0..<parameter.value.count { parameter.value[index] += 0.3 * random.normal() }
    }
    return Llava(c, arena: arena)
  }

  private func input(_ c: LlavaConfiguration, sizes: [ImageSize]) -> ModelInput<Double> {
    var random = CounterRandom(seed: 6, purpose: "input")
    let tiles = sizes.reduce(0) { $0 + c.tiles(of: $1) }
    let pixels = Tensor<Double>(uninitialised: [tiles, 3, 12, 12])
    for index in 0..<pixels.count { pixels[index] = random.normal() }
    let parts = sizes.map { [3] + [Int](repeating: 19, count: c.tokens(of: $0)) + [5, 7] }
    return ModelInput(
      pixels: pixels, imageSizes: c.tiling == nil ? nil : sizes, ids: parts.flatMap { $0 } + [1, 2],
      sequences: Segments(lengths: parts.map(\.count) + [2]))
  }

  private let sizes = [ImageSize(height: 20, width: 50), ImageSize(height: 31, width: 9)]

  @Test(arguments: [false, true]) func wholeModelsGradientAgreesWithFiniteDifferences(next: Bool) throws {
    let c = configuration(next: next)
    try c.validate()
    let model = model(c)
    let input = input(c, sizes: sizes)
    try model.check(input)
    var random = CounterRandom(seed: 1, purpose: "probe")
    let probe = Tensor((0..<input.ids.count * 19).map { _ in random.normal() }, [input.ids.count, 19])
    let error = GradientCheck(elementsPerTensor: 4).largestError(inputs: [], arena: model.arena) { tape, _ in
      tape.weightedSum(model.logits(model.forward(input, tape: tape).hidden, tape: tape), probe)
    }
    #expect(error < 1e-6)
  }

  @Test func anImagesTokensAreThoseOfItsShape() {
    let c = configuration(next: true)
    // 24 x 12 tiles of 3 x 3 patches; 20 x 50 px shown as 3.6 -> 3 of 3 rows x 6 columns in 12 x 24.
    #expect(c.tokens(of: ImageSize(height: 12, width: 24)) == 9 + 3 * 7)
    #expect(c.tiles(of: ImageSize(height: 12, width: 24)) == 3)
    #expect(c.tokens(of: ImageSize(height: 24, width: 24)) == 9 + 6 * 7)
    // 48 x 12 px in 24 x 12: 1 column of 3 is padding's share on each side of 1 that shows something.
    #expect(c.tokens(of: ImageSize(height: 48, width: 12)) == 9 + 6 * 2)
    #expect(configuration(next: false).tokensPerImage == 9)
  }

  /// An image's visual tokens do not depend on what else is in the batch.
  @Test func tilesStayWithTheirImage() throws {
    let c = configuration(next: true)
    let model = model(c, trainable: false)
    let tape = Tape(pool: BufferPool<Double>(), recording: false)
    let input = input(c, sizes: sizes)
    let together = model.forward(input, tape: tape)
    let first = c.tiles(of: sizes[0])
    let rows = input.sequences[1]
    let alone = ModelInput(
      pixels: input.pixels.slice(first..<input.pixels.shape[0]), imageSizes: [sizes[1]], ids: Array(input.ids[rows]),
      sequences: Segments(lengths: [rows.count]))
    let states = model.forward(alone, tape: tape).hidden.value
    let difference = zip(states.array, together.hidden.value.slice(rows).array).map { abs($0 - $1) }.max() ?? 1
    #expect(difference < 1e-12)
    #expect(together.visualTokens.lengths == sizes.map { c.tokens(of: $0) })
  }

  @Test func answersComeWithACache() throws {
    let c = configuration(next: true)
    let model = model(c, trainable: false)
    let input = input(c, sizes: sizes)
    let answers = try Generator(model).generate(input, maximumNewTokens: 4, stopTokens: [])
    for (index, rows) in input.sequences.lengths.indices.map({ ($0, input.sequences[$0]) }) where index == 2 {
      let ids = Array(input.ids[rows]) + answers[index].dropLast()
      let whole = ModelInput(
        pixels: Tensor<Double>(zeros: [0, 3, 0, 0]), ids: ids, sequences: Segments(lengths: [ids.count]))
      let tape = Tape(pool: BufferPool<Double>(), recording: false)
      let logits = model.logits(model.forward(whole, tape: tape).hidden, tape: tape).value
      #expect(logits.columnOfLargest(row: logits.rows - 1) == answers[index][3])
    }
    #expect(answers.map(\.count) == [4, 4, 4])
  }

  @Test func inputsThatDoNotFitAreRefused() throws {
    let c = configuration(next: true)
    let model = model(c, trainable: false)
    let good = input(c, sizes: sizes)
    try model.check(good)
    let breaks: [(inout ModelInput<Double>) -> Void] = [
      { $0.ids[0] = 20 }, { $0.ids[0] = -1 }, { $0.ids[0] = 19 }, { $0.imageSizes = nil },
      { $0.imageSizes?.removeLast() },
      { $0.imageSizes?[0] = ImageSize(height: 0, width: 4) }, { $0.imageSizes?[0] = ImageSize(height: 24, width: 24) },
      { $0.pixels = Tensor(zeros: [$0.images, 3, 12, 16]) }, { $0.visibleRows = [1] },
    ]
    for change in breaks {
      var input = good
      change(&input)
      #expect(throws: UserError.self) { try model.check(input) }
    }
    var windowed = c
    windowed.text.slidingWindow = 5
    #expect(throws: UserError.self) { try self.model(windowed, trainable: false).check(good) }
  }

  @Test func batchesOfAnotherShapeAreRefused() throws {
    let next = model(configuration(next: true), trainable: false)
    let plain = model(configuration(next: false), trainable: false)
    func padded(_ shape: [Int], _ sizes: [ImageSize]? = nil) -> PaddedInput<Double> {
      PaddedInput(ids: [1], batch: 1, pixels: Tensor(zeros: shape), imageSizes: sizes)
    }
    #expect(throws: UserError.self) { try plain.images(in: padded([1, 1, 3, 12, 12])) }
    #expect(throws: UserError.self) { try next.images(in: padded([1, 3, 3, 12, 12])) }
    #expect(throws: UserError.self) { try next.images(in: padded([1, 2, 3, 12, 12], [sizes[0]])) }
    #expect(throws: UserError.self) { try next.images(in: padded([3, 12, 12], [sizes[0]])) }
    #expect(try next.images(in: padded([1, 9, 3, 12, 12], [sizes[0]])).pixels.shape == [3, 3, 12, 12])
  }
}
