import Foundation

/// Counter-based random numbers: Philox 4x32 with 10 rounds.
///
/// The stream is a pure function of (seed, purpose, step, sample), so a draw never depends on which rank makes it or on
/// what was drawn before. Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
public struct CounterRandom: RandomNumberGenerator, Sendable {
  private let key: (UInt32, UInt32)
  private let stream: (UInt32, UInt32)
  private var block: UInt64 = 0
  private var pending: UInt64 = 0
  private var hasPending = false

  /// - Parameters:
  ///   - seed: the run's seed.
  ///   - purpose: what the numbers are for, such as "augmentation"; different purposes give unrelated streams.
  ///   - step: training step or epoch.
  ///   - sample: index of the sample in its data set.
  public init(seed: UInt64, purpose: String, step: UInt64 = 0, sample: UInt64 = 0) {
    let name = Self.fnv1a(purpose)
    let mixedKey = Self.mix(seed ^ Self.mix(name))
    let mixedStream = Self.mix(Self.mix(step &+ 0x9E37_79B9_7F4A_7C15) ^ (sample &* 0xD1B5_4A32_D192_ED03) ^ name)
    key = (UInt32(truncatingIfNeeded: mixedKey), UInt32(truncatingIfNeeded: mixedKey >> 32))
    stream = (UInt32(truncatingIfNeeded: mixedStream), UInt32(truncatingIfNeeded: mixedStream >> 32))
  }

  public mutating func next() -> UInt64 {
    if hasPending {
      hasPending = false
      return pending
    }
    let words = Self.philox(
      (UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: block >> 32), stream.0, stream.1), key)
    block &+= 1
    pending = UInt64(words.2) | UInt64(words.3) << 32
    hasPending = true
    return UInt64(words.0) | UInt64(words.1) << 32
  }

  /// A number uniform in [0, 1) with 53 random bits.
  public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// A number uniform in [low, high).
  public mutating func uniform(_ low: Double, _ high: Double) -> Double { low + (high - low) * uniform() }

  /// A standard normal number (polar method of Marsaglia, rejection bounded by the stream itself).
  public mutating func normal() -> Double {
    while true {
      let x = 2 * uniform() - 1
      let y = 2 * uniform() - 1
      let square = x * x + y * y
      if square > 0, square < 1 { return x * (-2 * log(square) / square).squareRoot() }
    }
  }

  /// An integer uniform in 0 ..< bound. - Precondition: bound > 0.
  public mutating func integer(below bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

  /// The ten rounds of Philox 4x32.
  static func philox(
    _ counter: (UInt32, UInt32, UInt32, UInt32), _ key: (UInt32, UInt32)
  ) -> (UInt32, UInt32, UInt32, UInt32) {
    var c = counter
    var k = key
    for _ in 0..<10 {
      let first = UInt64(c.0) * 0xD251_1F53
      let second = UInt64(c.2) * 0xCD9E_8D57
      c = (
        UInt32(truncatingIfNeeded: second >> 32) ^ c.1 ^ k.0, UInt32(truncatingIfNeeded: second),
        UInt32(truncatingIfNeeded: first >> 32) ^ c.3 ^ k.1, UInt32(truncatingIfNeeded: first)
      )
      k = (k.0 &+ 0x9E37_79B9, k.1 &+ 0xBB67_AE85)
    }
    return c
  }

  /// The finaliser of SplitMix64: a bijection that spreads every input bit.
  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  private static func fnv1a(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }
}
