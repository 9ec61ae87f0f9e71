import Distillation
import Evaluation
import Tensors
import Testing
import Training

@testable import Experiments

@Suite struct PlanSourceTests {
  private func states(_ tokens: Tensor<Float>) -> TokenStates {
    TokenStates(hidden: tokens, visual: tokens, imageRows: Array(0..<tokens.rows))
  }

  /// Four student tokens that the map takes to the teacher's, in another order: all mass goes from each to its image.
  @Test func massGoesToTheTokenThatTheMapHits() throws {
    let blueprint = try ModelBlueprint(builtIn: .student, view: "image")
    let reader = TokenReader(model: try blueprint.frozen(), side: try blueprint.side)
    let map = AffineMap(weight: Tensor([0, 2, 0, 3, 0, 0], [2, 3]), bias: Tensor([1, 0, -1], [3]))
    let student = Tensor<Float>([0, 0, 1, 0, 0, 1, 1, 1], [4, 2])
    let order = [2, 0, 3, 1]
    let images = map(student)
    #expect(images.slice(3..<4).array == [4, 2, -1])
    let teacher = Tensor<Float>(uninitialised: [4, 3])
    for (row, token) in order.enumerated() { teacher.setRow(row, toRow: token, of: images) }
    let source = PlanSource(
      reader: reader, maps: [.learned: map], attention: nil,
      settings: TransportSettings(epsilon: 0.01, isRelative: true, stopping: .tolerance(1e-6, maximum: 200)))
    let plans = try source.plans(student: states(student), teacher: states(teacher))
    let plan = try #require(plans.plans[.learned])
    for (row, token) in order.enumerated() {
      for column in 0..<4 { #expect(abs(plan.matrix[row, column] - (column == token ? 0.25 : 0)) < 1e-3) }
    }
    #expect(plans.plans.count == 1 && plans.imageShare == nil && (plans.marginalError[.learned] ?? 1) < 1e-4)
  }
}
