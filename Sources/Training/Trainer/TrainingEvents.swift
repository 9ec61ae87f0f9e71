import Tensors

/// What one optimiser step did, the same on every rank.
public struct StepRecord: Codable, Sendable {
  /// Steps done, counted from 1.
  public var step: Int
  /// Steps of the whole phase.
  public var steps: Int
  /// Total loss and its parts, over the global batch; those that are numbers.
  public var losses: [String: Double]
  public var learningRate: Double
  /// Norm of the gradient before clipping; nil where it is no number.
  public var gradientNorm: Double?
  /// Seconds of this step, of the slowest rank.
  public var seconds: Double
  /// Seconds in the step's parts, the mean over the ranks: data, compute, fold (adding), network (between nodes), wait
  /// (for other ranks, with nothing to add), optimizer and checkpoint (standing still for a save).
  public var parts: [String: Double]
  /// The rank that was busy for longest.
  public var slowest: Int
  public var samplesPerSecond: Double
  /// Floating-point operations of the student's and the losses' matrix products, of all ranks together.
  public var operations: Double
  /// What each rank computed.
  public var ranks: [RankShare]
  /// On steps where it was measured: per term of the loss, the norm of its share, factor included, of the gradient by
  /// the student's connector weight.
  public var norms: [String: Double]?
  /// On the same steps: the factor of each term in the total.
  public var factors: [String: Double]?
  /// Where the weights were not updated by this step.
  public var refusal: Refusal?

  /// Why a step was not made, and with what.
  public struct Refusal: Codable, Sendable, Equatable {
    public var reason: String
    /// The step whose checkpoint weights and moments went back to; nil where the update was just left out.
    public var backTo: Int?
    /// Names of the batch's samples, in order.
    public var samples: [String]
  }

  /// The shards and samples of one rank.
  public struct RankShare: Codable, Sendable, Equatable {
    public var rank: Int
    public var shards: [Int]
    public var samples: Int

    public init(rank: Int, shards: [Int], samples: Int) {
      self.rank = rank
      self.shards = shards
      self.samples = samples
    }
  }

  public init(
    step: Int, steps: Int, losses: [String: Double], learningRate: Double, gradientNorm: Double?, seconds: Double,
    parts: [String: Double], slowest: Int, samplesPerSecond: Double, operations: Double, ranks: [RankShare],
    norms: [String: Double]? = nil,
    factors: [String: Double]? = nil, refusal: Refusal? = nil
  ) {
    self.step = step
    self.steps = steps
    self.losses = losses
    self.learningRate = learningRate
    self.gradientNorm = gradientNorm
    self.seconds = seconds
    self.parts = parts
    self.slowest = slowest
    self.samplesPerSecond = samplesPerSecond
    self.operations = operations
    self.ranks = ranks
    self.norms = norms
    self.factors = factors
    self.refusal = refusal
  }
}

/// What a save took of the training's time; the rest of it was done behind its back.
public struct SaveCost: Sendable, Equatable {
  /// Seconds that training stood still, on the rank where that was longest.
  public var stopped: Double
  /// Seconds of them in which it waited for the save, since `checkpoint.memory` did not hold what was still to be written.
  public var waited: Double
  /// Bytes that were copied, of all ranks.
  public var copiedBytes: Int

  public init(stopped: Double, waited: Double, copiedBytes: Int) {
    self.stopped = stopped
    self.waited = waited
    self.copiedBytes = copiedBytes
  }
}

/// Told by the trainer, on rank 0 alone, what happens; printing and logging live above.
public protocol TrainingObserver: AnyObject {
  /// A phase (`teacher` or `student`) begins or goes on at `step` of `steps`.
  func began(phase: String, step: Int, steps: Int, parameters: Int)
  func finished(_ record: StepRecord, phase: String) throws
  func saved(_ checkpoint: Checkpoint, _ cost: SaveCost)
  /// The student was evaluated; the last score is the new one.
  func scored(_ scores: Scores, phase: String)
  /// So many records of a task beside training, such as an evaluation, are done.
  func progress(_ name: String, done: Int, of count: Int)
  func note(_ message: String)
  func warn(_ message: String)
}
