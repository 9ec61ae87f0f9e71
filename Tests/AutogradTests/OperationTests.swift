import Tensors
import Testing

@testable import Autograd

/// Every operation's backward against finite differences in double precision.
@Suite struct OperationTests {
  private func random(_ shape: [Int], _ purpose: String) -> Tensor<Double> {
    var random = CounterRandom(seed: 5, purpose: purpose)
    return Tensor((0..<shape.reduce(1, *)).map { _ in random.normal() }, shape)
  }

  private func arena(_ shapes: [(String, [Int])]) -> ParameterArena<Double> {
    var layout = ParameterLayout()
    for (name, shape) in shapes { layout.add(name, shape, .normal(0.7)) }
    let arena = ParameterArena<Double>(layout: layout, trainable: true, pieceElements: 24)
    arena.initialise(seed: 9)
    return arena
  }

  private func check(
    _ inputs: [Tensor<Double>], _ arena: ParameterArena<Double>? = nil, output: [Int],
    _ body: @escaping (Tape<Double>, [Variable<Double>]) -> Variable<Double>
  ) {
    let weights = random(output, "probe")
    let error = GradientCheck().largestError(inputs: inputs, arena: arena) { tape, x in
      let y = body(tape, x)
      #expect(y.shape == output)
      return tape.weightedSum(y, weights)
    }
    #expect(error < 1e-8)
  }

  @Test func linear() {
    let a = arena([("w", [4, 3]), ("b", [4]), ("u", [4, 5])])
    check([random([7, 3], "x")], a, output: [7, 5]) { tape, x in
      tape.linear(tape.linear(x[0], a["w"], bias: a["b"]), a["u"], layout: .inputByOutput)
    }
  }

