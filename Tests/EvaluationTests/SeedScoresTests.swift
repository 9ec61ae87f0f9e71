import Tensors
import Testing

@testable import Evaluation

/// Means over runs of one method, and differences between methods run by run.
@Suite struct SeedScoresTests {
  private let task = LabelMetrics(trained: .superclasses, subset: "made up")

  /// Answers of a run: right to a degree, differently for each run.
  private func run(_ seed: UInt64, skill: Double, records: Int = 120) -> [LabelAnswer] {
    (0..<records).map { record in
      var truth = CounterRandom(seed: 7, purpose: "truth", sample: UInt64(record))
      var noise = CounterRandom(seed: seed, purpose: "noise", sample: UInt64(record))
      let drawn = PTBXLSuper.classes.map { _ in truth.uniform() < 0.3 }
      let bits = drawn.contains(true) ? drawn : [true, false, false, false, false]
      return LabelAnswer(
        id: "\(record)", gold: Set(zip(PTBXLSuper.classes, bits).filter(\.1).map(\.0)),
        probabilities: bits.map { max(0, min(1, 0.5 + ($0 ? skill : -skill) + 0.3 * noise.normal())) })
    }
  }

  @Test func theMeanIsThatOfTheRuns() throws {
    let runs = [run(1, skill: 0.1), run(2, skill: 0.1), run(3, skill: 0.1)]
    let scores = try task.seeds(runs)
    #expect(scores.metrics == ["macro AUC", "macro F1", "Hamming loss", "exact-set accuracy"])
    let alone = try runs.map { try #require(try task.report($0).probabilities?.macroAUC.value) }
    for (each, value) in zip(scores.each, alone) { #expect(each[0] == value) }
    let mean = scores.means(Bootstrap(seed: 1))[0]
    #expect(abs((mean.value ?? 0) - alone.reduce(0, +) / 3) < 1e-12)
    #expect((mean.low ?? 1) < (mean.value ?? 0) && (mean.high ?? 0) > (mean.value ?? 1))
  }

  /// Of one run only the records are drawn, so the interval is the plain one.
  @Test func oneRunHasTheIntervalOfItsRecords() throws {
    let scores = try task.seeds([run(1, skill: 0.1)])
    #expect(scores.means(Bootstrap())[0] == (try task.report(run(1, skill: 0.1)).probabilities?.macroAUC))
  }

  /// Runs that differ much make a wider interval than runs that do not.
  @Test func runsThatDifferWidenTheInterval() throws {
    func width(_ skills: [Double]) throws -> Double {
      let estimate = try task.seeds(skills.map { run(5, skill: $0) }).means(Bootstrap(seed: 1))[0]
      return (estimate.high ?? 0) - (estimate.low ?? 0)
    }
    #expect(try width([0, 0.1, 0.2, 0.3]) > 1.5 * width([0.15, 0.15, 0.15, 0.15]))
  }

  @Test func aBetterMethodIsToldFromItselfAndFromAWorseOne() throws {
    let good = try task.seeds((1...5).map { run($0, skill: 0.25) })
    let poor = try task.seeds((1...5).map { run($0 + 10, skill: 0.05) })
    let difference = try good.differences(from: poor, Bootstrap(seed: 1))[0]
    #expect((difference.difference.low ?? 0) > 0 && (difference.pValue ?? 1) < 0.01)
    let none = try good.differences(from: good, Bootstrap(seed: 1))[0]
    #expect(none.difference.value == 0 && none.difference.low == 0 && none.pValue == 1)
    let back = try poor.differences(from: good, Bootstrap(seed: 1))[0]
    #expect(back.difference.value == difference.difference.value.map { -$0 } && back.pValue == difference.pValue)
  }

  /// Methods that are alike but for what their seeds make of each run: of 200 pairs a 95% interval should hold zero for
  /// about 190, also where seeds make most of the differences, and few of them there are.
  @Test(arguments: [2, 5]) func alikeMethodsAreSeldomToldApart(seeds: Int) throws {
    let bootstrap = try Bootstrap(seed: 3, replicates: 200, level: 0.95)
    var (apart, rare) = (0, 0)
    for pair in 0..<200 {
      func method(_ number: Int) throws -> SeedScores {
        try task.seeds(
          (0..<seeds).map { place in
            let seed = UInt64(1000 + 100 * pair + 10 * number + place)
            var luck = CounterRandom(seed: seed, purpose: "luck")
            return run(seed, skill: 0.1 + 0.08 * luck.normal(), records: 60)
          })
      }
      let found = try method(1).differences(from: method(2), bootstrap)[0]
      let (low, high, p) = (found.difference.low ?? 0, found.difference.high ?? 0, found.pValue ?? 1)
      if low > 0 || high < 0 { apart += 1 }
      if p <= 0.01 { rare += 1 }
      // p and interval are of one piece.
      #expect((p < 0.05) == (low > 0 || high < 0) || abs(p - 0.05) < 1e-6)
    }
    // 10 are due; more than 20 come by chance once in a thousand times. So are 2, and more than 8.
    #expect(apart <= 20, "\(apart) of 200")
    #expect(rare <= 8, "\(rare) of 200")
  }

  /// The parts by hand, no end beyond what the measure can be, and p where the interval leaves zero out.
  @Test func theIntervalHoldsRecordsAndSeeds() throws {
    let bootstrap = try Bootstrap(seed: 1, replicates: 1000, level: 0.95)
    let resampled = (0...1000).map { 0.6 + 0.4 * Double($0) / 1000 }
    let found = SeedInterval([0.7, 0.8, 0.9], resampled: resampled, bootstrap).estimate(within: 0...1)
    // Records: 0.61 to 0.99; seeds: 4.303 times 0.1 / sqrt(3).
    let half = (0.19 * 0.19 + 4.302653 * 4.302653 * 0.01 / 3).squareRoot()
    #expect(abs((found.value ?? 0) - 0.8) < 1e-12 && abs((found.low ?? 0) - (0.8 - half)) < 1e-5 && found.high == 1)
    let sure = SeedInterval([0.8, 0.8, 0.8], resampled: resampled, bootstrap)
    #expect(sure.estimate(within: 0...1).low.map { abs($0 - 0.61) < 1e-9 } == true)
    #expect(sure.pValue == 2 / 1002.0)
    let unsure = SeedInterval([0.01, -0.005, 0.004], resampled: resampled.map { ($0 - 0.8) / 100 + 0.003 }, bootstrap)
    #expect(unsure.pValue > 0.3 && unsure.pValue < 1)
    let back = resampled.map { (0.8 - $0) / 100 - 0.003 }
    let mirrored = SeedInterval([-0.01, 0.005, -0.004], resampled: back, bootstrap)
    #expect(abs(mirrored.pValue - unsure.pValue) < 1e-9)
    // Two seeds that differ little widen little; where one is undefined, so is the mean.
    let two = SeedInterval([0.8, 0.801], resampled: resampled, bootstrap).estimate(within: 0...1)
    #expect((two.low ?? 0) > 0.6)
    let undefined = SeedInterval([0.8, nil], resampled: [], bootstrap).estimate(within: 0...1)
    #expect(undefined.value == nil && undefined.low == nil && undefined.undefinedReplicates == 1000)
  }

  /// Of a share that is 0 or 1 everywhere resamples are all alike.
  @Test func aShareThatIsAllOrNothingHasTheExactInterval() throws {
    func share(_ hits: [Bool], subjects: [String]? = nil) throws -> Estimate {
      try ItemScores(
        task: "t", subset: "", rules: .default, ids: hits.indices.map { "\($0)" }, subjects: subjects,
        measures: [.init("accuracy", hits.map { $0 ? 1 : 0 }, isShare: true)]
      ).report(Bootstrap(seed: 1)).rows[0].value
    }
    let all = try share([true, true, true, true, true])
    #expect(all.value == 1 && all.high == 1 && abs((all.low ?? 0) - 0.4782) < 1e-4)
    let none = try share([Bool](repeating: false, count: 100))
    #expect(none.value == 0 && none.low == 0 && abs((none.high ?? 0) - 0.0362) < 1e-4)
    let some = try share([true, false, true, true])
    #expect((some.low ?? 1) < 0.75 && (some.high ?? 0) > 0.75)
    let grouped = try share([true, true, true, true], subjects: ["a", "a", "b", "b"])
    #expect(abs((grouped.low ?? 0) - 0.1581) < 1e-4)
    // Of a mean that happens to be 1 everywhere nothing of the kind is known.
    let mean = try ItemScores(
      task: "t", subset: "", rules: .default, ids: ["a", "b"], measures: [.init("ROUGE-L", [1, 1])]
    ).report(Bootstrap(seed: 1)).rows[0].value
    #expect(mean.low == 1 && mean.high == 1)
  }

  @Test func aShareThatIsAllOrNothingInEveryRunHasTheExactInterval() throws {
    let wrong = (0..<40).map { record in
      LabelAnswer(
        id: "\(record)", gold: record % 2 == 0 ? ["MI"] : ["CD"], probabilities: [0.1, 0.1, 0.1, 0.1, 0.1], text: "")
    }
    let (report, scores) = (try task.report(wrong), try task.seeds([wrong, wrong]))
    let means = scores.means(Bootstrap())
    for (name, one) in [
      ("exact-set accuracy", report.probabilities?.exactSetAccuracy),
      ("text exact-set accuracy", report.text?.exactSetAccuracy),
    ] {
      let mean = means[try #require(scores.metrics.firstIndex(of: name))]
      // 1 - 0.025^(1/40)
      #expect(mean.value == 0 && mean.low == 0 && abs((mean.high ?? 0) - 0.0881) < 1e-4 && mean == one)
    }
  }

  /// A resample without a class says nothing of its F1.
  @Test func rightAnswersAboutARareClassAreRightInEveryResample() throws {
    let answers = (0..<40).map { record in
      let gold: Set<String> = record == 0 ? ["HYP"] : record % 2 == 0 ? ["MI", "CD"] : ["NORM", "STTC"]
      return LabelAnswer(
        id: "\(record)", gold: gold, probabilities: PTBXLSuper.classes.map { gold.contains($0) ? 0.9 : 0.1 })
    }
    let found = try #require(try task.report(answers).probabilities?.macroF1)
    #expect(found.value == 1 && found.low == 1 && found.high == 1)
  }

  /// Against published tables of Student's t.
  @Test func quantilesAreThoseOfTheTables() {
    let known = [
      (1, 0.95, 12.706), (2, 0.95, 4.303), (3, 0.95, 3.182), (4, 0.95, 2.776), (9, 0.95, 2.262), (4, 0.99, 4.604),
    ]
    for (degrees, level, value) in known {
      #expect(abs(StudentT(degrees: degrees).quantile(within: level) - value) < 6e-4, "\(degrees) \(level)")
    }
    // The normal distribution's is 1.95996, which many degrees of freedom come to.
    #expect(abs(StudentT(degrees: 4001).quantile(within: 0.95) - 1.9606) < 1e-3)
  }

  @Test func whatIsNotAlikeIsRefused() throws {
    let whole = run(1, skill: 0.1)
    var other = run(2, skill: 0.1)
    #expect(try task.seeds([whole, other.reversed()]).each == task.seeds([whole, other]).each)
    #expect(throws: UserError.self) { try task.seeds([whole, Array(other.dropLast())]) }
    other[3].gold = other[3].gold == ["MI"] ? ["CD"] : ["MI"]
    #expect(throws: UserError.self) { try task.seeds([whole, other]) }
    #expect(throws: UserError.self) { try task.seeds([]) }
    let (two, one) = (try task.seeds([whole, run(3, skill: 0.1)]), try task.seeds([whole]))
    #expect(throws: UserError.self) { try two.differences(from: one, Bootstrap()) }
  }
}
