import Autograd
import Tensors

/// The Llama decoder: pre-norm blocks of rotary grouped-query attention and SwiGLU, then a final norm.
/// Source: Touvron et al. 2023; LlamaModel, MistralModel and Qwen2Model, which differ in biases.
struct Decoder<Element: Scalar> {
  private let configuration: DecoderConfiguration
  private let blocks: [DecoderBlock<Element>]
  private let finalNorm: RMSNorm<Element>

  static func declare(_ c: DecoderConfiguration, prefix: String, into layout: inout ParameterLayout) {
    for index in 0..<c.layers {
      DecoderBlock<Element>.declare(c, prefix: "\(prefix)layers.\(index).", into: &layout)
    }
    RMSNorm<Element>.declare(prefix + "norm", c.hiddenSize, into: &layout)
  }

  init(_ c: DecoderConfiguration, prefix: String, arena: ParameterArena<Element>) {
    configuration = c
    blocks = (0..<c.layers).map { DecoderBlock(c, prefix: "\(prefix)layers.\($0).", arena: arena) }
    finalNorm = RMSNorm(prefix + "norm", epsilon: c.rmsNormEpsilon, arena: arena)
  }

  /// embedded: [input.sequences.total, width], result: the same shape, after the final norm.
  func forward(
    _ embedded: Variable<Element>, input: ModelInput<Element>, cache: KeyValueCache<Element>?, tape: Tape<Element>,
    observe: StateObserver<Element>?
  ) -> Variable<Element> {
    let table = RotaryTable<Element>(
      positions: input.rotaryPositions, width: configuration.headWidth, theta: configuration.ropeTheta,
      scaling: configuration.ropeScaling)
    let mask = AttentionMask(causal: true, keys: input.visibleRows, branches: input.branches)
    var x = embedded
    for (index, block) in blocks.enumerated() {
      let step = { (x: Variable<Element>, tape: Tape<Element>) in
        block.forward(
          x, sequences: input.sequences, mask: mask, table: table, cache: cache, layer: index, tape: tape,
          observe: observe)
      }
      // An observer may differentiate what lies within the block, which recomputation would not keep.
      x = observe == nil ? tape.block(x, trains: block.trains, step) : step(x, tape)
      observe?("text.layer.\(index)", x)
    }
    return finalNorm(x, tape: tape)
  }
}

/// x += o_proj(attention(norm x)); x += down(activation(gate(norm x)) * up(norm x)).
private struct DecoderBlock<Element: Scalar> {
  /// Whether anything in it is trained.
  let trains: Bool
  let heads: Int
  let keyValueHeads: Int
  let inputNorm: RMSNorm<Element>
  let query: Linear<Element>
  let key: Linear<Element>
  let value: Linear<Element>
  let output: Linear<Element>
  let innerNorm: RMSNorm<Element>
  let gate: Linear<Element>
  let up: Linear<Element>
  let down: Linear<Element>
  let activation: Activation

  static func declare(_ c: DecoderConfiguration, prefix: String, into layout: inout ParameterLayout) {
    let deviation = c.initializerRange
    let residual = deviation / Double(2 * c.layers).squareRoot()
    let (queries, keys) = (c.heads * c.headWidth, c.keyValueHeads * c.headWidth)
    func linear(_ name: String, _ inputs: Int, _ outputs: Int, _ deviation: Double, bias: Bool) {
      Linear<Element>.declare(prefix + name, inputs, outputs, deviation: deviation, hasBias: bias, into: &layout)
    }
    RMSNorm<Element>.declare(prefix + "input_layernorm", c.hiddenSize, into: &layout)
    linear("self_attn.q_proj", c.hiddenSize, queries, deviation, bias: c.hasQueryBias)
    linear("self_attn.k_proj", c.hiddenSize, keys, deviation, bias: c.hasQueryBias)
    linear("self_attn.v_proj", c.hiddenSize, keys, deviation, bias: c.hasQueryBias)
    linear("self_attn.o_proj", queries, c.hiddenSize, residual, bias: c.hasOutputBias)
    RMSNorm<Element>.declare(prefix + "post_attention_layernorm", c.hiddenSize, into: &layout)
    linear("mlp.gate_proj", c.hiddenSize, c.intermediateSize, deviation, bias: c.hasInnerBias)
    linear("mlp.up_proj", c.hiddenSize, c.intermediateSize, deviation, bias: c.hasInnerBias)
    linear("mlp.down_proj", c.intermediateSize, c.hiddenSize, residual, bias: c.hasInnerBias)
  }

  init(_ c: DecoderConfiguration, prefix: String, arena: ParameterArena<Element>) {
    trains = arena.trains(prefix: prefix)
    heads = c.heads
    keyValueHeads = c.keyValueHeads
    inputNorm = RMSNorm(prefix + "input_layernorm", epsilon: c.rmsNormEpsilon, arena: arena)
    query = Linear(prefix + "self_attn.q_proj", arena: arena)
    key = Linear(prefix + "self_attn.k_proj", arena: arena)
    value = Linear(prefix + "self_attn.v_proj", arena: arena)
    output = Linear(prefix + "self_attn.o_proj", arena: arena)
    innerNorm = RMSNorm(prefix + "post_attention_layernorm", epsilon: c.rmsNormEpsilon, arena: arena)
    gate = Linear(prefix + "mlp.gate_proj", arena: arena)
    up = Linear(prefix + "mlp.up_proj", arena: arena)
    down = Linear(prefix + "mlp.down_proj", arena: arena)
    activation = c.activation
  }

  func forward(
    _ x: Variable<Element>, sequences: Segments, mask: AttentionMask, table: RotaryTable<Element>,
    cache: KeyValueCache<Element>?, layer: Int, tape: Tape<Element>, observe: StateObserver<Element>?
  ) -> Variable<Element> {
    let normed = inputNorm(x, tape: tape)
    let q = tape.rotary(query(normed, tape: tape), heads: heads, table: table)
    let k = tape.rotary(key(normed, tape: tape), heads: keyValueHeads, table: table)
    let v = value(normed, tape: tape)
    tape.drop(normed)
    observe?("text.queries.\(layer)", q)
    observe?("text.keys.\(layer)", k)
    let attended: Variable<Element>
    if let cache {
      precondition(mask.branches == nil && mask.keys == nil, "branches and masks are for computing without a cache")
      attended = tape.attention(q, appending: k, v, to: cache, layer: layer, heads: heads, sequences: sequences)
    } else {
      attended = tape.attention(
        q, k, v, heads: heads, keyValueHeads: keyValueHeads, queries: sequences, keys: sequences,
        mask: mask)
    }
    let middle = tape.add(x, output(attended, tape: tape))
    if observe == nil { tape.narrow(q, k, v, attended) }
    let inner = innerNorm(middle, tape: tape)
    let wide = gated(inner, tape: tape)
    tape.drop(inner)
    let result = tape.add(middle, down(wide, tape: tape))
    tape.drop(wide)
    return result
  }

  private func gated(_ x: Variable<Element>, tape: Tape<Element>) -> Variable<Element> {
    let (opening, passing) = (gate(x, tape: tape), up(x, tape: tape))
    guard activation != .silu else { return tape.swiglu(gate: opening, up: passing) }
    return tape.product(tape.activation(opening, activation), passing)
  }
}
