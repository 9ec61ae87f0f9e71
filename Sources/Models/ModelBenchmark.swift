import Autograd
import Foundation
import Tensors

/// Times a model's forward and forward with backward on random input: one image and some text per sample.
///
/// Settings of the product library (threads) are the caller's.
public struct ModelBenchmark: Sendable {
  public var configuration: Idefics3Configuration
  public var samples: Int
  /// Tokens of text after the visual tokens of each sample.
  public var textTokens: Int
  /// Rows of each sample whose logits are taken.
  public var answerTokens: Int
  /// Passes timed; the fastest counts.
  public var repetitions: Int

  public init(
    _ configuration: Idefics3Configuration, samples: Int = 4, textTokens: Int = 24, answerTokens: Int = 8,
    repetitions: Int = 10
  ) {
    self.configuration = configuration
    self.samples = samples
    self.textTokens = textTokens
    self.answerTokens = min(answerTokens, textTokens)
    self.repetitions = repetitions
  }

  public struct Result: Codable, Sendable {
    public let parameters: Int
    /// Seconds of one pass.
    public let forward: Double
    public let forwardAndBackward: Double
    /// Floating-point operations of the matrix products per second, in units of 10^9.
    public let forwardGigaflops: Double
    public let forwardAndBackwardGigaflops: Double
    /// Bytes of activations and gradients of activations at their peak.
    public let activationBytes: Int
  }

  /// - Throws: `UserError` when no model can be built from the configuration.
  public func run() throws -> Result {
    try configuration.validate()
    let arena = ParameterArena<Float>(layout: configuration.layout, trainable: true)
    arena.initialise(seed: 1)
    let model = Idefics3(configuration, arena: arena)
    let input = randomInput()
    let pool = BufferPool<Float>()
    let length = input.sequences[0].count
    let rows = (1...samples).flatMap { Array($0 * length - answerTokens..<$0 * length) }
    func pass(recording: Bool) {
      let tape = Tape(pool: pool, recording: recording)
      let hidden = model.forward(input, tape: tape).hidden
      let logits = model.logits(tape.gatherRows(hidden, rows), tape: tape)
      guard recording else { return }
      tape.recordLoss { logits.accumulate(logits.value, owned: false, pool: pool) }
      arena.beginBackward()
      tape.backward()
      arena.endBackward()
    }
    let forward = fastest { pass(recording: false) }
    let both = fastest { pass(recording: true) }
    let operations = configuration.productOperations(
      images: samples, lengths: input.sequences.lengths, logitRows: rows.count)
    return Result(
      parameters: configuration.parameterCount, forward: forward, forwardAndBackward: both,
      forwardGigaflops: operations / forward / 1e9, forwardAndBackwardGigaflops: 3 * operations / both / 1e9,
      activationBytes: pool.bytesHeld)
  }

  private func randomInput() -> ModelInput<Float> {
    let side = configuration.vision.imageSize
    let pixels = Tensor<Float>(uninitialised: [samples, configuration.vision.channels, side, side])
    var random = CounterRandom(seed: 1, purpose: "benchmark input")
    for index in 0..<pixels.count { pixels[index] = Float(random.uniform(-1, 1)) }
    let word = configuration.imageToken == 0 ? 1 : 0
    let sample =
      [Int](repeating: configuration.imageToken, count: configuration.tokensPerImage)
      + [Int](repeating: word, count: textTokens)
    return ModelInput(
      pixels: pixels, ids: (0..<samples).flatMap { _ in sample },
      sequences: Segments(count: samples, length: sample.count))
  }

  private func fastest(_ body: () -> Void) -> Double {
    body()  // fills the pool
    let clock = ContinuousClock()
    let times = (0..<max(1, repetitions)).map { _ in clock.measure(body) }
    return times.min().map { $0 / .seconds(1) } ?? 0
  }
}
