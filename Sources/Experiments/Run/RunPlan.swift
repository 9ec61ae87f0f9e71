import Autograd
import Cluster
import Corpus
import Distillation
import Evaluation
import Foundation
import Models
import Tensors
import Training

/// What a run will take, before anything is done: steps, shards per rank, arithmetic, memory.
///
/// Shapes come from the configuration and the model folders; the lengths of texts and the number of images from samples:
/// of conversations, up to 1,024 in the order of training, and what the largest shard among them takes is planned for.
public struct RunPlan {
  private let resolved: ResolvedConfiguration
  private let ranks: Int
  private let ranksPerNode: Int
  private let start: RunStart
  private let assignment: ShardAssignment
  /// Of the shards looked at, as student and teacher are given their samples.
  private let shards: [[SampleSize]]
  /// Why the inputs are assumed, where the data cannot be read.
  private let assumption: String?

  /// Plans a start that `train` would make with the same options; what that refuses, this refuses. Data that are not
  /// there are the exception: a plan may be made where they are not.
  /// - Parameter isController: whether this rank holds the settings against the run folder, as rank 0 of a run does.
  /// - Throws: `UserError` as `RunStart`.
  public init(
    _ resolved: ResolvedConfiguration, ranks: Int, ranksPerNode: Int, isController: Bool = true, resume: Resume = .auto,
    dump: (step: Int, file: URL)? = nil
  ) throws {
    self.resolved = resolved
    self.ranks = ranks
    self.ranksPerNode = ranksPerNode
    let configuration = resolved.configuration
    let read = try Self.unlessMissing { try configuration.material() }
    let start = try RunStart(configuration, corpus: read.value)
    if isController { try start.check(resume, dump: dump, ranks: ranks, frozen: start.frozenWeights) }
    self.start = start
    assignment = try ShardAssignment(shards: configuration.train.shards, ranks: ranks)
    let found = try Self.unlessMissing { try start.source.map { try Self.shards($0, configuration.train) } }
    shards = (found.value ?? nil) ?? Self.assumed(start)
    let unread = start.store == nil || read.value != nil ? "" : ", and the teacher store is not compared with the data"
    assumption = (read.missing ?? found.missing).map {
      "the data cannot be read here (\($0)), so one image and 128 tokens of text are assumed\(unread)"
    }
  }

  /// What is read; nil, and why, where it is not there.
  private static func unlessMissing<Value>(_ read: () throws -> Value) throws -> (value: Value?, missing: String?) {
    do { return (try read(), nil) } catch let error as UserError where error.kind == .inputOutput {
      return (nil, error.message)
    }
  }

  private static func shards(_ source: any SampleSource, _ train: RunConfiguration.Train) throws -> [[SampleSize]] {
    let perShard = try ShardPlan(globalBatch: train.globalBatch, shards: train.shards).samplesPerShard
    return try (0..<(source.telling + perShard - 1) / perShard).map { shard in
      try (shard * perShard..<(shard + 1) * perShard).map { try source.size(position: $0) }
    }
  }

  private static func assumed(_ start: RunStart) -> [[SampleSize]] {
    func size(_ model: ModelBlueprint) -> InputSize {
      InputSize(tiles: 1, tokens: model.configuration.tokensPerImage + 128, answerTokens: 64)
    }
    let train = start.configuration.train
    return [(0..<train.globalBatch / train.shards).map { _ in (size(start.student), start.teacher.map(size)) }]
  }

  /// Of a rank.
  var threads: Int { resolved.configuration.train.threads }

  /// Seconds before a job's end at which the run saves and stops.
  var margin: Double { resolved.configuration.run.margin }

  /// The student's steps, and before them those of a built-in teacher that is trained first.
  var steps: Int {
    let configuration = resolved.configuration
    let trainsTeacher = start.teacher != nil && configuration.teacher.path.isEmpty
    return configuration.train.steps + (trainsTeacher ? configuration.teacher.steps : 0)
  }

  /// What is assumed or will not go well.
  public var warnings: [String] { [assumption, assignment.warning].compactMap { $0 } }

  /// Seconds of the shards that a rank does in a step, as timed here: the student's forward and backward.
  ///
  /// - Throws: `UserError` as `ScalingMeasurement`.
  public func measuredStep() throws -> Double {
    Double(assignment.rounds) * (try ScalingMeasurement(resolved.configuration).shardSeconds())
  }

  /// Configuration and figures as text.
  public func text() throws -> String {
    let train = resolved.configuration.train
    let whole = start.student.configuration.parameterCount
    let objective = start.layout.entries.filter { $0.name.hasPrefix(Trainee.objectivePrefix) }
      .reduce(0) { $0 + $1.range.count }
    let trained = start.layout.entries.reduce(0) { $0 + $1.range.count } - objective
    var table = TextTable()
    table.heading("Plan", "")
    table.row("student parameters", "\(whole)" + (train.adaptation == nil ? "" : ", \(trained) of adapters trained"))
    table.row("objective parameters", "\(objective)")
    table.row("teacher parameters", "\(start.teacher?.configuration.parameterCount ?? 0)")
    table.row("student steps", "\(train.steps)")
    table.row("samples per step", "\(train.globalBatch) in \(train.shards) shards")
    table.row("ranks", "\(ranks), \(assignment.rounds) rounds a step")
    let lengths = shards.joined().map(\.student.tokens)
    table.row("tokens of a sample", "\(lengths.min() ?? 0) to \(lengths.max() ?? 0) in \(lengths.count) samples")
    try memory().add(to: &table, ranksPerNode: ranksPerNode)
    return try resolved.yaml() + "\n" + table.render() + warnings.map { "warning: \($0)\n" }.joined()
  }

  func memory() throws -> MemoryPlan {
    try MemoryPlan(
      resolved.configuration, layout: start.layout,
      student: MemoryPlan.Part(blueprint: start.student, shards: shards.map { $0.map(\.student) }),
      teacher: start.teacher.map { MemoryPlan.Part(blueprint: $0, shards: shards.map { $0.compactMap(\.teacher) }) },
      ranks: ranks, rounds: assignment.rounds)
  }
}
