import Autograd
import Tensors

@testable import Models

/// Small random models and inputs for tests.
enum TinyModels {
  static func configuration(tied: Bool = false, scaleFactor: Int = 2) -> Idefics3Configuration {
    var result = Idefics3Configuration(
      vision: .init(hiddenSize: 8, intermediateSize: 12, layers: 2, heads: 2, imageSize: 16, patchSize: 4),
      text: .init(
        hiddenSize: 12, intermediateSize: 16, layers: 2, heads: 6, keyValueHeads: 3, headWidth: 4, vocabularySize: 19),
      scaleFactor: scaleFactor, tiesEmbeddings: tied, imageToken: 17, endTokens: [18], padToken: 0)
    result.vision.initializerRange = 0.5
    result.text.initializerRange = 0.5
    return result
  }

  static func model<Element: Scalar>(
    _ configuration: Idefics3Configuration, as type: Element.Type = Element.self, trainable: Bool = true,
    pieceElements: Int = 1 << 20
  ) -> Idefics3<Element> {
    var layout = ParameterLayout()
    Idefics3<Element>.declare(configuration, into: &layout)
    let arena = ParameterArena<Element>(layout: layout, trainable: trainable, pieceElements: pieceElements)
    arena.initialise(seed: 3)
    // Norms and biases away from 1 and 0, or a mistake in them would not show.
    for parameter in arena.parameters where parameter.value.shape.count == 1 {
      var random = CounterRandom(seed: 4, purpose: parameter.name)
      for index in 0..<parameter.value.count { parameter.value[index] += Element(0.3 * random.normal()) }
    }
    return Idefics3(configuration, arena: arena)
  }

  /// Sequences of 0, 1, 1 and 2 images with texts of different lengths; the second image shows 3 x 2 patches.
  static func input<Element: Scalar>(
    _ c: Idefics3Configuration, texts: [Int] = [5, 3, 1, 6], images: [Int] = [0, 1, 1, 2]
  ) -> ModelInput<Element> {
    var random = CounterRandom(seed: 6, purpose: "input")
    let count = images.reduce(0, +)
    let pixels = Tensor<Element>(uninitialised: [count, 3, c.vision.imageSize, c.vision.imageSize])
    for index in 0..<pixels.count { pixels[index] = Element(random.normal()) }
    var ids: [Int] = []
    var lengths: [Int] = []
    for (text, images) in zip(texts, images) {
      let words = (0..<text).map { _ in random.integer(below: 17) }
      let tokens = [Int](repeating: c.imageToken, count: images * c.tokensPerImage)
      ids += words.prefix(1) + tokens + words.dropFirst()
      lengths.append(text + tokens.count)
    }
    let side = c.vision.positionsPerSide
    var extents = [PatchExtent](repeating: PatchExtent(rows: side, columns: side), count: count)
    if count > 1 { extents[1] = PatchExtent(rows: 3, columns: 2) }
    return ModelInput(pixels: pixels, extents: extents, ids: ids, sequences: Segments(lengths: lengths))
  }
}
