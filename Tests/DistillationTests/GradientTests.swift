import Autograd
import Tensors
import Testing

@testable import Distillation

/// Each backward against central differences through its own forward, in double precision.
@Suite struct GradientTests {
  let segments = Segments(lengths: [3, 1, 5])

  @Test func crossEntropyLeavesIgnoredRowsAlone() {
    let error = GradientCheck().largestError(inputs: [normal([4, 6], "logits")]) { tape, x in
      let rows = tape.gatherRows(x[0], [0, 1, 2, 3])
      return (try? tape.crossEntropy(rows, labels: [5, -100, 0, 2], normaliser: 7, weight: 1)) ?? .nan
    }
    #expect(error < 1e-8)
  }

  @Test func alignmentReachesBothSidesAndAllMaps() {
    var layout = ParameterLayout()
    for (name, shape) in [("q", [4, 6]), ("k", [5, 6]), ("v", [5, 8]), ("o", [8, 4])] {
      layout.add(name, shape, .normal(0.6))
    }
    let arena = ParameterArena<Double>(layout: layout, trainable: true)
    arena.initialise(seed: 2)
    let weights = AlignmentWeights(query: arena["q"], key: arena["k"], value: arena["v"], output: arena["o"])
    let keys = Segments(lengths: [2, 4, 1])
    let inputs = [normal([9, 4], "student"), normal([7, 5], "teacher")]
    let error = GradientCheck().largestError(inputs: inputs, arena: arena) { tape, x in
      let aligned = tape.crossAttention(
        student: x[0], teacher: x[1], weights: weights, heads: 2, queries: segments, keys: keys)
      return tape.alignmentLoss(student: x[0], aligned: aligned, tokens: segments, sequences: 3, weight: 1)
    }
    #expect(error < 1e-7)
  }

  @Test(arguments: [(1.0, 0.0), (0.0, 1.0), (0.4, 0.7)]) func relationsReachBothSides(_ weights: (Double, Double)) {
    let inputs = [normal([9, 4], "aligned"), normal([9, 4], "student")]
    let error = GradientCheck().largestError(inputs: inputs) { tape, x in
      let loss = tape.relationLoss(
        aligned: x[0], student: x[1], tokens: segments, sequences: 3, distanceWeight: weights.0,
        angleWeight: weights.1)
      return weights.0 * loss.distance + weights.1 * loss.angle
    }
    #expect(error < 1e-8)
  }

  @Test func relationsWithNearlyEqualTokensTakeTheDirectPath() {
    let aligned = normal([5, 4], "aligned")
    for column in 0..<4 { aligned[4 + column] = aligned[column] + 1e-3 * Double(column + 1) }
    let error = GradientCheck(step: 1e-7).largestError(inputs: [aligned, normal([5, 4], "student")]) { tape, x in
      let loss = tape.relationLoss(
        aligned: x[0], student: x[1], tokens: Segments(lengths: [5]), sequences: 1, distanceWeight: 1, angleWeight: 1)
      return loss.distance + loss.angle
    }
    #expect(error < 1e-6)
  }

  /// The envelope gradient is the derivative of <P, C> - eps H(P), the implicit one that of <P, C>, solver included.
  @Test(arguments: TransportSettings.Gradient.allCases, [(7, 4), (3, 6)])
  func transport(_ gradient: TransportSettings.Gradient, _ shape: (Int, Int)) throws {
    let settings = TransportSettings(epsilon: 0.8, isRelative: false, stopping: .converged, gradient: gradient)
    let inputs = [normal([shape.0, 3], "t"), normal([shape.1, 3], "s")]
    let error = try GradientCheck().largestError(inputs: inputs) { tape, x in
      let loss = try tape.transportLoss(
        teacher: x[0], student: x[1], teacherTokens: Segments(lengths: [shape.0]),
        studentTokens: Segments(lengths: [shape.1]), problems: 1, weight: 1, settings: settings)
      return gradient == .implicit ? loss.value : loss.value - 0.8 * loss.entropy
    }
    #expect(error < 1e-7)
  }

  @Test func theWholeObjectiveWithMasksOnBothSides() throws {
    var configuration = ObjectiveConfiguration()
    configuration.mhca = .init(weight: 0.3, heads: 2, dk: 3)
    configuration.transport.weight = 0.2
    configuration.transport.gradient = "implicit"
    configuration.transport.relative = false
    configuration.transport.epsilon = 1.5
    let widths = ObjectiveWidths(student: 5, teacher: 6, studentVisual: 3, teacherVisual: 4)
    var layout = ParameterLayout()
    try DistillationObjective<Double>.declare(configuration, widths: widths, into: &layout)
    let arena = ParameterArena<Double>(layout: layout, trainable: true)
    arena.initialise(seed: 4)
    let objective = DistillationObjective(configuration: configuration, widths: widths, arena: arena)
    let inputs = [normal([6, 5], "h"), normal([5, 6], "ht"), normal([5, 3], "v"), normal([8, 4], "vt")]
    let error = GradientCheck().largestError(inputs: inputs, arena: arena) { tape, x in
      let student = DistillationStates(
        hidden: x[0], sequences: Segments(count: 2, length: 3), visual: x[2], visualTokens: Segments(lengths: [3, 2]),
        hiddenMask: [1, 0, 1, 1, 1, 1], visualMask: [0, 1, 1, 1, 1])
      let teacher = DistillationStates(
        hidden: x[1], sequences: Segments(lengths: [3, 2]), visual: x[3], visualTokens: Segments(count: 2, length: 4),
        hiddenMask: [0, 1, 1, 1, 0], visualMask: [1, 1, 0, 1, 1, 1, 1, 1])
      let parts = try? objective.apply(student: student, teacher: teacher, globalSequences: 2, tape: tape)
      return parts.map(objective.factors.total) ?? .nan
    }
    #expect(error < 1e-7)
  }
}
