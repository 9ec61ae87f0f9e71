import Testing

@testable import Tensors

@Suite struct CounterRandomTests {
  /// Known answers of Random123's kat_vectors for philox4x32-10.
  @Test func philoxGivesThePublishedAnswers() {
    let zero = CounterRandom.philox((0, 0, 0, 0), (0, 0))
    #expect(zero == (0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    let ones = CounterRandom.philox((.max, .max, .max, .max), (.max, .max))
    #expect(ones == (0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    let pi = CounterRandom.philox(
      (0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), (0xa409_3822, 0x299f_31d0))
    #expect(pi == (0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  @Test func streamsDependOnEveryPartOfTheKeyAndOnNothingElse() {
    func first(_ seed: UInt64, _ purpose: String, _ step: UInt64, _ sample: UInt64) -> UInt64 {
      var random = CounterRandom(seed: seed, purpose: purpose, step: step, sample: sample)
      return random.next()
    }
    let base = first(1, "a", 2, 3)
    #expect(base == first(1, "a", 2, 3))
    #expect(Set([base, first(2, "a", 2, 3), first(1, "b", 2, 3), first(1, "a", 3, 3), first(1, "a", 2, 4)]).count == 5)
  }

  @Test func momentsOfUniformAndNormalNumbersAreRight() {
    var random = CounterRandom(seed: 7, purpose: "moments")
    let count = 40_000
    let uniform = (0..<count).map { _ in random.uniform() }
    let normal = (0..<count).map { _ in random.normal() }
    #expect(uniform.allSatisfy { $0 >= 0 && $0 < 1 })
    #expect(abs(uniform.reduce(0, +) / Double(count) - 0.5) < 0.01)
    #expect(abs(normal.reduce(0, +) / Double(count)) < 0.02)
    #expect(abs(normal.map { $0 * $0 }.reduce(0, +) / Double(count) - 1) < 0.03)
  }
}
