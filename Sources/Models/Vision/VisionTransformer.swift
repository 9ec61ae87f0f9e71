import Autograd
import Tensors

/// The vision tower: patches, learned positions, pre-norm transformer blocks, a final norm (SigLIP's shape, without a
/// class token). Source: Dosovitskiy et al. 2021; Idefics3VisionTransformer.
struct VisionTransformer<Element: Scalar> {
  private let configuration: VisionConfiguration
  private let positions: PatchPositions
  private let patchWeight: Parameter<Element>
  private let patchBias: Parameter<Element>
  private let positionTable: Parameter<Element>
  private let blocks: [VisionBlock<Element>]
  private let finalNorm: LayerNorm<Element>

  static func declare(_ c: VisionConfiguration, prefix: String, into layout: inout ParameterLayout) {
    let cell = c.channels * c.patchSize * c.patchSize
    // A cell's values are raw numbers of about unit size, so fan-in scaling keeps the embedding at unit size too.
    let deviation = 1 / Double(cell).squareRoot()
    layout.add(
      prefix + "embeddings.patch_embedding.weight", [c.hiddenSize, c.channels, c.patchSize, c.patchSize],
      .normal(deviation))
    layout.add(prefix + "embeddings.patch_embedding.bias", [c.hiddenSize], .constant(0))
    layout.add(
      prefix + "embeddings.position_embedding.weight", [c.positionsPerSide * c.positionsPerSide, c.hiddenSize],
      .normal(c.initializerRange))
    for index in 0..<c.layers {
      VisionBlock<Element>.declare(c, prefix: "\(prefix)encoder.layers.\(index).", into: &layout)
    }
    LayerNorm<Element>.declare(prefix + "post_layernorm", c.hiddenSize, into: &layout)
  }

  init(_ c: VisionConfiguration, prefix: String, arena: ParameterArena<Element>) {
    configuration = c
    positions = PatchPositions(side: c.positionsPerSide)
    patchWeight = arena[prefix + "embeddings.patch_embedding.weight"]
    patchBias = arena[prefix + "embeddings.patch_embedding.bias"]
    positionTable = arena[prefix + "embeddings.position_embedding.weight"]
    blocks = (0..<c.layers).map { VisionBlock(c, prefix: "\(prefix)encoder.layers.\($0).", arena: arena) }
    finalNorm = LayerNorm(prefix + "post_layernorm", epsilon: c.layerNormEpsilon, arena: arena)
  }

  /// pixels: [images, 3, height, width], result: [images * patches, width].
  func forward(
    _ pixels: Tensor<Element>, extents: [PatchExtent]?, tape: Tape<Element>, observe: StateObserver<Element>?
  ) -> Variable<Element> {
    let patch = configuration.patchSize
    let (images, rows, columns) = (pixels.shape[0], pixels.shape[2] / patch, pixels.shape[3] / patch)
    let cells = tape.pool.tensor([images * rows * columns, configuration.channels * patch * patch])
    cells.setPatches(of: pixels, patch: patch)
    let full = PatchExtent(rows: rows, columns: columns)
    let extents = extents ?? [PatchExtent](repeating: full, count: images)

    let patches = tape.linear(tape.constant(cells), patchWeight, bias: patchBias)
    observe?("vision.patch_conv", patches)
    let ids = extents.flatMap { positions.ids(rows: rows, columns: columns, extent: $0) }
    var x = tape.add(patches, tape.embedding(ids, positionTable))
    observe?("vision.embeddings", x)
    let mask = AttentionMask(causal: false, keys: visibleKeys(extents, full: full))
    let segments = Segments(count: images, length: rows * columns)
    for (index, block) in blocks.enumerated() {
      x = tape.block(x, trains: block.trains) { block.forward($0, images: segments, mask: mask, tape: $1) }
      observe?("vision.layer.\(index)", x)
    }
    let result = finalNorm(x, tape: tape)
    observe?("vision.post_layernorm", result)
    return result
  }

  /// One byte per patch, 0 = padding; nil when there is none.
  private func visibleKeys(_ extents: [PatchExtent], full: PatchExtent) -> [UInt8]? {
    guard extents.contains(where: { $0 != full }) else { return nil }
    return extents.flatMap { extent in
      (0..<full.rows * full.columns).map {
        $0 / full.columns < extent.rows && $0 % full.columns < extent.columns ? 1 : 0
      }
    }
  }
}
