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
/// A step: prepare the shards' samples; count; per round the teacher's forward, now and then the terms' gradient norms,
/// forward, backward and, while it goes on, the fold of finished buckets; norm and clipping; AdamW on this rank's portion
/// of the node's weights; now and then a comparison of the nodes' copies; rank 0 decides on saving and stopping.
/// All ranks call `run`, together.
public final class Trainer {
  public let context: RunContext
  public let plan: PhasePlan
  let trainee: Trainee
  let source: any SampleSource
  let shards: ShardPlan
  let assignment: ShardAssignment
  let fold: OrderedFold
  let optimizer: DistributedOptimizer
  let computation: ShardComputation
  let saves: CheckpointController
  /// What each step is judged by.
  var spikes: SpikeGuard
  let data: [String: String]
  private(set) var step = 0
  private var dump: (step: Int, file: URL)?
  var lastLosses: [String: Double] = [:]
  /// On rank 0: asked before anything is written whether the run folder is still this job's.
  public var guardian: FolderLock? {
    get { saves.lock }
    set { saves.lock = newValue }
  }
  /// Asked now and then how good the weights are; the state with the best score is saved and kept.
  public var evaluation: PeriodicEvaluation?
  /// What that gave so far.
  var scores: Scores?
  /// Absent where the factors are fixed.
  var gradNorm: GradNorm?
  /// Absent where gradient norms are never measured.
  private let partNorms: PartNorms?
  /// Factors of the terms in the step to come.
  var factors: LossFactors { computation.factors.scaled(by: gradNorm?.weights ?? [:]) }

  /// - Parameters:
  ///   - trainee: the model in training with its arena.
  ///   - teacher: frozen; nil for cross-entropy alone, or where a store stands for it.
  ///   - store: of a teacher that ran before.
  ///   - source: of the samples, for both models.
  ///   - data: what identifies samples, view and teacher, by name; a checkpoint of others is refused.
  public init(
    context: RunContext, plan: PhasePlan, trainee: Trainee, teacher: (any VisionLanguageModel<Float>)?,
    store: StoredTeacher? = nil, source: any SampleSource, data: [String: String]
  ) throws {
    let settings = context.configuration.train
    self.context = context
    self.plan = plan
    self.trainee = trainee
    self.source = source
    self.data = data
    saves = CheckpointController(context, trainee: trainee, checkpoints: plan.checkpoints)
    spikes = SpikeGuard(settings.spikes)
    shards = try ShardPlan(globalBatch: settings.globalBatch, shards: settings.shards)
    assignment = try ShardAssignment(shards: settings.shards, ranks: context.communicator.size)
    fold = try OrderedFold(
      trainee.memory.node, parts: trainee.memory.foldMemory, assignment: assignment, reduction: settings.reducing)
    optimizer = DistributedOptimizer(
      layout: trainee.arena.layout, memory: trainee.memory, gradients: fold.sums)
    let computation = ShardComputation(
      student: trainee.model, teacher: teacher, store: store, method: trainee.method, precision: settings.arithmetic,
      recomputesBlocks: settings.recompute)
    self.computation = computation
    let objective = plan.objective
    let isMeasurable = trainee.model.connectorWeight.isTrainable
    partNorms =
      objective.norms.every > 0 && isMeasurable
      ? try PartNorms(
        every: objective.norms.every, computation: computation, layout: trainee.arena.gradientLayout,
        entry: trainee.model.connectorWeight.index, communicator: context.communicator, sharing: settings.sharing,
        assignment: assignment) : nil
    fold.companion = partNorms?.fold
    partNorms?.fold.companion = fold
    if objective.adaptsWeights {
      gradNorm = GradNorm(
        terms: computation.factors.terms, asymmetry: objective.gradnorm.asymmetry, rate: objective.gradnorm.rate)
    }
  }

  /// Asks for a training step to be written as a loss case: the step's number, counted from 1, and the file.
  public func dumpCase(ofStep step: Int, to file: URL) { dump = (step, file) }

  /// Collective: trains until the last step or a request to stop.
  ///
  /// - Returns: the signal that asked for the stop, with the state saved; nil when all steps are done.
  public func run(resume: Resume) throws -> Int? {
    try saves.clear()
    try restore(resume)
    let remarks = try trainee.memory.node.remarks()
    if context.communicator.isController {
      assignment.warning.map(context.observer.warn)
      remarks.forEach(context.observer.warn)
      if context.configuration.train.reducing == .fast {
        context.observer.note("train.reduction fast: other numbers of ranks or nodes give other bits")
      }
      context.observer.began(
        phase: plan.name, step: step, steps: plan.steps,
        parameters: trainee.blueprint.configuration.parameterCount)
    }
    let own = assignment.shards(ofRank: context.communicator.rank)
    let (source, shards) = (source, shards)
    let prefetcher = Prefetcher(step..<max(step, plan.steps), ahead: context.configuration.data.ahead) { step in
      try own.map { try source.prepare(step: step, shard: $0, plan: shards) }
    }
    do {
      return try train(prefetcher)
    } catch let error as AgreedError {
      // What is being saved is of an earlier step and sound.
      _ = try saves.finish()
      throw error
    }
  }