  /// Both matrices of the adapter, the bias, and the input; the frozen matrix gets nothing.
  @Test(arguments: [true, false]) func linearWithAnAdapter(_ wantsInput: Bool) {
    var frozen = ParameterLayout()
    frozen.add("l.weight", [4, 6], .normal(0.7), isLinear: true)
    let base = ParameterArena<Double>(frozen: frozen) { KeptWeights(random: $0, seed: 2, precision: .f32) }
    var layout = ParameterLayout()
    layout.add("b", [4], .normal(0.7))
    LowRankAdapter<Double>.declare("l", 6, 4, rank: 2, into: &layout)
    let arena = ParameterArena(
      layout: layout, weights: random([layout.count], "weights"), base: base, adapterScale: 1.5,
      gradients: Tensor(zeros: [layout.count]), pieceElements: 7)
    let x = random([5, 6], "x")
    check(wantsInput ? [x] : [], arena, output: [5, 4]) { tape, inputs in
      tape.linear(
        wantsInput ? inputs[0] : tape.constant(x), arena["l.weight"], bias: arena["b"], adapter: arena.adapter(of: "l"))
    }
    let tape = Tape(pool: BufferPool<Double>(), recording: false)
    let y = tape.linear(tape.constant(x), arena["l.weight"], adapter: arena.adapter(of: "l")).value
    let merged = arena.effectiveValue(of: "l.weight")
    #expect(merged.array != base["l.weight"].value.array)
    let expected = tape.pool.tensor([5, 4])
    multiply(x.matrix, merged.matrix, transposeB: true, into: expected.matrix)
    for (a, b) in zip(y.array, expected.array) { #expect(abs(a - b) < 1e-12) }
  }

  @Test func normalisations() {
    let a = arena([("w", [6]), ("b", [6]), ("r", [6])])
    check([random([5, 6], "x")], a, output: [5, 6]) { tape, x in
      tape.rmsNorm(tape.layerNorm(x[0], a["w"], bias: a["b"], epsilon: 1e-6), a["r"], epsilon: 1e-5)
    }
  }

  @Test func activationsAndResidual() {
    check([random([5, 6], "x"), random([5, 6], "z")], output: [5, 6]) { tape, x in
      tape.add(tape.swiglu(gate: tape.gelu(x[0]), up: x[1]), x[0])
    }
  }

  @Test(arguments: Activation.allCases) func everyActivationAndTheGatedProduct(_ function: Activation) {
    check([random([5, 6], "x"), random([5, 6], "z")], output: [5, 6]) { tape, x in
      tape.product(tape.activation(x[0], function), x[1])
    }
  }

  /// torch.nn.functional's gelu, silu, and x sigmoid(1.702 x) at -2, -0.5, 0 and 1.5.
  @Test func activationsHaveTheValuesOfTorch() {
    let tape = Tape(pool: BufferPool<Double>(), recording: false)
    let x = tape.constant(Tensor([-2, -0.5, 0, 1.5], [4]))
    let expected: [Activation: [Double]] = [
      .gelu: [-0.04550026389635842, -0.15426876936299344, 0, 1.399789198096713],
      .silu: [-0.2384058440442351, -0.1887703343990727, 0, 1.2263617142904655],
      .quickGELU: [-0.06434137685579186, -0.1496115633936199, 0, 1.3916621984470765],
    ]
    for (function, values) in expected {
      for (found, value) in zip(tape.activation(x, function).value.array, values) {
        #expect(abs(found - value) < 1e-9, "\(function)")
      }
    }
  }

  @Test func columnsAreJoinedRowByRow() {
    check([random([4, 3], "x"), random([4, 3], "z")], output: [4, 9]) { tape, x in
      tape.joinColumns([x[0], x[1], x[0]])
    }
    let tape = Tape(pool: BufferPool<Double>(), recording: false)
    let parts = [[1, 2, 3, 4], [5, 6, 7, 8]].map { tape.constant(Tensor<Double>($0, [2, 2])) }
    #expect(tape.joinColumns(parts).value.array == [1, 2, 5, 6, 3, 4, 7, 8])
  }

  /// Inverse frequencies that modeling_rope_utils of transformers 5.23 gives for these settings.
  @Test func stretchedFrequenciesAreThoseOfTransformers() {
    let llama3 = RotaryScaling.llama3(factor: 4, low: 1, high: 4, positions: 32)
    let expected: [(RotaryScaling, Double, [Float])] = [
      (
        llama3, 5e4,
        [
          1.0, 0.08514665812253952, 0.016718508675694466, 0.0043234084732830524, 0.0011180340079590678,
          0.00028912373818457127, 7.47674421290867e-05, 1.933486964844633e-05,
        ]
      ),
      (
        .linear(factor: 2.5), 2e4,
        [
          0.4000000059604645, 0.11599285900592804, 0.033635858446359634, 0.009753798134624958, 0.0028284271247684956,
          0.0008201933233067393, 0.00023784142103977501, 6.896976992720738e-05,
        ]
      ),
    ]
    for (scaling, theta, values) in expected {
      for (found, value) in zip(scaling.frequencies(width: 16, theta: theta), values) {
        #expect(abs(found - value) <= 2 * value.ulp, "\(scaling)")
      }
    }
  }

  @Test func rowsAndEmbedding() {
    let a = arena([("table", [9, 4])])
    check([random([3, 4], "x")], a, output: [6, 4]) { tape, x in
      let text = tape.embedding([0, 8, 2, 2, 5], a["table"])
      let merged = tape.replaceRows(text, at: [1, 4], by: tape.gatherRows(x[0], [2, 0]))
      return tape.gatherRows(merged, [0, 1, 1, 3, 4, 2])
    }
  }

  @Test func rotary() {
    let table = RotaryTable<Double>(positions: [0, 3, 1], width: 4, theta: 100)
    let scale = arena([("w", [8])])
    check([random([3, 8], "x")], scale, output: [3, 8]) { tape, x in
      tape.rotary(tape.rmsNorm(x[0], scale["w"], epsilon: 1e-5), heads: 2, table: table)
    }
  }

  @Test(arguments: [false, true]) func attentionWithGroupsMasksAndRaggedSequences(causal: Bool) {
    let queries = Segments(lengths: [3, 1, 2])
    let keys = causal ? Segments(lengths: [3, 2, 4]) : Segments(lengths: [2, 4, 1])
    let mask = AttentionMask(
      causal: causal, keys: causal ? nil : (0..<keys.total).map { $0 % 3 == 1 ? 0 : 1 })
    check([random([6, 8], "q"), random([keys.total, 4], "k"), random([keys.total, 6], "v")], output: [6, 12]) {
      tape, x in
      tape.attention(
        x[0], x[1], x[2], heads: 4, keyValueHeads: 2, queries: queries, keys: keys, mask: mask)
    }
  }

  /// Whether or not its two uses have shares of their own.
  @Test(arguments: [false, true]) func aTableUsedAsEmbeddingAndAsHeadGetsBothShares(isDeclared: Bool) {
    var layout = ParameterLayout()
    layout.add("table", [9, 4], .normal(0.7))
    if isDeclared { layout.addLaterUse("table") }
    let a = ParameterArena<Double>(layout: layout, trainable: true, pieceElements: 24)
    a.initialise(seed: 9)
    #expect(a.gradientLayout.shares.count == (isDeclared ? 2 : 1))
    check([random([3, 4], "x")], a, output: [3, 9]) { tape, x in
      tape.linear(tape.add(tape.embedding([1, 8, 1], a["table"]), x[0]), a["table"])
    }
  }

  @Test func piecesComeOnceEachInDescendingOrderAlsoOfUnusedParameters() {
    let a = arena([("first", [5, 5]), ("unused", [10, 10]), ("last", [5, 5])])
    let sink = RecordingSink(a)
    a.beginBackward(into: sink)
    let tape = Tape(pool: BufferPool<Double>())
    let x = tape.constant(random([2, 5], "x"))
    let y = tape.linear(tape.linear(x, a["first"]), a["last"])
    _ = tape.weightedSum(y, random([2, 5], "probe"))
    a.settleUses()
    #expect(sink.seen.isEmpty)
    tape.backward()
    #expect(sink.seen == Array((0..<a.gradientLayout.pieces.count).reversed()) && sink.seen.count > 3)
    a.endBackward()
    #expect(a.waitingBytes == 0, "every contribution went straight into the sink")
    #expect(sink.gradient(of: "unused").sumOfSquares == 0)
    #expect(sink.gradient(of: "first").sumOfSquares > 0)
  }

  /// A layout in another order than forward's costs memory, not correctness.
  @Test func contributionsOutOfOrderWaitForTheirTurn() {
    let ordered = arena([("first", [5, 5]), ("last", [5, 5])])
    let turned = arena([("last", [5, 5]), ("first", [5, 5])])
    let gradients = [ordered, turned].map { a in
      let sink = RecordingSink(a)
      a.beginBackward(into: sink)
      let tape = Tape(pool: BufferPool<Double>())
      let y = tape.linear(tape.linear(tape.constant(random([2, 5], "x")), a["first"]), a["last"])
      _ = tape.weightedSum(y, random([2, 5], "probe"))
      a.settleUses()
      tape.backward()
      a.endBackward()
      #expect(sink.seen == Array((0..<a.gradientLayout.pieces.count).reversed()))
      return sink.gradient(of: "first").array + sink.gradient(of: "last").array
    }
    #expect(gradients[0] == gradients[1] && turned.waitingBytes > 0 && ordered.waitingBytes == 0)
  }

  @Test func aSteadyPassTakesNoNewMemoryAndGivesTheSameBits() {
    let a = arena([("w", [8, 8]), ("g", [8])])
    let pool = BufferPool<Double>()
    var misses: [Int] = []
    var bits: [[Double]] = []
    for _ in 0..<3 {
      a.beginBackward()
      let tape = Tape(pool: pool)
      let x = tape.constant(random([6, 8], "x"))
      let h = tape.rmsNorm(tape.linear(x, a["w"]), a["g"], epsilon: 1e-5)
      let y = tape.attention(
        h, h, h, heads: 2, keyValueHeads: 2, queries: Segments(lengths: [2, 4]), keys: Segments(lengths: [2, 4]),
        mask: AttentionMask(causal: true))
      _ = tape.weightedSum(y, random([6, 8], "probe"))
      tape.backward()
      a.endBackward()
      misses.append(pool.misses)
      bits.append(a.gradients?.array ?? [])
    }
    #expect(misses[1] == misses[2] && misses[0] == misses[1])
    #expect(bits[0] == bits[1] && bits[1] == bits[2])
  }
}

/// Keeps the pieces of a pass with their order.
final class RecordingSink<Element: Scalar>: GradientSink {
  private(set) var seen: [Int] = []
  private let arena: ParameterArena<Element>
  private let memory: Tensor<Element>

