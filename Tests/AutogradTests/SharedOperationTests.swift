import Tensors
import Testing

@testable import Autograd

/// Operations whose loops are shared among threads give what one thread gives.
@Suite struct SharedOperationTests {
  private func random(_ shape: [Int], _ purpose: String) -> Tensor<Float> {
    var random = CounterRandom(seed: 3, purpose: purpose)
    return Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.normal()) }, shape)
  }

  private func results(threads: Int, _ body: (Tape<Float>) -> Variable<Float>) -> [Float] {
    let team = threads == 0 ? nil : ThreadTeam(threads: threads)
    return body(Tape<Float>(pool: BufferPool(), recording: false, team: team)).value.array
  }

  /// Row by row and element by element, so the same bits.
  @Test(arguments: [1, 2, 3]) func rowsAreTheSame(threads: Int) {
    var layout = ParameterLayout()
    layout.add("gain", [130], .normal(1))
    layout.add("shift", [130], .normal(1))
    let arena = ParameterArena<Float>(layout: layout, trainable: false)
    arena.initialise(seed: 4)
    let (x, z) = (random([700, 130], "x"), random([700, 130], "z"))
    let operations: [(Tape<Float>, Variable<Float>, Variable<Float>) -> Variable<Float>] = [
      { tape, x, _ in tape.layerNorm(x, arena["gain"], bias: arena["shift"], epsilon: 1e-5) },
      { tape, x, _ in tape.rmsNorm(x, arena["gain"], epsilon: 1e-5) },
      { tape, x, _ in tape.activation(x, .geluTanh) },
      { tape, x, _ in tape.activation(x, .gelu) },
      { tape, x, _ in tape.activation(x, .quickGELU) },
      { tape, x, z in tape.swiglu(gate: x, up: z) },
      { tape, x, z in tape.add(x, z) },
    ]
    for operation in operations {
      func body(_ tape: Tape<Float>) -> Variable<Float> { operation(tape, tape.constant(x), tape.constant(z)) }
      #expect(results(threads: threads, body) == results(threads: 0, body))
    }
  }

  /// Heads of attention that is formed block by block; the products' pieces move no more than the last bits.
  @Test(arguments: [(1, 1), (6, 6), (6, 2), (5, 1)], [false, true]) func headsAreTheSame(
    _ heads: (queries: Int, keys: Int), causal: Bool
  ) {
    let (rows, width) = (300, 16)
    let q = random([rows, heads.queries * width], "q")
    let (k, v) = (random([rows, heads.keys * width], "k"), random([rows, heads.keys * width], "v"))
    let sequences = Segments(lengths: [280, 20])
    func body(_ tape: Tape<Float>) -> Variable<Float> {
      tape.attention(
        tape.constant(q), tape.constant(k), tape.constant(v), heads: heads.queries, keyValueHeads: heads.keys,
        queries: sequences, keys: sequences, mask: AttentionMask(causal: causal))
    }
    let alone = results(threads: 0, body)
    #expect(alone.allSatisfy(\.isFinite) && Set(alone.map(\.bitPattern)).count > alone.count / 2)
    for threads in 1...3 {
      #expect(zip(results(threads: threads, body), alone).allSatisfy { abs($0 - $1) < 1e-5 })
    }
  }
}
