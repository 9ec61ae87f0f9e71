import Tensors
import Testing

@testable import Corpus

@Suite struct ScalarClassesTests {
  /// Sets whose ranges begin and end at, before and behind the edges of pages, and cover whole ones, held against masks
  /// written out scalar by scalar.
  @Test func masksAreThoseOfTheSets() throws {
    var random = CounterRandom(seed: 3, purpose: "scalars")
    for count in 0..<6 {
      var sets: [ScalarSet] = []
      var expected = [UInt64](repeating: 0, count: 0x110000)
      for index in 0..<count {
        let ranges = (0..<random.integer(below: 12)).map { _ -> ClosedRange<UInt32> in
          let low = UInt32(random.integer(below: 0x1100) * 256 + [0, 1, 255][random.integer(below: 3)])
          let length = [0, 1, 254, 255, 256, 257, 50_000][random.integer(below: 7)]
          return low...min(low + UInt32(length), 0x10FFFF)
        }
        sets.append(ScalarSet(ranges))
        for range in ranges { for scalar in range { expected[Int(scalar)] |= 1 << UInt64(index) } }
      }
      let classes = try #require(ScalarClasses(sets))
      let wrong = expected.indices.first { classes.mask(UInt32($0)) != expected[$0] }
      #expect(wrong == nil, "\(count) sets, scalar \(wrong ?? 0)")
    }
  }
}
