import Autograd
import Tensors

/// A pre-norm block of a vision tower: x += out_proj(attention(norm1 x)); x += fc2(activation(fc1(norm2 x))).
/// Source: SiglipEncoderLayer, CLIPEncoderLayer.
struct VisionBlock<Element: Scalar> {
  /// Whether anything in it is trained.
  let trains: Bool
  private let heads: Int
  private let norm1: LayerNorm<Element>
  private let query: Linear<Element>
  private let key: Linear<Element>
  private let value: Linear<Element>
  private let output: Linear<Element>
  private let norm2: LayerNorm<Element>
  private let expand: Linear<Element>
  private let contract: Linear<Element>
  private let activation: Activation

  static func declare(_ c: VisionConfiguration, prefix: String, into layout: inout ParameterLayout) {
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

  init(_ c: VisionConfiguration, prefix: String, arena: ParameterArena<Element>) {
    trains = arena.trains(prefix: prefix)
    heads = c.heads
    norm1 = LayerNorm(prefix + "layer_norm1", epsilon: c.layerNormEpsilon, arena: arena)
    query = Linear(prefix + "self_attn.q_proj", arena: arena)
    key = Linear(prefix + "self_attn.k_proj", arena: arena)
    value = Linear(prefix + "self_attn.v_proj", arena: arena)
    output = Linear(prefix + "self_attn.out_proj", arena: arena)
    norm2 = LayerNorm(prefix + "layer_norm2", epsilon: c.layerNormEpsilon, arena: arena)
    expand = Linear(prefix + "mlp.fc1", arena: arena)
    contract = Linear(prefix + "mlp.fc2", arena: arena)
    activation = c.activation
  }

  func forward(
    _ x: Variable<Element>, images: Segments, mask: AttentionMask, tape: Tape<Element>
  ) -> Variable<Element> {
    let normed = norm1(x, tape: tape)
    let (q, k, v) = (query(normed, tape: tape), key(normed, tape: tape), value(normed, tape: tape))
    tape.drop(normed)
    let attended = tape.attention(
      q, k, v, heads: heads, keyValueHeads: heads, queries: images, keys: images, mask: mask)
    let middle = tape.add(x, output(attended, tape: tape))
    tape.narrow(q, k, v, attended)
    let inner = norm2(middle, tape: tape)
    let wide = tape.activation(expand(inner, tape: tape), activation)
    tape.drop(inner)
    let result = tape.add(middle, contract(wide, tape: tape))
    tape.drop(wide)
    return result
  }
}
