import Autograd
import Cluster
import Corpus
import Distillation
import Foundation
import Models
import Tensors

/// What every part of a run shares: the ranks, the settings, who is told.
public struct RunContext {
  public let communicator: any Communicator
  public let configuration: RunConfiguration
  public let stop: StopFlag
  public let observer: any TrainingObserver

  public init(
    communicator: any Communicator, configuration: RunConfiguration, stop: StopFlag, observer: any TrainingObserver
  ) {
    self.communicator = communicator
    self.configuration = configuration
    self.stop = stop
    self.observer = observer
  }
}

/// The optimisation of one phase: how long, how fast, with which objective.
public struct PhasePlan: Sendable {
  /// `student` or `teacher`; names the phase in messages and logs.
  public var name: String
  public var steps: Int
  public var schedule: LearningRateSchedule
  public var objective: ObjectiveConfiguration
  /// Folder of the phase's checkpoints.
  public var checkpoints: URL

  /// The phase that a configuration's `train` and `objective` sections describe.
  public init(name: String, configuration: RunConfiguration, checkpoints: URL) {
    let train = configuration.train
    self.name = name
    steps = train.steps
    schedule = LearningRateSchedule(
      form: LearningRateSchedule.Form(rawValue: train.schedule) ?? .constant, peak: train.learningRate,
      warmup: train.warmup, steps: train.steps, final: train.finalLearningRate)
    objective = configuration.objective
    self.checkpoints = checkpoints
  }
}

/// How to treat what an earlier start of the run left.
public enum Resume: Sendable, Equatable {
  /// Continue from the newest sound checkpoint where there is one.
  case auto
  /// Begin anew; the run folder must be empty.
  case never
  /// Continue from this checkpoint.
  case from(URL)
}

/// Trains one model over the ranks by shards, with the same bits for any number of ranks.
///
/// A step: prepare the shards' samples; count; per round forward, backward and the ordered fold of finished buckets; norm
/// and clipping; AdamW on owned slices; distribution of the weights; rank 0 decides on saving and stopping.
/// All ranks call `run`, together.
public final class Trainer {
  public let context: RunContext
  public let plan: PhasePlan
  let trainee: Trainee
  let preparer: SamplePreparer
  let shards: ShardPlan
  let assignment: ShardAssignment
  let fold: OrderedFold
  let optimizer: DistributedOptimizer
  let computation: ShardComputation
  let data: [String: String]
  private(set) var step = 0
  private var dump: (step: Int, file: URL)?
  var lastLosses: [String: Double] = [:]
  /// Factors of the loss parts in this phase.
  private var weights: LossWeights {
    trainee.objective?.weights ?? LossWeights(alpha: 0, alignment: 0, relation: 0, transport: 0)
  }

  /// - Parameters:
  ///   - trainee: the model in training with its arena.
  ///   - teacher: frozen; nil for cross-entropy alone.
  ///   - data: what identifies samples, view and teacher, by name; a checkpoint of others is refused.
  public init(
    context: RunContext, plan: PhasePlan, trainee: Trainee, teacher: (any VisionLanguageModel<Float>)?,
    preparer: SamplePreparer, data: [String: String]
  ) throws {
    let settings = context.configuration.train
    self.context = context
    self.plan = plan
    self.trainee = trainee
    self.preparer = preparer
    self.data = data
    shards = try ShardPlan(globalBatch: settings.globalBatch, shards: settings.shards)
    assignment = try ShardAssignment(shards: settings.shards, ranks: context.communicator.size)
    let slices = try SlicePlan(count: trainee.arena.layout.count, ranks: context.communicator.size)
    fold = try OrderedFold(
      communicator: context.communicator, gradient: trainee.gradients, plan: slices, assignment: assignment)
    optimizer = DistributedOptimizer(
      layout: trainee.arena.layout, weights: trainee.weights, gradients: trainee.gradients, plan: slices,
      communicator: context.communicator)
    computation = ShardComputation(
      student: trainee.model, teacher: teacher, objective: trainee.objective,
      crossEntropyWeight: trainee.objective?.weights.ofCrossEntropy ?? 1)
  }

  /// Asks for a training step to be written as a loss case: the step's number, counted from 1, and the file.
  public func dumpCase(ofStep step: Int, to file: URL) { dump = (step, file) }