  init(_ arena: ParameterArena<Element>) {
    self.arena = arena
    memory = Tensor(zeros: [arena.gradientLayout.count])
  }

  func open(_ piece: Int) -> Tensor<Element> {
    let range = arena.gradientLayout.pieces[piece].range
    memory.range(range).fill(.nan)
    return memory.range(range)
  }

  func close(_ piece: Int) { seen.append(piece) }

  func gradient(of name: String) -> Tensor<Element> {
    let layout = arena.gradientLayout
    return memory.range(layout.shares[layout.sharesOfEntry[arena[name].index][0]].range)
  }
}

/// Branches: conversations behind a common beginning that do not see each other.
@Suite struct BranchTests {
  private func random(_ shape: [Int], _ purpose: String) -> Tensor<Double> {
    var random = CounterRandom(seed: 6, purpose: purpose)
    return Tensor((0..<shape.reduce(1, *)).map { _ in random.normal() }, shape)
  }

  private let sequences = Segments(lengths: [7, 3])
  private let mask = AttentionMask(causal: true, branches: [[3..<5, 5..<7], []])

  @Test func theirGradientsAgreeWithFiniteDifferences() {
    let weights = random([10, 4], "probe")
    let error = GradientCheck().largestError(inputs: [
      random([10, 4], "q"), random([10, 4], "k"), random([10, 4], "v"),
    ]) {
      tape, x in
      tape.weightedSum(
        tape.attention(x[0], x[1], x[2], heads: 2, keyValueHeads: 2, queries: sequences, keys: sequences, mask: mask),
        weights)
    }
    #expect(error < 1e-8)
  }

  @Test func aBranchIsAsIfTheOthersWereNotThere() {
    let tape = Tape(pool: BufferPool<Double>(), recording: false)
    let x = random([10, 4], "x")
    let all = tape.constant(x)
    let joined = tape.attention(
      all, all, all, heads: 2, keyValueHeads: 2, queries: sequences, keys: sequences, mask: mask)
    let alone = tape.gatherRows(all, [0, 1, 2, 5, 6])
    let single = Segments(lengths: [5])
    let expected = tape.attention(
      alone, alone, alone, heads: 2, keyValueHeads: 2, queries: single, keys: single, mask: AttentionMask(causal: true))
    for column in 0..<4 {
      for (row, place) in [0, 1, 2, 5, 6].enumerated() {
        #expect(abs(joined.value[place * 4 + column] - expected.value[row * 4 + column]) < 1e-14)
      }
    }
  }
}
