import Autograd
import Tensors
import Testing

@testable import Distillation

/// The methods as training uses them: factors, shards, own parameters, what they refuse.
@Suite struct MethodObjectiveTests {
  static let pair = ModelPair(
    widths: ObjectiveWidths(student: 5, teacher: 6, studentVisual: 5, teacherVisual: 6), studentLayers: 2,
    teacherLayers: 3)
  static let compared = ["kl", "tinybert", "uld", "rkd"]

  private func make(_ method: String, _ change: (inout ObjectiveConfiguration) -> Void = { _ in }) throws
    -> (method: any DistillationMethod<Double>, arena: ParameterArena<Double>)
  {
    var configuration = ObjectiveConfiguration()
    configuration.method = method
    change(&configuration)
    var layout = ParameterLayout()
    try DistillationMethods<Double>.declare(configuration, pair: Self.pair, into: &layout)
    let arena = ParameterArena<Double>(layout: layout, trainable: true)
    arena.initialise(seed: 8)
    return (try #require(DistillationMethods.make(configuration, pair: Self.pair, arena: arena)), arena)
  }

  /// States of made-up models; sequence b has `lengths[b]` tokens and `answers[b]` answer tokens.
  private func states(
    _ name: String, width: Int, layers: Int, lengths: [Int], answers: [Int], vocabulary: Int, gradient: Bool = false
  ) -> DistillationStates<Double> {
    func variable(_ shape: [Int], _ what: String) -> Variable<Double> {
      Variable(normal(shape, name + what), needsGradient: gradient)
    }
    let sequences = Segments(lengths: lengths)
    let maps = lengths.map { $0 * $0 }.reduce(0, +)
    var states = DistillationStates(
      hidden: variable([sequences.total, width], "hidden"), sequences: sequences,
      visual: variable([2 * lengths.count, width], "visual"), visualTokens: Segments(count: lengths.count, length: 2))
    states.answers = AnswerLogits(
      logits: variable([answers.reduce(0, +), vocabulary], "logits"), answers: Segments(lengths: answers))
    states.layers = LayerStates(
      embeddings: variable([sequences.total, width], "embeddings"),
      hidden: (0..<layers).map { variable([sequences.total, width], "layer \($0)") },
      scores: (0..<layers).map { variable([maps, 1], "scores \($0)") })
    return states
  }

  private func student(_ lengths: [Int] = [4, 3, 6, 5], answers: [Int] = [2, 0, 1, 3]) -> DistillationStates<Double> {
    states("s", width: 5, layers: 2, lengths: lengths, answers: answers, vocabulary: 9, gradient: true)
  }

  private func teacher(vocabulary: Int = 9, answers: [Int] = [2, 0, 1, 3]) -> DistillationStates<Double> {
    states("t", width: 6, layers: 3, lengths: [7, 3, 2, 8], answers: answers, vocabulary: vocabulary)
  }

  private let counts = GlobalCounts(sequences: 4, answerTokens: 6, sharedAnswerTokens: 6, shards: 1)

  @Test(arguments: compared) func everyTermIsReportedAndPullsOnlyWithItsFactor(name: String) throws {
    let (method, arena) = try make(name)
    #expect(method.factors[.crossEntropy] == (name == "uld" ? 1 : 0.5))
    let whole = try method.apply(
      student: student(), teacher: teacher(), counts: counts, factors: method.factors,
      tape: Tape(pool: BufferPool<Double>(), recording: false))
    #expect(Set(whole.named.keys) == Set(method.partNames) && whole.named.values.allSatisfy { $0 > 0 })
    for term in method.factors.terms {
      let tape = Tape(pool: BufferPool<Double>())
      let own = student()
      arena.beginBackward()
      let parts = try method.apply(
        student: own, teacher: teacher(), counts: counts, factors: method.factors.only(term), tape: tape)
      #expect(parts.named.filter { $0.value != 0 } == whole.named.filter { $0.key == term.rawValue })
      tape.backward()
      arena.endBackward()
      let all =
        [own.hidden, own.answers?.logits, own.layers?.embeddings] + (own.layers?.hidden ?? [])
        + (own.layers?.scores ?? [])
      let reached = all.contains { ($0?.gradient?.sumOfSquares ?? 0) > 0 }
      #expect(reached == (term != .crossEntropy), "\(term)")
    }
  }

  @Test func theGradientOfTinyBERTReachesItsMapsAndAllStates() throws {
    let (method, arena) = try make("tinybert") { $0.tinybert.attentionWeight = 3 }
    let (own, other) = (student(), teacher())
    let layers = try #require(own.layers)
    let inputs = ([layers.embeddings] + layers.hidden + layers.scores).map(\.value)
    let error = GradientCheck().largestError(inputs: inputs, arena: arena) { tape, x in
      var states = own
      states.layers = LayerStates(embeddings: x[0], hidden: Array(x[1...2]), scores: Array(x[3...4]))
      let parts = try? method.apply(
        student: states, teacher: other, counts: counts, factors: method.factors, tape: tape)
      return parts.map(method.factors.total) ?? .nan
    }
    #expect(error < 1e-8)
    let (lean, fewer) = try make("tinybert") {
      $0.tinybert.hiddenWeight = 0
      $0.tinybert.attentionWeight = 0
    }
    #expect(lean.partNames == ["embedding"] && fewer.parameters.map(\.name) == ["objective.tinybert.embedding"])
  }

  @Test func modelsWithoutLayersAreRefusedByTinyBERT() {
    var (configuration, layout) = (ObjectiveConfiguration(), ParameterLayout())
    configuration.method = "tinybert"
    var pair = Self.pair
    pair.studentLayers = 0
    #expect {
      try DistillationMethods<Double>.declare(configuration, pair: pair, into: &layout)
    } throws: { ($0 as? UserError)?.kind == .usage && "\($0)".contains("the student has 0") }
  }