  /// Collective: trains until the last step or a request to stop.
  ///
  /// - Returns: the signal that asked for the stop, with the state saved; nil when all steps are done.
  public func run(resume: Resume) throws -> Int? {
    try restore(resume)
    if context.communicator.isController {
      assignment.warning.map(context.observer.warn)
      context.observer.began(
        phase: plan.name, step: step, steps: plan.steps,
        parameters: trainee.blueprint.configuration.parameterCount)
    }
    let own = assignment.shards(ofRank: context.communicator.rank)
    let (preparer, shards) = (preparer, shards)
    let prefetcher = Prefetcher(step..<max(step, plan.steps), ahead: context.configuration.data.ahead) { step in
      try own.map { try preparer.prepare(step: step, shard: $0, plan: shards) }
    }
    while step < plan.steps {
      try trainStep(prefetcher)
      let signal = try context.stop.agreed(among: context.communicator)
      let every = context.configuration.checkpoint.every
      if signal != 0 || step == plan.steps || (every > 0 && step % every == 0) { try save() }
      if signal != 0, step < plan.steps { return signal }
    }
    return nil
  }

  private func trainStep(_ prefetcher: Prefetcher<[[PreparedSample]]>) throws {
    var clock = StepClock()
    let communicator = context.communicator
    let batch = try communicator.agree { try prefetcher.next() ?? [] }
    clock.mark("data")
    let tokens = try communicator.sum(batch.joined().reduce(0) { $0 + $1.student.conversation.answerTokens })
    let counts = GlobalCounts(sequences: shards.globalBatch, answerTokens: tokens)
    let recorder = dump?.step == step + 1 ? CaseRecorder() : nil
    var statistics: [[Double]] = []
    var foldSeconds = 0.0
    fold.beginStep()
    for round in 0..<assignment.rounds {
      if assignment.shard(round: round, rank: communicator.rank) != nil {
        var failure: (any Error)?
        let parts = try computation.run(batch[round], counts: counts, recorder: recorder) { [fold, trainee] bucket in
          let start = StepClock.now
          if failure == nil { do { try fold.complete(trainee.arena.bucket(bucket)) } catch { failure = error } }
          foldSeconds += StepClock.now - start
        }
        if let failure { throw failure }
        statistics.append(parts.vector)
      }
      try fold.endRound()
    }
    clock.mark("compute")
    clock.move(foldSeconds, from: "compute", to: "fold")
    let parts = LossParts(vector: try communicator.foldStatistics(statistics, assignment: assignment))
    let norm = try optimizer.gradientNorm()
    try refuseNonFinite(parts, norm)
    if let recorder, let dump {
      try writeCase(recorder, parts: parts, to: dump.file)
    }
    let rate = plan.schedule.rate(at: step)
    let clip = context.configuration.train.clip
    try optimizer.update(
      AdamWStep(
        learningRate: rate, beta2: 0.99, weightDecay: context.configuration.train.weightDecay, step: step + 1,
        gradientScale: clip > 0 && norm > clip ? clip / norm : 1))
    clock.mark("optimizer")
    step += 1
    try report(parts, rate: rate, norm: norm, clock: clock)
  }

  private func refuseNonFinite(_ parts: LossParts, _ norm: Double) throws {
    let losses = parts.named(weights: weights)
    guard !norm.isFinite || !losses.values.allSatisfy(\.isFinite) else { return }
    let bad = losses.filter { !$0.value.isFinite }.keys.sorted()
    throw AgreedError(
      UserError(
        .badInput,
        "step \(step + 1): " + (bad.isEmpty ? "the gradient is" : "the loss (\(bad.joined(separator: ", "))) is")
          + " not a finite number; the weights of step \(step) stand in the last checkpoint",
        remedy: "lower train.learning_rate, or look for damaged records in this batch"))
  }

  /// Collective: tells rank 0's observer what the step did, with the slowest rank's times.
  private func report(_ parts: LossParts, rate: Double, norm: Double, clock: StepClock) throws {
    var times = clock.vector
    try context.communicator.reduce(&times, by: .maximum)
    lastLosses = parts.named(weights: weights)
    guard context.communicator.isController else { return }
    let slowest = StepClock(vector: times)
    let perShard = shards.samplesPerShard
    try context.observer.finished(
      StepRecord(
        step: step, steps: plan.steps, losses: lastLosses, learningRate: rate, gradientNorm: norm,
        seconds: slowest.total, parts: slowest.parts, samplesPerSecond: Double(shards.globalBatch) / slowest.total,
        ranks: (0..<context.communicator.size).map { rank in
          let shards = assignment.shards(ofRank: rank)
          return .init(rank: rank, shards: shards, samples: shards.count * perShard)
        }), phase: plan.name)
  }

  /// Moves the step counter; only for restoring.
  func setStep(_ step: Int) { self.step = step }
}
