import Autograd
import Foundation
import TestSupport
import Tensors
import Testing

@testable import Distillation

@Suite struct ObjectiveTests {
  let widths = ObjectiveWidths(student: 8, teacher: 6, studentVisual: 3, teacherVisual: 4)

  private func make(_ change: (inout ObjectiveConfiguration) -> Void = { _ in }) throws
    -> (DistillationObjective<Double>, ParameterArena<Double>)
  {
    var configuration = ObjectiveConfiguration()
    configuration.mhca.heads = 2
    change(&configuration)
    var layout = ParameterLayout()
    try DistillationObjective<Double>.declare(configuration, widths: widths, into: &layout)
    let arena = ParameterArena<Double>(layout: layout, trainable: true)
    arena.initialise(seed: 6)
    return (DistillationObjective(configuration: configuration, widths: widths, arena: arena), arena)
  }

  private func states(_ name: String, _ lengths: [Int], _ width: Int, _ tokens: Int, _ visual: Int)
    -> DistillationStates<Double>
  {
    let segments = Segments(lengths: lengths)
    return DistillationStates(
      hidden: Variable(normal([segments.total, width], name), needsGradient: true), sequences: segments,
      visual: Variable(normal([lengths.count * tokens, visual], name + " visual"), needsGradient: true),
      visualTokens: Segments(count: lengths.count, length: tokens))
  }

  @Test func shardsAddUpToTheBatch() throws {
    let (objective, _) = try make()
    let (student, teacher) = (states("s", [3, 5], 8, 4, 3), states("t", [7, 2], 6, 9, 4))
    let whole = try objective.apply(
      student: student, teacher: teacher, globalSequences: 2, tape: Tape(pool: BufferPool<Double>(), recording: false))
    var sum = LossParts()
    for index in 0..<2 {
      func part(_ side: DistillationStates<Double>) -> DistillationStates<Double> {
        DistillationStates(
          hidden: side.hidden.value.slice(side.sequences[index]),
          sequences: Segments(lengths: [side.sequences[index].count]),
          visual: side.visual.value.slice(side.visualTokens[index]),
          visualTokens: Segments(lengths: [side.visualTokens[index].count]))
      }
      sum += try objective.apply(
        student: part(student), teacher: part(teacher), globalSequences: 2,
        tape: Tape(pool: BufferPool<Double>(), recording: false))
    }
    #expect(abs(objective.factors.total(sum) - objective.factors.total(whole)) < 1e-12)
    #expect(Set(whole.named.keys) == Set(objective.partNames))
    #expect(abs(sum["plan_entropy"] - whole["plan_entropy"]) < 1e-12)
    #expect(sum[.alignment] > 0 && sum[.transport] > 0)
    #expect(abs(sum[.relation] - (sum["rel_D"] + sum["rel_A"]) / 2) < 1e-12)
  }

  @Test func termsSwitchedOffDeclareNothingAndCountNothing() throws {
    let (objective, arena) = try make {
      $0.transport.weight = 0
      $0.relation.weight = 0
    }
    #expect(!arena.contains("objective.transport.projection") && arena.contains("objective.mhca.q"))
    let parts = try objective.apply(
      student: states("s", [3], 8, 4, 3), teacher: states("t", [7], 6, 9, 4), globalSequences: 1,
      tape: Tape(pool: BufferPool<Double>(), recording: false))
    #expect(parts[.alignment] > 0 && Array(parts.named.keys) == objective.partNames)
    let (alone, empty) = try make { $0.method = "ce" }
    #expect(empty.parameters.isEmpty && !alone.needsTeacher && alone.weights.ofCrossEntropy == 1)
  }

  @Test func validationListsEveryProblem() {
    var configuration = ObjectiveConfiguration()
    configuration.method = "film"
    configuration.alpha = 1.5
    configuration.mhca.heads = 5
    configuration.transport.epsilon = -1
    configuration.transport.gradient = "exact"
    let found = configuration.problems(studentWidth: 8)
    #expect(found.count == 5)
    #expect(found[0].contains("evl, ce, kl, tinybert, uld, rkd"))
    #expect(throws: UserError.self) { try configuration.validate() }
  }

  @Test func configurationsSurviveJSON() throws {
    var changed = ObjectiveConfiguration()
    changed.alpha = 0.25
    changed.transport.epsilon = 0.1
    changed.mhca.dk = 12
    for configuration in [ObjectiveConfiguration(), changed] {
      #expect(
        try JSONDecoder().decode(ObjectiveConfiguration.self, from: JSONEncoder().encode(configuration))
          == configuration)
      #expect(configuration.problems(studentWidth: 576).isEmpty)
    }
  }

  @Test func aSteadyStepTakesNoNewMemory() throws {
    var shapes = LossBenchmark.Shapes()
    (shapes.batch, shapes.studentLength, shapes.teacherLength, shapes.studentWidth) = (2, 6, 9, 18)
    (shapes.teacherWidth, shapes.teacherTokens, shapes.studentTokens, shapes.visualWidth) = (10, 16, 4, 12)
    let timing = try LossBenchmark(runs: 3).losses(shapes, as: Float.self)
    #expect(timing.lateMisses == 0 && timing.memoryBytes > 0)
  }

  @Test func aSequenceWithoutTeacherTokensIsRefused() throws {
    let (objective, _) = try make()
    var teacher = states("t", [2, 2], 6, 9, 4)
    teacher.hiddenMask = [1, 1, 0, 0]
    #expect {
      try objective.apply(
        student: states("s", [3, 5], 8, 4, 3), teacher: teacher, globalSequences: 2,
        tape: Tape(pool: BufferPool<Double>(), recording: false))
    } throws: { "\($0)".contains("sequence 1 has no valid teacher token") }
  }
}
