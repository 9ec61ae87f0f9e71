import Tensors

/// Which question a record is asked in an epoch, and whether its answer may be used: keyed draws, the same for every
/// method of a seed and on every rank.
public struct QuestionDraw: Sendable, Equatable {
  /// Copies of each kind of question in a record's deck.
  public struct Mix: Sendable, Equatable {
    /// Of each label, whatever the data set's labels are.
    public var superclass: Int
    public var classification: Int
    public var report: Int

    public init(superclass: Int = 8, classification: Int = 2, report: Int = 1) {
      self.superclass = superclass
      self.classification = classification
      self.report = report
    }

    func copies(of kind: Question.Kind) -> Int {
      switch kind {
      case .label: superclass
      case .classification: classification
      case .report: report
      }
    }
  }

  public let seed: UInt64
  public let mix: Mix

  public init(seed: UInt64, mix: Mix = Mix()) {
    self.seed = seed
    self.mix = mix
  }

  /// The question of a sample in an epoch; nil where the mix leaves it none.
  ///
  /// Each sample has a deck with every question in the copies of the mix. Epoch after epoch one is dealt, and a dealt-out
  /// deck is shuffled anew by the key (seed, pass, sample), so every question comes up equally often.
  public func question(for sample: ECGSample, epoch: Int) -> Question? {
    var deck = sample.questions.flatMap { Array(repeating: $0, count: max(0, mix.copies(of: $0.kind))) }
    guard !deck.isEmpty else { return nil }
    var random = CounterRandom(
      seed: seed, purpose: "question", step: UInt64(epoch / deck.count), sample: UInt64(sample.index))
    for position in deck.indices.dropLast() {
      deck.swapAt(position, position + random.integer(below: deck.count - position))
    }
    return deck[epoch % deck.count]
  }

  /// The other questions of the mix about a sample, each once; reports, whose answers are long, only come when drawn.
  public func others(than drawn: Question, for sample: ECGSample) -> [Question] {
    sample.questions.filter { $0 != drawn && $0.kind != .report && mix.copies(of: $0.kind) > 0 }
  }
}

/// The records whose answers are used when labels are scarce (`train.labelled`).
///
/// Each record is drawn by the key (seed, record), so a smaller fraction keeps a subset of a larger one's records.
public struct LabelledFraction: Sendable, Equatable {
  public let fraction: Double
  public let seed: UInt64

  /// - Throws: `UserError` of kind usage for a fraction outside 0 ... 1.
  public init(_ fraction: Double, seed: UInt64) throws {
    guard (0...1).contains(fraction) else {
      throw UserError(.usage, "train.labelled is \(fraction)", remedy: "set it to a fraction from 0 to 1")
    }
    self.fraction = fraction
    self.seed = seed
  }

  public func isLabelled(_ sample: ECGSample) -> Bool { isLabelled(index: sample.index) }

  /// Whether the answers of the sample with this index in its data set are used.
  func isLabelled(index: Int) -> Bool {
    var random = CounterRandom(seed: seed, purpose: "labelled", sample: UInt64(index))
    return random.uniform() < fraction
  }
}
