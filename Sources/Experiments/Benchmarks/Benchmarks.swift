import Autograd
import Cardiology
import Cluster
import Corpus
import Distillation
import Foundation
import Models
import Tensors
import Training

/// The program's own benchmarks; each figure is the minimum, median and maximum of several runs.
public struct Benchmarks {
  /// One measured figure.
  public struct Result: Codable, Sendable {
    public var name: String
    public var minimum: Double
    public var median: Double
    public var maximum: Double
    /// Each run's value in its order; empty where the extremes alone are known.
    public var runs: [Double]
    public var unit: String
    /// What the figure is to be compared with.
    public var note: String

    init(_ name: String, _ values: [Double], unit: String, note: String = "") {
      let sorted = values.sorted()
      self.name = name
      runs = values
      minimum = sorted.first ?? 0
      median = sorted.isEmpty ? 0 : sorted[sorted.count / 2]
      maximum = sorted.last ?? 0
      self.unit = unit
      self.note = note
    }
  }

  public static let names = [
    "matrix", "model", "losses", "sinkhorn", "memory", "reduce", "step", "engine", "generation",
  ]

  /// The model that "model", "engine" and "generation" time beside the built-in ones: a shape with random weights.
  public struct ModelShape: Sendable {
    /// A folder with a config.json of the Idefics3 family.
    public var folder: URL
    public var precision: Precision
    public var recomputesBlocks: Bool
    /// Tokens of text behind the visual tokens of the one image; the logits of all of them are taken.
    public var textTokens: Int
    /// Of a step of "engine", one sample each.
    public var shards: Int

    public init(folder: URL, precision: Precision, recomputesBlocks: Bool, textTokens: Int, shards: Int) {
      self.folder = folder
      self.precision = precision
      self.recomputesBlocks = recomputesBlocks
      self.textTokens = textTokens
      self.shards = shards
    }
  }

  let communicator: any Communicator
  let repetitions: Int
  let shape: ModelShape?
  /// Of "generation".
  let threads: Int

  /// - Parameters:
  ///   - shape: what "model", "engine" and "generation" time instead of the built-in models.
  ///   - threads: of "generation"; the others keep to those the product library is set to.
  public init(communicator: any Communicator, repetitions: Int, shape: ModelShape? = nil, threads: Int = 1) {
    self.communicator = communicator
    self.repetitions = repetitions
    self.shape = shape
    self.threads = threads
  }

  /// Collective: runs the benchmark of a name; every rank takes part, rank 0's figures are returned.
  public func run(_ name: String) throws -> [Result] {
    switch name {
    case "matrix": return matrix()
    case "model": return try shape.map(steps) ?? models()
    case "losses":
      let timing = try LossBenchmark(runs: repetitions).losses(as: Float.self)
      return [
        milliseconds("three losses, forward and backward", timing),
        Result("their memory beyond the inputs", [Double(timing.memoryBytes) / 1e6], unit: "MB"),
      ]
    case "sinkhorn":
      return [
        milliseconds("Sinkhorn, 32 x 256 x 64, 100 sweeps", LossBenchmark(runs: repetitions).sinkhorn(as: Float.self))
      ]
    case "memory": return try memoryBandwidth()
    case "reduce": return try reduce()
    case "engine": return try engine()
    case "generation": return try generation()
    default: return try step()
    }
  }

  private func milliseconds(_ name: String, _ timing: LossBenchmark.Timing) -> Result {
    var result = Result(name, [], unit: "ms")
    result.minimum = 1e3 * timing.minimum
    result.median = 1e3 * timing.median
    result.maximum = 1e3 * timing.maximum
    return result
  }

  private func matrix() -> [Result] {
    [256, 512, 1024].map { size in
      let measured = MatrixBenchmark().run(size: size, repetitions: repetitions)
      let share = String(
        format: "%.0f%% of the measured peak of %.0f", 100 * measured.median / measured.peak, measured.peak)
      var result = Result("matrix product \(size)^3", [], unit: "GFLOP/s", note: share)
      result.minimum = measured.minimum
      result.median = measured.median
      result.maximum = measured.maximum
      return result
    }
  }

