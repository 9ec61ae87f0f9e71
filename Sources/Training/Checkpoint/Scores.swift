/// How good the weights were, each time that was measured in training; higher is better.
public struct Scores: Codable, Sendable, Equatable {
  public struct Score: Codable, Sendable, Equatable {
    public var step: Int
    public var value: Double
  }

  /// What was measured, in words.
  public var metric: String
  /// In the order of the steps.
  public private(set) var all: [Score] = []

  public init(metric: String) { self.metric = metric }

  /// The earliest of the highest.
  public var best: Score? { Self.best(of: all) }

  /// The earliest of the highest of these steps.
  public func best(among steps: Set<Int>) -> Score? { Self.best(of: all.filter { steps.contains($0.step) }) }

  private static func best(of scores: [Score]) -> Score? {
    scores.reduce(nil) { best, score in best.map { $0.value >= score.value } ?? false ? best : score }
  }

  /// - Returns: whether it is better than all before.
  public mutating func add(_ value: Double, step: Int) -> Bool {
    let before = best
    all.append(Score(step: step, value: value))
    return before.map { value > $0.value } ?? true
  }
}

/// Something that all ranks together ask now and then how good the weights are.
public struct PeriodicEvaluation {
  /// What it measures, in words.
  public var metric: String
  /// Steps between two of them.
  public var every: Int
  /// Collective; the same on every rank, nil where there is no score.
  ///
  /// - Throws: `AgreedError` of kind stopped when a stop was asked for meanwhile.
  public var score: (_ step: Int) throws -> Double?

  public init(metric: String, every: Int, score: @escaping (_ step: Int) throws -> Double?) {
    self.metric = metric
    self.every = every
    self.score = score
  }
}
