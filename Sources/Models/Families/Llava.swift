import Autograd
import Tensors

/// LLaVA 1.5 and LLaVA-NeXT: a CLIP tower, a two-layer projector, and a decoder in whose input the visual tokens replace
/// the embeddings of the `<image>` tokens. Tensor names are those of `LlavaForConditionalGeneration`'s files.
///
/// Source: Liu et al. 2023 and 2024; modeling_llava and modeling_llava_next of transformers.
public final class Llava<Element: Scalar>: VisionLanguageModel {
  public let llava: LlavaConfiguration
  public let arena: ParameterArena<Element>
  private let tower: CLIPTower<Element>
  private let projector: Projector<Element>
  private let newline: Parameter<Element>?
  private let language: LanguageModel<Element>

  private static var newlineName: String { "image_newline" }

  /// Appends the model's tensors in the order forward uses them, so that gradients complete from the end in backward.
  public static func declare(_ c: LlavaConfiguration, into layout: inout ParameterLayout) {
    CLIPTower<Element>.declare(c.vision, prefix: "vision_tower.", into: &layout)
    Projector<Element>.declare(c, prefix: LlavaConfiguration.projectorPrefix, into: &layout)
    if c.tiling != nil { layout.add(newlineName, [c.text.hiddenSize], .normal(c.text.initializerRange)) }
    LanguageModel<Element>.declare(c, into: &layout)
  }

  /// The model whose tensors `declare` put into the arena's layout.
  public init(_ configuration: LlavaConfiguration, arena: ParameterArena<Element>) {
    llava = configuration
    self.arena = arena
    tower = CLIPTower(configuration.vision, prefix: "vision_tower.", arena: arena)
    projector = Projector(configuration, prefix: LlavaConfiguration.projectorPrefix, arena: arena)
    newline = configuration.tiling == nil ? nil : arena[Self.newlineName]
    language = LanguageModel(configuration, arena: arena)
  }

  public func forward(
    _ input: ModelInput<Element>, tape: Tape<Element>, cache: KeyValueCache<Element>?,
    observe: StateObserver<Element>?
  ) -> ModelOutput<Element> {
    let (visual, visualTokens) = visualTokens(input, tape: tape, observe: observe)
    return language.forward(
      input, visual: visual, visualTokens: visualTokens, tape: tape, cache: cache, observe: observe)
  }

  private func visualTokens(
    _ input: ModelInput<Element>, tape: Tape<Element>, observe: StateObserver<Element>?
  ) -> (Variable<Element>, Segments) {
    let tiles = input.images
    guard tiles > 0 else { return (tape.constant(tape.pool.tensor([0, textWidth])), Segments(lengths: [])) }
    var states = tower.forward(input.pixels, states: llava.featureStates, tape: tape, observe: observe)
    if !llava.keepsClassToken {
      let length = llava.tokensPerTile + 1
      states = tape.gatherRows(states, (0..<tiles * length).filter { $0 % length != 0 })
    }
    let projected = projector.forward(states, tape: tape, observe: observe)
    guard let tiling = llava.tiling, let sizes = input.imageSizes, let newline else {
      return (projected, Segments(count: tiles, length: llava.tokensPerTile))
    }
    let packings = sizes.map { TilePacking($0, tiling: tiling, vision: llava.vision) }
    let packed = pack(projected, packings, sizes: sizes, newline: newline, tape: tape)
    observe?("image_features", packed)
    return (packed, Segments(lengths: packings.map(\.count)))
  }

  private func pack(
    _ projected: Variable<Element>, _ packings: [TilePacking], sizes: [ImageSize], newline: Parameter<Element>,
    tape: Tape<Element>
  ) -> Variable<Element> {
    var order: [Int?] = []
    var tile = 0
    for (packing, size) in zip(packings, sizes) {
      order += packing.order(first: tile * llava.tokensPerTile)
      tile += llava.tiles(of: size)
    }
    let breaks = order.indices.filter { order[$0] == nil }
    let rows = tape.gatherRows(projected, order.map { $0 ?? 0 })
    return tape.replaceRows(rows, at: breaks, by: tape.embedding(breaks.map { _ in 0 }, newline))
  }

  public func logits(_ hidden: Variable<Element>, tape: Tape<Element>) -> Variable<Element> {
    language.logits(hidden, tape: tape)
  }
}

extension Llava {
  public var shape: any ModelConfiguration { llava }
  public var head: Parameter<Element> { language.head }
  public var scaleFactor: Int { 1 }

  public func check(_ input: ModelInput<Element>) throws {
    try input.checkText(shape)
    var expected = 0
    if input.images > 0 {
      let side = imageSize
      guard input.pixels.shape == [input.images, llava.vision.channels, side, side] else {
        throw input.bad("pixels \(input.pixels.shape), expected [images or tiles, 3, \(side), \(side)]")
      }
      expected = input.images * llava.tokensPerTile
      if llava.tiling != nil { expected = try checkTiles(input) }
    }
    try input.checkPlaces(imageToken: imageToken, expected: expected)
  }

  /// Checks the original sizes against the number of tiles. - Returns: the visual tokens of all images.
  private func checkTiles(_ input: ModelInput<Element>) throws -> Int {
    guard let sizes = input.imageSizes, sizes.allSatisfy({ 1...65_536 ~= $0.height && 1...65_536 ~= $0.width }) else {
      throw input.bad("no sound image sizes, expected the height and width in pixels of each image before its tiling")
    }
    let tiles = sizes.reduce(0) { $0 + llava.tiles(of: $1) }
    guard tiles == input.images else {
      throw input.bad(
        "\(input.images) tiles for \(sizes.count) images, whose sizes ask for \(tiles) by image_grid_pinpoints")
    }
    return sizes.reduce(0) { $0 + llava.tokens(of: $1) }
  }

  public func images(in batch: PaddedInput<Element>) throws -> ImageInput<Element> {
    guard let pixels = batch.pixels else { return .none }
    let shape = pixels.shape
    guard llava.tiling != nil else {
      guard shape.count == 4 else {
        throw UserError(.badInput, "pixel_values have the shape \(shape), expected [images, 3, height, width]")
      }
      return ImageInput(pixels: pixels)
    }
    guard let sizes = batch.imageSizes else {
      throw UserError(
        .badInput, "image_sizes are missing: [images, 2], each image's height and width in pixels before its tiling")
    }
    guard shape.count == 5 else {
      guard shape.count == 4 else {
        throw UserError(
          .badInput,
          "pixel_values have the shape \(shape), expected [images, tiles, 3, height, width] or the tiles of "
            + "all images as [tiles, 3, height, width]")
      }
      return ImageInput(pixels: pixels, sizes: sizes)
    }
    guard shape[0] == sizes.count, sizes.allSatisfy({ 1...65_536 ~= $0.height && 1...65_536 ~= $0.width }),
      sizes.allSatisfy({ llava.tiles(of: $0) <= shape[1] })
    else {
      throw UserError(
        .badInput, "pixel_values have the shape \(shape), too few tiles for the \(sizes.count) image_sizes")
    }
    // Behind an image's own tiles there is padding.
    let kept = sizes.enumerated().flatMap { image, size in
      (0..<llava.tiles(of: size)).map { image * shape[1] + $0 }
    }
    return ImageInput(pixels: PaddedInput.images(kept, of: pixels), sizes: sizes)
  }
}
