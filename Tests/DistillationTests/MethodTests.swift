import Autograd
import Foundation
import Tensors
import Testing

@testable import Distillation

/// Each method's loss against PyTorch's (value and gradient), and its gradient against finite differences.
@Suite struct MethodTests {
  private typealias Loss = (Tape<Double>, [Variable<Double>], RecordedMethods.Case) -> Double

  /// Value and gradients as recorded; the gradient of the loss itself by central differences.
  private func check(_ cases: [RecordedMethods.Case], differentiated: Int = 1, _ loss: Loss) {
    #expect(!cases.isEmpty)
    for recorded in cases {
      let tape = Tape(pool: BufferPool<Double>())
      let inputs = recorded.inputs.enumerated().map { index, input in
        Variable(input.tensor, needsGradient: index < differentiated)
      }
      #expect(abs(loss(tape, inputs, recorded) - recorded.value) < 1e-11 * max(1, abs(recorded.value)))
      tape.backward()
      for (variable, expected) in zip(inputs, recorded.gradients) {
        guard let gradient = variable.gradient?.copy() else {
          Issue.record("no gradient")
          continue
        }
        gradient.add(expected.tensor, times: -1)
        #expect(gradient.sumOfSquares.squareRoot() < 1e-11 * max(1, expected.tensor.sumOfSquares.squareRoot()))
      }
      let fixed = inputs[differentiated...]
      let error = GradientCheck(step: 1e-6).largestError(
        inputs: inputs[..<differentiated].map { $0.value.copy() }
      ) { tape, variables in loss(tape, variables + fixed, recorded) }
      #expect(error < 1e-7)
    }
  }

  @Test func klIsThatOfTheSoftenedDistributions() throws {
    check(try RecordedMethods.load().kl) { tape, x, recorded in
      tape.divergenceLoss(
        student: x[0], teacher: x[1].value, temperature: recorded.temperature ?? 0,
        normaliser: recorded.normaliser ?? 0, weight: 1)
    }
  }

  @Test func sortedProbabilitiesAreComparedAcrossVocabularies() throws {
    check(try RecordedMethods.load().uld) { tape, x, recorded in
      tape.sortedProbabilityLoss(
        student: x[0], teacher: x[1].value, pairs: (recorded.pairs ?? []).map { ($0[0], $0[1]) },
        normaliser: recorded.normaliser ?? 0, weight: 1)
    }
  }

  @Test func relationsBetweenSamplesAreParks() throws {
    let recorded = try RecordedMethods.load()
    check(recorded.distance) { tape, x, recorded in
      tape.sampleDistanceLoss(student: x[0], teacher: x[1].value, shards: recorded.shards ?? 0, weight: 1)
    }
    check(recorded.angle) { tape, x, recorded in
      tape.sampleAngleLoss(student: x[0], teacher: x[1].value, shards: recorded.shards ?? 0, weight: 1)
    }
  }

  @Test func teachersOfAnotherLengthAreReadBetweenTheirPositions() throws {
    let recorded = try RecordedMethods.load()
    func alignment(_ recorded: RecordedMethods.Case) -> SequenceInterpolation<Double> {
      SequenceInterpolation(
        student: Segments(lengths: recorded.studentLengths ?? []),
        teacher: Segments(lengths: recorded.teacherLengths ?? []))
    }
    check(recorded.hidden) { tape, x, recorded in
      tape.interpolatedError(
        student: x[0], teacher: x[1].value, alignment: alignment(recorded), sequences: recorded.sequences ?? 0,
        weight: 1)
    }
    check(recorded.scores) { tape, x, recorded in
      tape.interpolatedScoreError(
        student: x[0], teacher: x[1].value, alignment: alignment(recorded), sequences: recorded.sequences ?? 0,
        weight: 1)
    }
  }

  @Test func attentionScoresAreTheMeanOverHeads() throws {
    check(try RecordedMethods.load().attention, differentiated: 2) { tape, x, recorded in
      let scores = tape.meanAttentionScores(
        x[0], x[1], heads: recorded.heads ?? 0, keyValueHeads: recorded.groups ?? 0,
        sequences: Segments(lengths: recorded.studentLengths ?? []))
      return tape.weightedSum(scores, x[2].value.reshaped(scores.shape))
    }
  }

