import Autograd
import Cluster
import Corpus
import Distillation
import Evaluation
import Foundation
import Models
import Training

/// What a run will take, from its configuration alone: steps, shards per rank, memory.
public struct RunPlan {
  private let resolved: ResolvedConfiguration
  private let ranks: Int
  private let ranksPerNode: Int
  private let student: Int
  private let objective: Int
  private let teacher: Int
  private let assignment: ShardAssignment

  /// - Throws: `UserError` for a model folder that cannot be used.
  public init(_ resolved: ResolvedConfiguration, ranks: Int, ranksPerNode: Int) throws {
    self.resolved = resolved
    self.ranks = ranks
    self.ranksPerNode = ranksPerNode
    let configuration = resolved.configuration
    let blueprint = try DistillationRun.studentBlueprint(configuration)
    let needsTeacher = configuration.objective.needsTeacher
    let store =
      needsTeacher && !configuration.teacher.store.isEmpty
      ? try TeacherStore(URL(fileURLWithPath: configuration.teacher.store)).index : nil
    if let store { try configuration.objective.check(student: blueprint, store: store) }
    let teacherBlueprint = needsTeacher && store == nil ? try DistillationRun.teacherBlueprint(configuration) : nil
    if let teacherBlueprint { try configuration.objective.check(student: blueprint, teacher: teacherBlueprint) }
    let layout = try Trainee.layout(
      blueprint, objective: configuration.objective,
      teacher: store.map { TeacherShape($0.teacher) } ?? teacherBlueprint.map { TeacherShape($0.configuration) })
    student = blueprint.configuration.parameterCount
    objective = layout.entries.reduce(0) { $0 + $1.range.count } - student
    teacher = teacherBlueprint?.configuration.parameterCount ?? 0
    assignment = try ShardAssignment(shards: configuration.train.shards, ranks: ranks)
  }

  /// Configuration and figures as text.
  public func text() throws -> String {
    let train = resolved.configuration.train
    // Weights, gradient and two moments of what is trained, in single precision, on every rank.
    let perRank = 4 * 4 * (student + objective) + 4 * teacher
    var table = TextTable()
    table.heading("Plan", "")
    table.row("student parameters", "\(student)")
    table.row("objective parameters", "\(objective)")
    table.row("teacher parameters", "\(teacher)")
    table.row("student steps", "\(train.steps)")
    table.row("samples per step", "\(train.globalBatch) in \(train.shards) shards")
    table.row("ranks", "\(ranks), \(assignment.rounds) rounds a step")
    table.row("memory per rank", Self.megabytes(perRank) + " and activations")
    table.row("memory per node", Self.megabytes(perRank * ranksPerNode) + " and activations")
    return try resolved.yaml() + "\n" + table.render() + (assignment.warning.map { "warning: \($0)\n" } ?? "")
  }

  private static func megabytes(_ bytes: Int) -> String { String(format: "%.1f MB", Double(bytes) / 1e6) }
}
