/// The random numbers of Python's `random` module, so that the published scorer's random answers can be repeated.
///
/// MT19937 with CPython's seeding from an integer (`init_by_array` over its 32-bit digits) and its `_randbelow`.
/// Source: Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 1998; CPython's `random` documentation.
/// Only for that purpose: everything else draws from `CounterRandom`.
public struct PythonRandom: Sendable {
  private static let size = 624
  private var state: [UInt32]
  private var position = PythonRandom.size

  /// Like `random.seed(seed)`.
  public init(seed: UInt64) {
    state = Self.spread(19_650_218)
    let low = UInt32(truncatingIfNeeded: seed)
    let high = UInt32(truncatingIfNeeded: seed >> 32)
    let key = high == 0 ? [low] : [low, high]
    var i = 1
    for step in 0..<Self.size {
      let place = step % key.count
      let previous = state[i - 1] ^ (state[i - 1] >> 30)
      state[i] = (state[i] ^ (previous &* 1_664_525)) &+ key[place] &+ UInt32(place)
      advance(&i)
    }
    for _ in 1..<Self.size {
      let previous = state[i - 1] ^ (state[i - 1] >> 30)
      state[i] = (state[i] ^ (previous &* 1_566_083_941)) &- UInt32(i)
      advance(&i)
    }
    state[0] = 0x8000_0000
  }

  /// Like `random.getrandbits(count)`. - Precondition: count in 1 ... 32.
  public mutating func bits(_ count: Int) -> UInt32 {
    precondition((1...32).contains(count), "1 to 32 bits at a time")
    return nextWord() >> UInt32(32 - count)
  }

  /// Like `random._randbelow(bound)`, the index `random.choice` takes. - Precondition: bound > 0.
  public mutating func index(below bound: Int) -> Int {
    precondition(bound > 0 && bound <= Int(Int32.max), "a bound of 1 or more")
    let width = Int.bitWidth - bound.leadingZeroBitCount
    while true {
      let draw = Int(bits(width))
      if draw < bound { return draw }
    }
  }

  /// Like `random.choice(options)`. - Precondition: options is not empty.
  public mutating func choice<T>(_ options: [T]) -> T { options[index(below: options.count)] }

  private mutating func nextWord() -> UInt32 {
    if position == Self.size { refill() }
    var word = state[position]
    position += 1
    word ^= word >> 11
    word ^= (word << 7) & 0x9D2C_5680
    word ^= (word << 15) & 0xEFC6_0000
    return word ^ (word >> 18)
  }

  private mutating func refill() {
    for i in 0..<Self.size {
      let joined = (state[i] & 0x8000_0000) | (state[(i + 1) % Self.size] & 0x7FFF_FFFF)
      state[i] = state[(i + 397) % Self.size] ^ (joined >> 1) ^ (joined & 1 == 0 ? 0 : 0x9908_B0DF)
    }
    position = 0
  }

  /// The state filled from one 32-bit number.
  private static func spread(_ seed: UInt32) -> [UInt32] {
    var words = [seed]
    words.reserveCapacity(size)
    for i in 1..<size { words.append(1_812_433_253 &* (words[i - 1] ^ (words[i - 1] >> 30)) &+ UInt32(i)) }
    return words
  }

  private mutating func advance(_ i: inout Int) {
    i += 1
    if i == Self.size {
      state[0] = state[Self.size - 1]
      i = 1
    }
  }
}
