import Autograd
import Tensors

/// The vision tower: patches, learned positions, pre-norm transformer blocks, a final norm (SigLIP's shape, without a
/// class token). Source: Dosovitskiy et al. 2021; Idefics3VisionTransformer.
struct VisionTransformer<Element: Scalar> {
  private let configuration: Idefics3Configuration.Vision
  private let positions: PatchPositions
  private let patchWeight: Parameter<Element>
  private let patchBias: Parameter<Element>
  private let positionTable: Parameter<Element>
  private let blocks: [VisionBlock<Element>]
  private let finalNorm: LayerNorm<Element>

  static func declare(_ c: Idefics3Configuration.Vision, prefix: String, into layout: inout ParameterLayout) {
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

  init(_ c: Idefics3Configuration.Vision, prefix: String, arena: ParameterArena<Element>) {
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
      x = block.forward(x, images: segments, mask: mask, tape: tape)
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

/// x += out_proj(attention(norm1 x)); x += fc2(gelu(fc1(norm2 x))).
private struct VisionBlock<Element: Scalar> {
  let heads: Int
  let norm1: LayerNorm<Element>
  let query: Linear<Element>
  let key: Linear<Element>
  let value: Linear<Element>
  let output: Linear<Element>
  let norm2: LayerNorm<Element>
  let expand: Linear<Element>
  let contract: Linear<Element>

  static func declare(_ c: Idefics3Configuration.Vision, prefix: String, into layout: inout ParameterLayout) {
    let deviation = c.initializerRange
    // Two branches a block add to the residual stream; scaled so that its variance does not grow with depth (GPT-2).
    let residual = deviation / Double(2 * c.layers).squareRoot()
    LayerNorm<Element>.declare(prefix + "layer_norm1", c.hiddenSize, into: &layout)
    for name in ["q_proj", "k_proj", "v_proj"] {
      Linear<Element>.declare(
        prefix + "self_attn." + name, c.hiddenSize, c.hiddenSize, deviation: deviation, hasBias: true, into: &layout)
    }
    Linear<Element>.declare(
      prefix + "self_attn.out_proj", c.hiddenSize, c.hiddenSize, deviation: residual, hasBias: true, into: &layout)
    LayerNorm<Element>.declare(prefix + "layer_norm2", c.hiddenSize, into: &layout)
    Linear<Element>.declare(
      prefix + "mlp.fc1", c.hiddenSize, c.intermediateSize, deviation: deviation, hasBias: true, into: &layout)
    Linear<Element>.declare(
      prefix + "mlp.fc2", c.intermediateSize, c.hiddenSize, deviation: residual, hasBias: true, into: &layout)
  }

  init(_ c: Idefics3Configuration.Vision, prefix: String, arena: ParameterArena<Element>) {
    heads = c.heads
    norm1 = LayerNorm(prefix + "layer_norm1", epsilon: c.layerNormEpsilon, arena: arena)
    query = Linear(prefix + "self_attn.q_proj", arena: arena)
    key = Linear(prefix + "self_attn.k_proj", arena: arena)
    value = Linear(prefix + "self_attn.v_proj", arena: arena)
    output = Linear(prefix + "self_attn.out_proj", arena: arena)
    norm2 = LayerNorm(prefix + "layer_norm2", epsilon: c.layerNormEpsilon, arena: arena)
    expand = Linear(prefix + "mlp.fc1", arena: arena)
    contract = Linear(prefix + "mlp.fc2", arena: arena)
  }

  func forward(
    _ x: Variable<Element>, images: Segments, mask: AttentionMask, tape: Tape<Element>
  ) -> Variable<Element> {
    let normed = norm1(x, tape: tape)
    let attended = tape.attention(
      query(normed, tape: tape), key(normed, tape: tape), value(normed, tape: tape), heads: heads,
      keyValueHeads: heads, queries: images, keys: images, mask: mask)
    let middle = tape.add(x, output(attended, tape: tape))
    let inner = tape.gelu(expand(norm2(middle, tape: tape), tape: tape))
    return tape.add(middle, contract(inner, tape: tape))
  }
}
