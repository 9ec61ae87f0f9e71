import Tensors
import Testing

@testable import Evaluation

@Suite struct BootstrapTests {
  /// The weighted mean of one value for each record.
  private func mean(of values: [Double], weights: [Int]? = nil) -> Double? {
    let weights = weights ?? values.map { _ in 1 }
    let all = weights.reduce(0, +)
    return all == 0 ? nil : zip(values, weights).reduce(0) { $0 + $1.0 * Double($1.1) } / Double(all)
  }

  @Test func quantilesEqualNumpy() {
    var draw = Congruential(41)
    let values = ((0..<101).map { _ in Double(draw.below(1000)) / 1000 } + [0.5]).sorted()
    for (share, expected) in Expected.quantiles { #expect(close(Bootstrap.quantile(values, share), expected)) }
  }

  @Test func resamplesDependOnSeedAndReplicateAlone() {
    let bootstrap = Bootstrap(seed: 3)
    let drawn = bootstrap.weights(records: 50, replicate: 7)
    #expect(drawn.reduce(0, +) == 50)
    #expect(drawn == Bootstrap(seed: 3).weights(records: 50, replicate: 7))
    #expect(drawn != bootstrap.weights(records: 50, replicate: 8))
    #expect(drawn != Bootstrap(seed: 4).weights(records: 50, replicate: 7))
  }

  @Test func clustersAreDrawnWhole() {
    let clusters = [0, 0, 1, 2, 2, 2]
    let weights = Bootstrap(seed: 1).weights(records: 6, clusters: clusters, replicate: 0)
    #expect(weights[0] == weights[1] && weights[3] == weights[4] && weights[4] == weights[5])
    #expect(weights[0] + weights[2] + weights[3] == 3)
  }

  @Test func intervalOfAMeanAgreesWithTheNormalApproximation() {
    var random = CounterRandom(seed: 5, purpose: "test")
    let values = (0..<400).map { _ in random.normal() }
    let estimate = Bootstrap(seed: 2).estimate(records: 400) { mean(of: values, weights: $0) }
    #expect(close(estimate.value, mean(of: values)))
    let width = (estimate.high ?? 0) - (estimate.low ?? 0)
    #expect(abs(width - 2 * 1.96 / 20) < 0.03)
    #expect(estimate.undefinedReplicates == 0)
  }

  /// Of 200 samples, a 90% interval should cover the true mean about 180 times; 165 is 3.5 standard deviations below.
  @Test func intervalsCoverTheTruthAboutAsOftenAsTheySay() throws {
    let bootstrap = try Bootstrap(seed: 9, replicates: 200, level: 0.9)
    let covered = (0..<200).count { sample in
      var random = CounterRandom(seed: 11, purpose: "coverage", sample: UInt64(sample))
      let values = (0..<60).map { _ in random.normal() }
      let estimate = bootstrap.estimate(records: 60) { mean(of: values, weights: $0) }
      return (estimate.low ?? 1) <= 0 && (estimate.high ?? -1) >= 0
    }
    #expect((165...195).contains(covered), "covered \(covered) of 200")
  }

  @Test func undefinedResamplesAreCountedAndTooManyLeaveNoInterval() {
    // One positive among n: a resample misses it with probability (1 - 1/n)^n, about 0.37.
    let one = [true] + [Bool](repeating: false, count: 29)
    func auc(_ weights: [Int]) -> Double? { weights[0] == 0 ? nil : 1 }
    let bootstrap = Bootstrap(seed: 0)
    let some = bootstrap.estimate(records: one.count, auc)
    #expect((300...430).contains(some.undefinedReplicates) && some.low == 1 && some.high == 1)
    let few = bootstrap.estimate(records: 30) { $0[0] < 2 ? nil : 1 }
    #expect(few.low == nil && few.high == nil && few.undefinedReplicates > 500)
    #expect(bootstrap.estimate(records: 30) { _ in nil } == Estimate(value: nil, undefinedReplicates: 1000))
    #expect(bootstrap.estimate(records: 0) { _ in nil }.value == nil)
  }

  @Test func equalSystemsDoNotDifferAndUnequalOnesDo() {
    var random = CounterRandom(seed: 6, purpose: "test")
    let base = (0..<200).map { _ in random.uniform() < 0.6 }
    let better = base.map { hit in hit || random.uniform() < 0.3 }
    let bootstrap = Bootstrap(seed: 0)
    let same = bootstrap.differences(
      records: 200, { [share(of: base, weights: $0)] }, { [share(of: base, weights: $0)] })
    #expect(same[0].difference.value == 0 && same[0].pValue == 1)
    let more = bootstrap.differences(
      records: 200, { [share(of: better, weights: $0)] }, { [share(of: base, weights: $0)] })
    #expect((more[0].difference.low ?? 0) > 0 && (more[0].pValue ?? 1) < 0.01)
    let less = bootstrap.differences(
      records: 200, { [share(of: base, weights: $0)] }, { [share(of: better, weights: $0)] })
    #expect(close(less[0].pValue, more[0].pValue) && close(less[0].difference.high, more[0].difference.low.map { -$0 }))
  }

  /// Under the null, p < 0.05 in about 5% of samples; 24 of 200 is more than 4 standard deviations above.
  @Test func pValuesAreAboutUniformWhenNothingDiffers() throws {
    let bootstrap = try Bootstrap(seed: 1, replicates: 200, level: 0.95)
    let rejected = (0..<200).count { sample in
      var random = CounterRandom(seed: 12, purpose: "null", sample: UInt64(sample))
      let first = (0..<60).map { _ in random.normal() }
      let second = (0..<60).map { _ in random.normal() }
      let paired = bootstrap.differences(
        records: 60, { [mean(of: first, weights: $0)] }, { [mean(of: second, weights: $0)] })
      return (paired[0].pValue ?? 1) < 0.05
    }
    #expect(rejected <= 24, "rejected \(rejected) of 200")
  }

  @Test func noPIsToldBelowWhatResamplesCanTell() {
    func told(_ p: Double?, undefined: Int = 0) -> String {
      PairedDifference(
        difference: Estimate(value: 0.1, low: 0, high: 0.2, undefinedReplicates: undefined), pValue: p
      ).probability(of: Bootstrap())
    }
    #expect(told(2 / 1001.0) == "< 0.002" && told(4 / 1001.0) == "0.004" && told(1) == "1.000" && told(nil) == "")
    #expect(told(2 / 500.0, undefined: 501) == "< 0.004" && told(0.0061, undefined: 501) == "0.006")
    #expect(PairedDifference.leastP(resamples: 0) == 1 && PairedDifference.leastP(resamples: 1) == 1)
  }

  @Test func settingsThatMakeNoIntervalAreRefused() {
    #expect(throws: UserError.self) { try Bootstrap(seed: 0, replicates: 0, level: 0.95) }
    #expect(throws: UserError.self) { try Bootstrap(seed: 0, replicates: 10, level: 1) }
    #expect(throws: UserError.self) { try Bootstrap(seed: 0, replicates: 10, level: .nan) }
  }
}
