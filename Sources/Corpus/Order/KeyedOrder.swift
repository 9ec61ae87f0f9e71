import Tensors

/// The order in which samples are visited: another permutation of 0 ..< count in every epoch, computed and never stored.
///
/// A position p = epoch * count + i goes to the i-th element of the epoch's permutation: an eight-round Feistel network
/// on the smallest even number of bits that holds `count`, walked until the value lies below `count`. Resuming at any
/// position needs no replay, and any rank may ask for any position.
///
/// - Complexity: O(1) expected a position.
/// - Source: Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002.
public struct KeyedOrder: Sendable, Equatable {
  public let seed: UInt64
  public let count: Int

  private static let rounds = 8

  /// - Precondition: 1 <= count <= 2^40.
  public init(seed: UInt64, count: Int) {
    precondition(count > 0 && count <= 1 << 40, "an order needs samples")
    self.seed = seed
    self.count = count
  }

  public func epoch(position: Int) -> Int { position / count }

  /// The sample at a position. - Precondition: position >= 0.
  public func sample(position: Int) -> Int {
    precondition(position >= 0, "positions count from 0")
    let keys = roundKeys(epoch: position / count)
    var value = UInt64(position % count)
    repeat { value = permuted(value, keys) } while value >= UInt64(count)
    return Int(value)
  }

  private func roundKeys(epoch: Int) -> [UInt64] {
    var random = CounterRandom(seed: seed, purpose: "sample order", step: UInt64(epoch))
    return (0..<Self.rounds).map { _ in random.next() }
  }

  /// Bits of each half; at least 2, as smaller networks reach few permutations.
  private var halfBits: UInt64 {
    let bits = UInt64(UInt64.bitWidth - UInt64(count - 1).leadingZeroBitCount)
    return max(2, (bits + 1) / 2)
  }

  private func permuted(_ value: UInt64, _ keys: [UInt64]) -> UInt64 {
    let bits = halfBits
    let mask = (UInt64(1) << bits) - 1
    var left = value >> bits
    var right = value & mask
    for key in keys { (left, right) = (right, left ^ (Self.mix(right ^ key) & mask)) }
    return left << bits | right
  }

  /// The finaliser of MurmurHash3: a bijection whose low bits depend on every input bit.
  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 33)) &* 0xFF51_AFD7_ED55_8CCD
    z = (z ^ (z >> 33)) &* 0xC4CE_B9FE_1A85_EC53
    return z ^ (z >> 33)
  }
}
