import Foundation
import Tensors
import Testing

@testable import Autograd

/// What backward forms again instead of keeping it: the same bits, less memory.
@Suite struct MemoryTests {
  private func random(_ shape: [Int], _ purpose: String) -> Tensor<Float> {
    var random = CounterRandom(seed: 6, purpose: purpose)
    return Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.normal()) }, shape)
  }

  private func arena() -> ParameterArena<Float> {
    var layout = ParameterLayout()
    for layer in 0..<3 {
      layout.add("norm.\(layer)", [8], .constant(1))
      layout.add("in.\(layer)", [24, 8], .normal(0.5))
      layout.add("out.\(layer)", [8, 24], .normal(0.5))
    }
    let arena = ParameterArena<Float>(layout: layout, trainable: true, pieceElements: 50)
    arena.initialise(seed: 2)
    return arena
  }

  /// Three blocks x += out(gelu(in(norm x))) on 64 rows; gradients of the input and of all parameters.
  private func run(recomputes: Bool, drops: Bool) -> (gradients: [Float], pieces: [Int], bytes: Int) {
    let arena = arena()
    let pool = BufferPool<Float>()
    let x = Variable(random([64, 8], "x"), needsGradient: true)
    let sink = RecordingSink(arena)
    arena.beginBackward(into: sink)
    let tape = Tape(pool: pool, recomputesBlocks: recomputes)
    do {
      var y = x
      for layer in 0..<3 {
        y = tape.block(y) { x, tape in
          let normed = tape.rmsNorm(x, arena["norm.\(layer)"], epsilon: 1e-5)
          let wide = tape.linear(normed, arena["in.\(layer)"])
          if drops { tape.drop(normed) }
          let inner = tape.gelu(wide)
          let result = tape.add(x, tape.linear(inner, arena["out.\(layer)"]))
          if drops { tape.drop(inner) }
          return result
        }
      }
      _ = tape.weightedSum(y, random([64, 8], "weights"))
    }
    arena.settleUses()
    tape.backward()
    #expect(arena.waitingBytes == 0 && sink.seen.count == arena.gradientLayout.pieces.count)
    arena.endBackward()
    let gradients = arena.parameters.flatMap { sink.gradient(of: $0.name).array }
    return ((x.gradient?.array ?? []) + gradients, sink.seen, pool.bytesHeld)
  }

  @Test func recomputedBlocksAndDroppedValuesGiveTheSameBits() {
    let kept = run(recomputes: false, drops: false)
    #expect(kept.gradients.contains { $0 != 0 })
    for (recomputes, drops) in [(false, true), (true, false), (true, true)] {
      let other = run(recomputes: recomputes, drops: drops)
      #expect(other.gradients == kept.gradients && other.pieces == kept.pieces)
      #expect(other.bytes < kept.bytes, "\(recomputes) \(drops): \(other.bytes) of \(kept.bytes)")
    }
    #expect(run(recomputes: true, drops: false).bytes < run(recomputes: false, drops: true).bytes)
  }

  /// Attention whose probabilities are not kept, against softmax(Q K^T / sqrt(w)) V written out, and its gradients against
  /// differences; more rows than a block, grouped heads, causal with fewer queries than keys.
  @Test(arguments: [false, true]) func attentionBlockByBlockIsAttention(causal: Bool) {
    let (queries, keys, width) = (400, 420, 2)
    #expect(queries * keys > 1 << 17, "more than one block")
    func number(_ shape: [Int], _ purpose: String) -> Tensor<Double> {
      random(shape, purpose).converted(to: Double.self)
    }
    let inputs = [number([queries, 4 * width], "q"), number([keys, 2 * width], "k"), number([keys, 2 * width], "v")]
    let visible = (0..<keys).map { UInt8($0 % 7 == 3 ? 0 : 1) }
    func attend(_ tape: Tape<Double>, _ x: [Variable<Double>]) -> Variable<Double> {
      tape.attention(
        x[0], x[1], x[2], heads: 4, keyValueHeads: 2, queries: Segments(lengths: [queries]),
        keys: Segments(lengths: [keys]), mask: AttentionMask(causal: causal, keys: visible))
    }
    let result = attend(
      Tape(pool: BufferPool<Double>(), recording: false), inputs.map { Variable($0, needsGradient: false) }
    ).value.matrix
    let (q, k, v) = (inputs[0].matrix, inputs[1].matrix, inputs[2].matrix)
    for (row, head) in [(0, 0), (311, 1), (312, 2), (399, 3)] {
      let scores = (0..<keys).map { key -> Double in
        guard visible[key] != 0, !causal || key <= row + keys - queries else { return 0 }
        var dot = 0.0
        for column in 0..<width { dot += q[row, head * width + column] * k[key, head / 2 * width + column] }
        return exp(dot / Double(width).squareRoot())
      }
      for column in 0..<width {
        let sum = (0..<keys).reduce(0) { $0 + scores[$1] * v[$1, head / 2 * width + column] }
        #expect(abs(result[row, head * width + column] - sum / scores.reduce(0, +)) < 1e-12)
      }
    }
    let weights = number([queries, 4 * width], "probe")
    let error = GradientCheck(elementsPerTensor: 12).largestError(inputs: inputs) { tape, x in
      tape.weightedSum(attend(tape, x), weights)
    }
    #expect(error < 1e-8)
  }

  /// A frozen arena in bfloat16 gives what exact weights that are bfloat16 numbers give.
  @Test func weightsKeptRoundedMultiplyAsTheirValues() {
    var layout = ParameterLayout()
    layout.add("table", [5, 6], .normal(1))
    layout.add("w", [4, 6], .normal(1))
    layout.add("b", [4], .normal(1))
    let exact = ParameterArena<Float>(layout: layout, trainable: false)
    exact.initialise(seed: 3)
    for parameter in exact.parameters {
      parameter.value.matrix.setRoundedValues(of: parameter.value.copy().matrix)
    }
    let rounded = ParameterArena<Float>(frozen: layout) { entry in
      guard entry.decays else { return exact[entry.name].kept }
      let result = Tensor<BFloat16>(uninitialised: entry.shape)
      result.setRounded(exact[entry.name].value)
      return .rounded(result)
    }
    #expect(!rounded["w"].isExact && rounded["b"].isExact)
    for precision in Precision.allCases {
      func output(_ arena: ParameterArena<Float>) -> [Float] {
        let tape = Tape(pool: BufferPool<Float>(), recording: false, precision: precision)
        return tape.linear(tape.embedding([4, 0, 2], arena["table"]), arena["w"], bias: arena["b"]).value.array
      }
      #expect(output(exact) == output(rounded), "\(precision)")
    }
  }

  /// The form in which frozen numbers are kept changes neither outputs, nor derivatives, nor what is saved.
  @Test func frozenWeightsGiveTheSameInEveryForm() {
    var layout = ParameterLayout()
    layout.add("table", [30, 6], .normal(1))
    layout.add("w", [9, 6], .normal(1))
    layout.add("b", [9], .normal(1))
    let halves = ParameterArena<Float>(frozen: layout) { entry in
      var random = CounterRandom(seed: 5, purpose: entry.name)
      // Between 2^-7 and 2 with either sign.
      let numbers = (0..<entry.range.count).map { _ in
        Half(bits: UInt16((random.integer(below: 2) << 15) + 0x2000 + random.integer(below: 0x2000)))
      }
      let kept = KeptWeights<Float>.half(Tensor(numbers, entry.shape))
      return entry.decays ? kept : .exact(kept.exact())
    }
    #expect(halves["w"].kept.bytesPerElement == 2 && halves["w"].kept.isFinite && !halves["w"].isExact)
    let exact = ParameterArena<Float>(frozen: layout) { .exact(halves[$0.name].kept.exact()) }
    // As products in bfloat16 see them.
    let rounded = ParameterArena<Float>(frozen: layout) { entry in
      guard entry.decays else { return exact[entry.name].kept }
      let result = Tensor<BFloat16>(uninitialised: entry.shape)
      result.setRounded(exact[entry.name].value)
      return .rounded(result)
    }
    let ids = (0..<20).map { $0 * 7 % 30 }
    for (precision, others) in [(Precision.f32, [exact]), (.bf16, [exact, rounded])] {
      func output(_ arena: ParameterArena<Float>) -> [[Float]] {
        let tape = Tape(pool: BufferPool<Float>(), precision: precision)
        let x = Variable(tape.embedding(ids, arena["table"]).value.copy(), needsGradient: true)
        let y = tape.linear(x, arena["w"], bias: arena["b"])
        let (cotangent, gradient) = (y.cotangent, y.value)
        tape.recordLoss { [pool = tape.pool] in cotangent.accumulate(gradient, owned: false, pool: pool) }
        tape.backward()
        return [x.value.array, y.value.array, x.gradient?.array ?? []]
      }
      let found = output(halves)
      #expect(found[2].contains { $0 != 0 })
      for other in others { #expect(found == output(other), "\(precision)") }
    }
    for name in ["table", "w", "b"] { #expect(halves.effectiveValue(of: name).array == exact[name].value.array) }
    #expect(halves.digest() != exact.digest())
  }
}