  /// Collective: one step, refused or done.
  func trainStep(_ prefetcher: Prefetcher<[[any TrainingSample]]>) throws {
    var clock = StepClock()
    let operations = computation.operations
    let communicator = context.communicator
    communicator.status.begin(step: step + 1)
    let prepared = Result {
      let batch = try prefetcher.next() ?? []
      try batch.joined().forEach(computation.check)
      return batch
    }
    clock.mark("data")
    let batch = try communicator.agree { try prepared.get() }
    let counts = try counts(of: batch)
    clock.mark("wait")
    let factors = factors
    let norms = partNorms.flatMap { $0.isDue(step: step + 1) ? $0 : nil }
    let recorder = dump?.step == step + 1 ? CaseRecorder() : nil
    norms?.beginStep()
    let statistics = try differentiate(batch, counts: counts, factors: factors, norms: norms, recorder: recorder)
    clock.mark("compute")
    clock.take(fold.times, from: "compute")
    let measured = try norms?.norms()
    if let norms {
      clock.mark("compute")
      clock.take(norms.fold.times, from: "compute")
    }
    let parts = LossParts(
      names: computation.partNames, values: try communicator.foldStatistics(statistics, assignment: assignment))
    clock.mark("wait")
    communicator.status.enter(.optimizer)
    let norm = try clock.measure("optimizer", node: trainee.memory.node) { try optimizer.gradientNorm() }
    if let recorder, let dump {
      try writeCase(recorder, parts: parts, to: dump.file)
    }
    let losses = parts.named.merging(["loss": factors.total(parts)]) { $1 }
    let rate = plan.schedule.rate(at: step)
    let refusal = try refusal(of: batch, losses: losses, norm: norm)
    if refusal == nil {
      lastLosses = losses
      try saves.detach()
      clock.mark("checkpoint")
      try clock.measure("optimizer", node: trainee.memory.node) { try update(rate: rate, norm: norm) }
      spikes.accept(loss: losses["loss"] ?? 0, norm: norm)
      gradNorm?.observe(parts)
      if let measured { gradNorm?.update(losses: parts, norms: measured) }
    } else {
      clock.mark("checkpoint")
    }
    try finishStep()
    try report(
      StepOutcome(losses: losses, rate: rate, norm: norm, norms: measured, factors: factors, refusal: refusal),
      clock: clock, operations: computation.operations - operations)
  }

  /// Collective: AdamW.
  private func update(rate: Double, norm: Double) throws {
    let settings = context.configuration.train
    try optimizer.update(
      AdamWStep(
        learningRate: rate, beta2: 0.99, weightDecay: settings.weightDecay, step: spikes.state.updates + 1,
        gradientScale: settings.clip > 0 && norm > settings.clip ? settings.clip / norm : 1))
  }

  /// Collective: counts the step, and looks now and then at the nodes' copies.
  private func finishStep() throws {
    step += 1
    let every = context.configuration.train.checkEvery
    if every > 0, step % every == 0 { try trainee.compareReplicas() }
  }

  /// Collective: forward, backward and fold of every shard of a step.
  ///
  /// - Returns: the values of the loss parts of this rank's shards.
  private func differentiate(
    _ batch: [[any TrainingSample]], counts: GlobalCounts, factors: LossFactors, norms: PartNorms?,
    recorder: CaseRecorder?
  ) throws -> [[Double]] {
    let rank = context.communicator.rank
    var statistics: [[Double]] = []
    fold.beginStep()
    for round in 0..<assignment.rounds where assignment.shard(round: round, rank: rank) != nil {
      context.communicator.status.enter(.teacher)
      let sink = FoldSink(fold, round: round, layout: trainee.arena.gradientLayout)
      computation.interlude = sink.progress
      let shard = try computation.prepare(batch[round])
      try norms?.measure(shard, round: round, counts: counts, factors: factors)
      context.communicator.status.enter(.forward)
      let parts = try computation.run(shard, counts: counts, factors: factors, recorder: recorder, into: sink)
      try sink.check()
      statistics.append(parts.values(computation.partNames))
    }
    computation.interlude = nil
    try fold.endStep()
    return statistics
  }

  /// Collective: what the losses of the global batch are divided by.
  private func counts(of batch: [[any TrainingSample]]) throws -> GlobalCounts {
    let own = batch.joined().map { sample in
      let student = sample.student.conversation.answerTokens
      return (student, min(student, sample.teacher?.conversation.answerTokens ?? student))
    }
    let sums = try context.communicator.sum([
      Int64(own.reduce(0) { $0 + $1.0 }), Int64(own.reduce(0) { $0 + $1.1 }),
    ])
    return GlobalCounts(
      sequences: shards.globalBatch, answerTokens: Int(sums[0]), sharedAnswerTokens: Int(sums[1]),
      shards: assignment.shards)
  }

  /// Moves the step counter; only for restoring.
  func setStep(_ step: Int) { self.step = step }
}
