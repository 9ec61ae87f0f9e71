import Autograd
import Cluster
import Models
import Tensors

/// Times training steps of a model of a given shape over the ranks of a job: one sample a shard, forward, cross-entropy,
/// backward, fold, gradient norm and AdamW, all as a run does them, on random weights and input.
public struct EngineBenchmark {
  public let benchmark: ModelBenchmark
  public let shards: Int
  public let sharing: MemorySharing

  /// - Parameters:
  ///   - benchmark: the model's shape, precision and text; one sample is taken.
  ///   - shards: of a step.
  public init(_ benchmark: ModelBenchmark, shards: Int, sharing: MemorySharing = .auto) {
    self.benchmark = benchmark
    self.shards = shards
    self.sharing = sharing
  }

  /// Figures of all steps but the first.
  public struct Result: Sendable {
    public var parameters = 0
    /// Seconds of each step, of the slowest rank.
    public var steps: [Double] = []
    /// Seconds a step in forward and backward: the mean over ranks and steps, as those that follow.
    public var compute = 0.0
    /// In adding and sending.
    public var fold = 0.0
    /// In waiting for other ranks.
    public var wait = 0.0
    /// In norm and AdamW.
    public var optimizer = 0.0
    /// Bytes on this node of weights, folded gradient, moments and buckets, what ranks share counted once.
    public var trainingBytes = 0
    /// Bytes of everything the ranks of this node have, likewise.
    public var nodeBytes = 0
    /// Bytes of the largest rank's activations.
    public var activationBytes = 0
  }

  /// Collective.
  public func run(_ communicator: any Communicator, repetitions: Int) throws -> Result {
    let configuration = benchmark.configuration
    try configuration.validate()
    let layout = configuration.layout
    let memory = try TrainingMemory(
      layout, precision: benchmark.precision, communicator: communicator, sharing: sharing)
    let arena = ParameterArena<Float>(layout: layout, weights: memory.weights, rounded: memory.rounded)
    if memory.node.groups.isLeader { arena.initialise(seed: 1) }
    try memory.node.meet()
    let pass = BenchmarkPass(benchmark, model: Idefics3(configuration, arena: arena))
    let assignment = try ShardAssignment(shards: shards, ranks: communicator.size)
    let fold = try OrderedFold(memory.node, parts: memory.foldMemory, assignment: assignment)
    let optimizer = DistributedOptimizer(layout: layout, memory: memory, gradients: fold.sums)
    var result = Result()
    result.parameters = configuration.parameterCount
    var times = [0.0, 0.0, 0.0, 0.0]
    for step in 0...max(1, repetitions) {
      try communicator.barrier()
      var clock = StepClock()
      fold.beginStep()
      for round in 0..<assignment.rounds where assignment.shard(round: round, rank: communicator.rank) != nil {
        let sink = FoldSink(fold, round: round, layout: arena.gradientLayout)
        _ = pass.backward(into: sink, interlude: sink.progress)
        try sink.check()
      }
      try fold.endStep()
      clock.mark("compute")
      clock.take(fold.times, from: "compute")
      let norm = try optimizer.gradientNorm()
      try optimizer.update(AdamWStep(learningRate: 1e-6, step: step + 1, gradientScale: norm > 1 ? 1 / norm : 1))
      clock.mark("optimizer")
      guard step > 0 else { continue }
      result.steps.append(try communicator.maximum(clock.total))
      for (index, name) in ["compute", "fold", "wait", "optimizer"].enumerated() {
        times[index] += clock.parts[name, default: 0] + (name == "fold" ? clock.parts["network", default: 0] : 0)
      }
    }
    let all = try communicator.allGather(times)
    let mean = times.indices.map { part in
      all.reduce(0) { $0 + $1[part] } / Double(communicator.size * result.steps.count)
    }
    (result.compute, result.fold, result.wait, result.optimizer) = (mean[0], mean[1], mean[2], mean[3])
    result.trainingBytes = try memory.node.proportionalBytes()
    result.nodeBytes = try communicator.memoryUse().node
    result.activationBytes = try communicator.maximum(pass.activationBytes)
    return result
  }
}
