import Autograd
import Tensors

/// The passes of a `ModelBenchmark` over one model, with their memory.
public final class BenchmarkPass {
  private let benchmark: ModelBenchmark
  private let model: Idefics3<Float>
  private let input: ModelInput<Float>
  private let pool = BufferPool<Float>()
  private let rows: [Int]
  private lazy var moments = (
    Tensor<Float>(zeros: [model.arena.layout.count]), Tensor<Float>(zeros: [model.arena.layout.count])
  )
  private var steps = 0

  public init(_ benchmark: ModelBenchmark, model: Idefics3<Float>) {
    self.benchmark = benchmark
    self.model = model
    input = benchmark.configuration.randomInput(samples: benchmark.samples, textTokens: benchmark.textTokens)
    let length = input.sequences[0].count
    rows = (1...benchmark.samples).flatMap { Array($0 * length - benchmark.answerTokens..<$0 * length) }
  }

  /// Bytes of activations and gradients of activations at their peak.
  public var activationBytes: Int { pool.bytesHeld }

  private func logits(_ tape: Tape<Float>) -> Variable<Float> {
    model.logits(tape.gatherRows(model.forward(input, tape: tape).hidden, rows), tape: tape)
  }

  public func forward() { _ = logits(Tape(pool: pool, recording: false, precision: benchmark.precision)) }

  /// Forward, cross-entropy of the answer tokens and backward.
  ///
  /// - Parameters:
  ///   - sink: of the gradient; nil = the arena's own memory.
  ///   - interlude: called before each block.
  public func backward(
    into sink: (any GradientSink<Float>)? = nil, interlude: (() -> Void)? = nil
  ) -> ProductMeter {
    let meter = ProductMeter()
    let tape = Tape(
      pool: pool, precision: benchmark.precision, recomputesBlocks: benchmark.recomputesBlocks, meter: meter,
      interlude: interlude)
    model.arena.beginBackward(into: sink)
    do {
      let logits = logits(tape)
      let weight = Float(1) / Float(rows.count)
      for row in 0..<rows.count { _ = logits.value.crossEntropyRow(row, label: row, weight: weight) }
      let (cotangent, gradient) = (logits.cotangent, logits.value)
      tape.recordLoss { [pool] in cotangent.accumulate(gradient, owned: false, pool: pool) }
    }
    model.arena.settleUses()
    tape.backward()
    model.arena.endBackward()
    return meter
  }

  /// The same and one AdamW update.
  func step() -> ProductMeter {
    let meter = backward()
    steps += 1
    for parameter in model.arena.parameters {
      guard let gradient = parameter.gradient else { continue }
      let range = parameter.entry.range
      AdamWStep(learningRate: 1e-5, step: steps)
        .update(
          weight: model.arena.weights.range(range), gradient: gradient.reshaped([range.count]),
          moment1: moments.0.range(range), moment2: moments.1.range(range))
    }
    model.arena.round(0..<model.arena.layout.count)
    return meter
  }
}
