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
/// Shapes come from the configuration and the model folders; the lengths of texts and the number of images from the
/// samples of the first shard.
public struct RunPlan {
  private let resolved: ResolvedConfiguration
  private let ranks: Int
  private let ranksPerNode: Int
  private let student: ModelBlueprint
  /// Nil where none runs.
  private let teacher: ModelBlueprint?
  private let layout: ParameterLayout
  private let assignment: ShardAssignment
  /// Of the first shard, as student and teacher are given them.
  private let inputs: [(student: MemoryPlan.ShardInput, teacher: MemoryPlan.ShardInput?)]
  /// Why the inputs are assumed, where the data cannot be read.
  private let assumption: String?

  /// - Throws: `UserError` for a model folder that cannot be used.
  public init(_ resolved: ResolvedConfiguration, ranks: Int, ranksPerNode: Int) throws {
    self.resolved = resolved
    self.ranks = ranks
    self.ranksPerNode = ranksPerNode
    let configuration = resolved.configuration
    student = try DistillationRun.studentBlueprint(configuration)
    let needsTeacher = configuration.objective.needsTeacher
    let store =
      needsTeacher && !configuration.teacher.store.isEmpty
      ? try TeacherStore(URL(fileURLWithPath: configuration.teacher.store)) : nil
    if let store { try configuration.objective.check(student: student, store: store.index) }
    teacher = needsTeacher && store == nil ? try DistillationRun.teacherBlueprint(configuration) : nil
    if let teacher { try configuration.objective.check(student: student, teacher: teacher) }
    layout = try Trainee.layout(
      student, objective: configuration.objective,
      teacher: store.map { TeacherShape($0.index.teacher) } ?? teacher.map { TeacherShape($0.configuration) },
      adaptation: configuration.train.adaptation)
    assignment = try ShardAssignment(shards: configuration.train.shards, ranks: ranks)
    do {
      inputs = try Self.inputs(configuration, student: student, teacher: teacher, store: store)
      assumption = nil
    } catch let error as UserError where error.kind == .inputOutput {
      inputs = Self.assumed(configuration, student: student, teacher: teacher)
      assumption = "the data cannot be read here (\(error.message)), so one image and 128 tokens of text are assumed"
    }
  }

  private static func inputs(
    _ configuration: RunConfiguration, student: ModelBlueprint, teacher: ModelBlueprint?, store: TeacherStore?
  ) throws -> [(MemoryPlan.ShardInput, MemoryPlan.ShardInput?)] {
    func sizes(_ input: PreparedInput) -> MemoryPlan.ShardInput {
      MemoryPlan.ShardInput(
        tiles: input.tiles, tokens: input.conversation.ids.count, answers: input.conversation.answerTokens)
    }
    let train = configuration.train
    let source = try configuration.material().source(
      configuration, student: student, teacher: teacher, store: store, asksEveryQuestion: false)
    let samples = try source.prepare(
      step: 0, shard: 0, plan: ShardPlan(globalBatch: train.globalBatch, shards: train.shards))
    return samples.map { (sizes($0.student), teacher == nil ? nil : $0.teacher.map(sizes)) }
  }

  private static func assumed(
    _ configuration: RunConfiguration, student: ModelBlueprint, teacher: ModelBlueprint?
  ) -> [(MemoryPlan.ShardInput, MemoryPlan.ShardInput?)] {
    func sizes(_ model: ModelBlueprint) -> MemoryPlan.ShardInput {
      MemoryPlan.ShardInput(tiles: 1, tokens: model.configuration.tokensPerImage + 128, answers: 64)
    }
    let train = configuration.train
    return (0..<train.globalBatch / train.shards).map { _ in (sizes(student), teacher.map(sizes)) }
  }

  /// Configuration and figures as text.
  public func text() throws -> String {
    let train = resolved.configuration.train
    let whole = student.configuration.parameterCount
    let objective = layout.entries.filter { $0.name.hasPrefix(Trainee.objectivePrefix) }
      .reduce(0) { $0 + $1.range.count }
    let trained = layout.entries.reduce(0) { $0 + $1.range.count } - objective
    var table = TextTable()
    table.heading("Plan", "")
    table.row("student parameters", "\(whole)" + (train.adaptation == nil ? "" : ", \(trained) of adapters trained"))
    table.row("objective parameters", "\(objective)")
    table.row("teacher parameters", "\(teacher?.configuration.parameterCount ?? 0)")
    table.row("student steps", "\(train.steps)")
    table.row("samples per step", "\(train.globalBatch) in \(train.shards) shards")
    table.row("ranks", "\(ranks), \(assignment.rounds) rounds a step")
    let lengths = inputs.map(\.student.tokens)
    table.row("tokens of a sample", "\(lengths.min() ?? 0) to \(lengths.max() ?? 0) in the first shard")
    try memory().add(to: &table, ranksPerNode: ranksPerNode)
    let warnings = [assumption, assignment.warning].compactMap { $0 }
    return try resolved.yaml() + "\n" + table.render() + warnings.map { "warning: \($0)\n" }.joined()
  }

  private func memory() throws -> MemoryPlan {
    try MemoryPlan(
      resolved.configuration.train, layout: layout,
      student: MemoryPlan.Part(blueprint: student, inputs: inputs.map(\.student)),
      teacher: teacher.map { MemoryPlan.Part(blueprint: $0, inputs: inputs.compactMap(\.teacher)) }, ranks: ranks,
      rounds: assignment.rounds)
  }
}
