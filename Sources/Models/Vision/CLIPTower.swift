import Autograd
import Tensors

/// The vision tower of LLaVA: a class token in front of the patches, learned positions, a norm, pre-norm blocks.
/// Source: Radford et al. 2021; CLIPVisionTransformer. Its last norm is part of the files and not used by LLaVA.
struct CLIPTower<Element: Scalar> {
  private let configuration: VisionConfiguration
  private let classEmbedding: Parameter<Element>
  private let patchWeight: Parameter<Element>
  private let positionTable: Parameter<Element>
  private let firstNorm: LayerNorm<Element>
  private let blocks: [VisionBlock<Element>]

  static func declare(_ c: VisionConfiguration, prefix: String, into layout: inout ParameterLayout) {
    let cell = c.channels * c.patchSize * c.patchSize
    let positions = c.positionsPerSide * c.positionsPerSide + 1
    layout.add(
      prefix + "embeddings.patch_embedding.weight", [c.hiddenSize, c.channels, c.patchSize, c.patchSize],
      .normal(1 / Double(cell).squareRoot()))
    layout.add(prefix + "embeddings.class_embedding", [c.hiddenSize], .normal(c.initializerRange))
    layout.add(
      prefix + "embeddings.position_embedding.weight", [positions, c.hiddenSize], .normal(c.initializerRange))
    LayerNorm<Element>.declare(prefix + "pre_layrnorm", c.hiddenSize, into: &layout)
    for index in 0..<c.layers {
      VisionBlock<Element>.declare(c, prefix: "\(prefix)encoder.layers.\(index).", into: &layout)
    }
    LayerNorm<Element>.declare(prefix + "post_layernorm", c.hiddenSize, into: &layout)
  }

  init(_ c: VisionConfiguration, prefix: String, arena: ParameterArena<Element>) {
    configuration = c
    classEmbedding = arena[prefix + "embeddings.class_embedding"]
    patchWeight = arena[prefix + "embeddings.patch_embedding.weight"]
    positionTable = arena[prefix + "embeddings.position_embedding.weight"]
    firstNorm = LayerNorm(prefix + "pre_layrnorm", epsilon: c.layerNormEpsilon, arena: arena)
    blocks = (0..<c.layers).map { VisionBlock(c, prefix: "\(prefix)encoder.layers.\($0).", arena: arena) }
  }

  /// The states asked for, side by side: 0 = after the first norm, i = after layer i.
  ///
  /// pixels: [images, 3, side, side], result: [images * (1 + patches), width * states.count], class tokens in place.
  /// With an observer the layers behind the last state asked for are computed too, to be seen.
  func forward(
    _ pixels: Tensor<Element>, states: [Int], tape: Tape<Element>, observe: StateObserver<Element>?
  ) -> Variable<Element> {
    let images = pixels.shape[0]
    let patches = configuration.positionsPerSide * configuration.positionsPerSide
    let segments = Segments(count: images, length: patches + 1)
    var x = firstNorm(embeddings(pixels, tape: tape, observe: observe), tape: tape)
    observe?("vision.pre_layernorm", x)
    var reached = [x]
    let last = observe == nil ? (states.max() ?? 0) : blocks.count
    for (index, block) in blocks.prefix(last).enumerated() {
      x = tape.block(x, trains: block.trains) {
        block.forward($0, images: segments, mask: AttentionMask(causal: false), tape: $1)
      }
      observe?("vision.layer.\(index)", x)
      reached.append(x)
    }
    return tape.joinColumns(states.map { reached[$0] })
  }

  private func embeddings(
    _ pixels: Tensor<Element>, tape: Tape<Element>, observe: StateObserver<Element>?
  ) -> Variable<Element> {
    let (images, side) = (pixels.shape[0], configuration.positionsPerSide)
    let patch = configuration.patchSize
    let cells = tape.pool.tensor([images * side * side, configuration.channels * patch * patch])
    cells.setPatches(of: pixels, patch: patch)
    let patches = tape.linear(tape.constant(cells), patchWeight)
    observe?("vision.patch_conv", patches)
    let length = side * side + 1
    let places = (0..<images * length).filter { $0 % length != 0 }
    let classes = tape.embedding([Int](repeating: 0, count: images * length), classEmbedding)
    let tokens = tape.replaceRows(classes, at: places, by: patches)
    let positions = (0..<images).flatMap { _ in 0..<length }
    let result = tape.add(tokens, tape.embedding(positions, positionTable))
    observe?("vision.embeddings", result)
    return result
  }
}