  @Test func theGradientOfRKDReachesEveryToken() throws {
    let (method, _) = try make("rkd")
    let other = teacher()
    let error = GradientCheck(step: 1e-6).largestError(inputs: [student().hidden.value]) { tape, x in
      var states = student()
      states.hidden = x[0]
      let parts = try? method.apply(
        student: states, teacher: other, counts: counts, factors: method.factors, tape: tape)
      return parts.map(method.factors.total) ?? .nan
    }
    #expect(error < 1e-7)
    #expect(method.factors[.distance] == 0.5 && method.factors[.angle] == 1)
  }

  @Test func klNamesBothSidesWhereTheyDiffer() throws {
    let (method, _) = try make("kl")
    for (other, words) in [
      (teacher(vocabulary: 11), "vocabulary of 9"), (teacher(answers: [2, 0, 2, 2]), "[2, 0, 1, 3]"),
    ] {
      #expect {
        try method.apply(
          student: student(), teacher: other, counts: counts, factors: method.factors,
          tape: Tape(pool: BufferPool<Double>()))
      } throws: {
        ($0 as? UserError)?.kind == .usage && "\($0)".contains(words) && "\($0)".contains("uld")
      }
    }
  }

  @Test func answersOfOtherLengthsAreComparedUpToTheShorterOne() throws {
    let (method, _) = try make("uld")
    func value(_ own: [Int], _ other: [Int], shared: Int) throws -> Double {
      let parts = try method.apply(
        student: student(answers: own), teacher: teacher(vocabulary: 14, answers: other),
        counts: GlobalCounts(sequences: 4, answerTokens: 6, sharedAnswerTokens: shared, shards: 1),
        factors: method.factors, tape: Tape(pool: BufferPool<Double>()))
      return parts[.sortedProbabilities]
    }
    // The last sample's answers come last in the rows, so a longer one only adds rows that nothing looks at.
    #expect(try value([2, 0, 1, 3], [2, 0, 1, 5], shared: 6) == (try value([2, 0, 1, 3], [2, 0, 1, 3], shared: 6)))
    #expect(try value([2, 0, 1, 5], [2, 0, 1, 3], shared: 6) > 0)
  }

  @Test(arguments: ["kl", "uld"]) func aShardWithoutAnswersAddsNothing(name: String) throws {
    let (method, _) = try make(name)
    var (own, other) = (student(), teacher())
    own.answers = nil
    other.answers = nil
    let parts = try method.apply(
      student: own, teacher: other, counts: counts, factors: method.factors, tape: Tape(pool: BufferPool<Double>()))
    #expect(parts.named.values.allSatisfy { $0 == 0 } && Array(parts.named.keys) == method.partNames)
  }

  @Test func theirSettingsHaveRulesOfTheirOwn() {
    func problems(_ change: (inout ObjectiveConfiguration) -> Void) -> [String] {
      var configuration = ObjectiveConfiguration()
      change(&configuration)
      return configuration.problems()
    }
    #expect(problems { $0.kl.temperature = 0 }.first?.contains("objective.kl.temperature") == true)
    #expect(problems { $0.rkd.angleWeight = -1 }.first?.contains("objective.rkd.angle_weight") == true)
    #expect(problems { $0.gradnorm.rate = 0 }.first?.contains("objective.gradnorm.rate") == true)
    #expect(problems { $0.norms.every = -1 }.first?.contains("objective.norms.every") == true)
    #expect(problems { $0.weighting = "even" }.first?.contains("fixed, gradnorm") == true)
    #expect(problems { $0.weighting = "gradnorm" }.isEmpty)
    let unmeasured = problems {
      $0.weighting = "gradnorm"
      $0.norms.every = 0
    }
    #expect(unmeasured.first?.contains("objective.norms.every above 0") == true)
    for method in ["ce", "kl", "uld"] {
      let single = problems {
        $0.weighting = "gradnorm"
        $0.method = method
      }
      #expect(single.first?.contains("fewer than two") == true)
    }
  }
}