  /// Forward and backward of the built-in models.
  private func models() throws -> [Result] {
    let view = RunConfiguration().data.view
    return try [BuiltInRole.student, .teacher].map { role in
      guard let configuration = try ModelBlueprint(builtIn: role, view: view).configuration as? Idefics3Configuration
      else { throw UserError(.internalFault, "the built-in models are of the Idefics3 family") }
      let measured = try ModelBenchmark(configuration).run(repetitions: repetitions)
      return Result(
        "built-in \(role.rawValue), forward and backward", measured.forwardAndBackward.map { 1e3 * $0 }, unit: "ms",
        note: String(format: "4 samples, products at %.0f GFLOP/s", measured.productGigaflops))
    }
  }

  /// Training steps of a given shape: one image, forward, cross-entropy, backward, AdamW.
  private func steps(_ shape: ModelShape) throws -> [Result] {
    let configuration = try Idefics3Configuration(contentsOf: shape.folder.appendingPathComponent("config.json"))
    let measured = try ModelBenchmark(
      configuration, samples: 1, textTokens: shape.textTokens, answerTokens: shape.textTokens,
      precision: shape.precision, recomputesBlocks: shape.recomputesBlocks
    ).run(repetitions: repetitions, onlySteps: true)
    return [
      Result(
        "training step, \(shape.precision.rawValue)", measured.step, unit: "s",
        note: "\(measured.parameters) parameters, "
          + "\(configuration.tokensPerImage + shape.textTokens) tokens"),
      Result(
        "its matrix products", [measured.productSeconds], unit: "s",
        note: String(
          format: "%.0f%% of the step, %.3f TFLOP at %.0f GFLOP/s, %.0f%% of the measured peak",
          100 * measured.productShare, measured.operations / 1e12, measured.productGigaflops,
          100 * measured.productGigaflops / MatrixBenchmark().run(size: 512, repetitions: 3).peak)),
      Result("its activations and their gradients", [Double(measured.activationBytes) / 1e6], unit: "MB"),
    ]
  }

  func timed(_ body: () throws -> Void) throws -> [Double] {
    try body()
    return try (0..<repetitions).map { _ in
      try communicator.barrier()
      let start = DispatchTime.now().uptimeNanoseconds
      try body()
      return try communicator.maximum(Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-6)
    }
  }

  /// Forward and backward of one shard of the quick start, on every rank at once.
  private func step() throws -> [Result] {
    let configuration = RunConfiguration()
    let corpus = try TrainingCorpus(configuration)
    let student = try ModelBlueprint(builtIn: .student, view: configuration.data.view)
    let teacher = try ModelBlueprint(builtIn: .teacher, view: configuration.data.view)
    let trainee = try Trainee(
      student, objective: configuration.objective, teacher: TeacherShape(teacher.configuration),
      seed: configuration.run.seed)
    let preparer = try corpus.preparer(configuration, student: student.side, teacher: teacher.side)
    let plan = try ShardPlan(globalBatch: configuration.train.globalBatch, shards: configuration.train.shards)
    let samples = try preparer.prepare(step: 0, shard: 0, plan: plan)
    let counts = GlobalCounts(
      sequences: plan.globalBatch,
      answerTokens: samples.reduce(0) { $0 + $1.student.conversation.answerTokens } * plan.shards)
    let computation = ShardComputation(
      student: trainee.model, teacher: try teacher.frozen(), method: trainee.method)
    let sink = WholeGradient<Float>(trainee.arena.gradientLayout)
    let times = try timed {
      _ = try computation.run(
        try computation.prepare(samples), counts: counts, factors: computation.factors, into: sink)
    }
    return [
      Result("shard of the quick start", times, unit: "ms", note: "\(plan.samplesPerShard) samples, teacher included")
    ]
  }
}
