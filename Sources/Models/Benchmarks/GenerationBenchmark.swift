import Autograd
import Tensors

/// Times answers of a model with random weights about one image: the first token, and the pace of the others.
///
/// The product library is to be set to one thread.
public struct GenerationBenchmark: Sendable {
  public var configuration: Idefics3Configuration
  /// Tokens of text behind the visual tokens of the image.
  public var textTokens: Int
  /// Tokens of the answer.
  public var answerTokens: Int
  public var team: ThreadTeam

  public init(
    _ configuration: Idefics3Configuration, textTokens: Int = 24, answerTokens: Int = 33, team: ThreadTeam
  ) {
    self.configuration = configuration
    self.team = team
    self.textTokens = textTokens
    self.answerTokens = answerTokens
  }

  /// One form in which weights are kept, and how fast answers came of it.
  public struct Result: Sendable {
    public let precision: Precision
    public var paces: [GenerationPace] = []
  }

  /// - Parameters:
  ///   - repetitions: answers timed, after one that fills memory.
  ///   - between: called before each answer that is timed.
  /// - Throws: `UserError` when no model can be built from the configuration.
  public func run(repetitions: Int, between: () -> Void = {}) throws -> [Result] {
    try configuration.validate()
    let exact = ParameterArena<Float>(layout: configuration.layout, trainable: false)
    exact.initialise(seed: 1)
    let rounded = ParameterArena<Float>(frozen: exact.layout) { entry in
      entry.decays ? KeptWeights(rounding: exact[entry.name].value) : exact[entry.name].kept
    }
    let question = configuration.randomInput(samples: 1, textTokens: textTokens)
    return try [(Precision.bf16, rounded), (.f32, exact)].map { precision, arena in
      let model = Idefics3(configuration, arena: arena)
      let generator = Generator(model, team: team)
      var result = Result(precision: precision)
      for run in 0...max(1, repetitions) {
        if run > 0 { between() }
        var pace = GenerationPace(weightBytes: model.weightBytesPerToken)
        _ = try generator.generate(question, maximumNewTokens: answerTokens, stopTokens: []) { _, _ in
          pace.count()
          return true
        }
        if run > 0 { result.paces.append(pace) }
      }
      return result
    }
  }
}