  @Test func gradNormGivesMoreGradientToWhatHasLearnedLess() throws {
    let recorded = try RecordedMethods.load().gradnorm
    let terms: [LossTerm] = [.alignment, .relation, .transport]
    func parts(_ values: [Double]) -> LossParts { LossParts(names: terms.map(\.rawValue), values: values) }
    var balance = GradNorm(
      terms: [.crossEntropy] + terms, asymmetry: recorded.asymmetry, rate: recorded.rate)
    #expect(balance.terms == terms)
    balance.observe(parts(recorded.initial))
    for step in recorded.steps {
      balance.observe(parts(step.losses))
      balance.update(losses: parts(step.losses), norms: Dictionary(uniqueKeysWithValues: zip(terms, step.norms)))
      for (term, weight) in zip(terms, step.weights) { #expect(abs((balance.weights[term] ?? 0) - weight) < 1e-12) }
    }
    var restored = GradNorm(terms: terms, asymmetry: recorded.asymmetry, rate: recorded.rate)
    restored.restore(try JSONDecoder().decode(GradNorm.State.self, from: JSONEncoder().encode(balance.state)))
    #expect(restored.state == balance.state)
    var other = GradNorm(terms: [.hidden, .attention], asymmetry: 1, rate: 1)
    other.restore(balance.state)
    #expect(other.weights == [.hidden: 1, .attention: 1])
  }

  /// Against the standard library's sort: many equal elements, zeros, tiny and large vocabularies, both types.
  @Test(arguments: [1, 2, 7, 2048, 50_001])
  func theRadixSortIsASort(count: Int) {
    var random = CounterRandom(seed: 5, purpose: "sort", sample: UInt64(count))
    let values = (0..<count).map { _ in
      random.uniform() < 0.3 ? 0 : Double(random.integer(below: 500)) * pow(10, -Double(random.integer(below: 12)))
    }
    func check<Element: Scalar>(_ type: Element.Type) {
      let x = Tensor<Element>(values.map { Element($0) }, [count])
      var order = DescendingOrder<Element>()
      order.sort(x)
      let expected = (0..<count).sorted { (x[$0], $1) > (x[$1], $0) }
      #expect(order.array == expected)
      order.sort(x)
      #expect(order.array == expected, "the order is used again")
    }
    check(Float.self)
    check(Double.self)
  }

  /// The loops that training runs, against the same in double precision.
  @Test func singlePrecisionKeepsFiveDigits() {
    func run<Element: Scalar>(_ type: Element.Type) -> (values: [Double], gradients: [[Double]]) {
      let tape = Tape(pool: BufferPool<Element>())
      func input(_ shape: [Int], _ name: String) -> Variable<Element> {
        Variable(normal(shape, name, scale: 3).converted(to: type), needsGradient: true)
      }
      let (logits, others) = (input([3, 1000], "logits"), input([3, 1000], "teacher logits").value)
      let samples = input([6, 40], "samples")
      let alignment = SequenceInterpolation<Element>(
        student: Segments(lengths: [12, 9]), teacher: Segments(lengths: [30, 9]))
      let maps = input([12 * 12 + 9 * 9, 1], "maps")
      let values = [
        tape.divergenceLoss(student: logits, teacher: others, temperature: 2, normaliser: 3, weight: 1),
        tape.sortedProbabilityLoss(
          student: logits, teacher: others, pairs: [(0, 1), (2, 2)], normaliser: 2, weight: 1),
        tape.sampleDistanceLoss(student: samples, teacher: input([6, 50], "t").value, shards: 1, weight: 1),
        tape.sampleAngleLoss(student: samples, teacher: input([6, 50], "t").value, shards: 1, weight: 1),
        tape.interpolatedScoreError(
          student: maps, teacher: input([30 * 30 + 9 * 9, 1], "m").value, alignment: alignment, sequences: 2, weight: 1),
      ]
      tape.backward()
      return (values, [logits, samples, maps].map { $0.gradient?.converted(to: Double.self).array ?? [] })
    }
    let (single, double) = (run(Float.self), run(Double.self))
    for (a, b) in zip(single.values, double.values) { #expect(abs(a - b) < 1e-5 * b) }
    for (a, b) in zip(single.gradients, double.gradients) {
      let scale = b.map(abs).max() ?? .nan
      #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-5 * scale })
    }
  }

  @Test func layersAreMappedByTheirShareOfTheDepth() {
    #expect(TinyBERT<Double>.teacherLayers(student: 2, teacher: 3) == [2, 3])
    #expect(TinyBERT<Double>.teacherLayers(student: 4, teacher: 12) == [3, 6, 9, 12])
    #expect(TinyBERT<Double>.teacherLayers(student: 6, teacher: 2) == [1, 1, 1, 1, 2, 2])
    #expect(TinyBERT<Double>.teacherLayers(student: 3, teacher: 3) == [1, 2, 3])
  }

  @Test func equalSamplesHaveNoDirectionAndNoGradient() {
    let rows = normal([4, 3], "samples")
    for column in 0..<3 { rows[3 + column] = rows[column] }
    let tape = Tape(pool: BufferPool<Double>())
    let student = Variable(rows, needsGradient: true)
    let teacher = normal([4, 5], "teacher")
    let values = [
      tape.sampleDistanceLoss(student: student, teacher: teacher, shards: 1, weight: 1),
      tape.sampleAngleLoss(student: student, teacher: teacher, shards: 1, weight: 1),
    ]
    tape.backward()
    #expect(values.allSatisfy { $0.isFinite && $0 > 0 } && student.gradient?.isFinite == true)
  }
}
