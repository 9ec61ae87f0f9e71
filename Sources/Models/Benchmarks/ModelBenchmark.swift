import Autograd
import Foundation
import Tensors

/// Times a model's forward, forward with backward, and whole training step on random input: one image and some text per
/// sample.
///
/// Settings of the product library (threads) are the caller's.
public struct ModelBenchmark: Sendable {
  public var configuration: Idefics3Configuration
  public var samples: Int
  /// Tokens of text after the visual tokens of each sample.
  public var textTokens: Int
  /// Rows of each sample whose logits are taken.
  public var answerTokens: Int
  public var precision: Precision
  /// Whether each block keeps its input alone and is computed again in backward.
  public var recomputesBlocks: Bool

  public init(
    _ configuration: Idefics3Configuration, samples: Int = 4, textTokens: Int = 24, answerTokens: Int = 8,
    precision: Precision = .f32, recomputesBlocks: Bool = false
  ) {
    self.configuration = configuration
    self.samples = samples
    self.textTokens = textTokens
    self.answerTokens = min(answerTokens, textTokens)
    self.precision = precision
    self.recomputesBlocks = recomputesBlocks
  }

  /// Seconds of each run, and what the last one took.
  public struct Result: Codable, Sendable {
    public let parameters: Int
    public var forward: [Double] = []
    /// Forward, cross-entropy of the answer tokens and backward.
    public var forwardAndBackward: [Double] = []
    /// The same and one AdamW update.
    public var step: [Double] = []
    /// Floating-point operations of the matrix products of a step, recomputation included.
    public var operations = 0.0
    /// Seconds of a step within them.
    public var productSeconds = 0.0
    /// Bytes of activations and gradients of activations at their peak.
    public var activationBytes = 0

    /// Operations of the products per second within them, in units of 10^9.
    public var productGigaflops: Double { operations / productSeconds / 1e9 }
    /// Share of the fastest step that the products take.
    public var productShare: Double { productSeconds / (step.min() ?? .infinity) }
  }

  /// - Parameter repetitions: runs timed, after one that fills the pool.
  /// - Throws: `UserError` when no model can be built from the configuration.
  public func run(repetitions: Int, onlySteps: Bool = false) throws -> Result {
    try configuration.validate()
    let arena = ParameterArena<Float>(layout: configuration.layout, trainable: true, precision: precision)
    arena.initialise(seed: 1)
    let model = Idefics3(configuration, arena: arena)
    let work = BenchmarkPass(self, model: model)
    var result = Result(parameters: configuration.parameterCount)
    if !onlySteps {
      result.forward = timed(repetitions) { work.forward() }
      result.forwardAndBackward = timed(repetitions) { _ = work.backward() }
    }
    var meter = ProductMeter()
    result.step = timed(repetitions) { meter = work.step() }
    (result.operations, result.productSeconds) = (meter.operations, meter.seconds)
    result.activationBytes = work.activationBytes
    return result
  }

  private func timed(_ repetitions: Int, _ body: () -> Void) -> [Double] {
    body()  // fills the pool
    let clock = ContinuousClock()
    return (0..<max(1, repetitions)).map { _ in clock.measure(body) / .seconds(1) }
  }
}

extension Idefics3Configuration {
  /// Input of a benchmark: samples of one random image and some text behind its visual tokens.
  func randomInput(samples: Int, textTokens: Int) -> ModelInput<Float> {
    let side = vision.imageSize
    let pixels = Tensor<Float>(uninitialised: [samples, vision.channels, side, side])
    var random = CounterRandom(seed: 1, purpose: "benchmark input")
    for index in 0..<pixels.count { pixels[index] = Float(random.uniform(-1, 1)) }
    let word = imageToken == 0 ? 1 : 0
    let sample = [Int](repeating: imageToken, count: tokensPerImage) + [Int](repeating: word, count: textTokens)
    return ModelInput(
      pixels: pixels, ids: (0..<samples).flatMap { _ in sample },
      sequences: Segments(count: samples, length: sample.count))
  }
}
