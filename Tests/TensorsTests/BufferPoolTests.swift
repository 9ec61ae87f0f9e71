import Testing

@testable import Tensors

@Suite struct BufferPoolTests {
  /// Tensors of random sizes come and go; none ever touches another's memory, and all of it is found again.
  @Test func tensorsNeverShareMemoryAndNothingIsLost() {
    let pool = BufferPool<Float>()
    var random = CounterRandom(seed: 3, purpose: "pool")
    var living: [(tensor: Tensor<Float>, mark: Float)] = []
    for step in 1...3000 {
      if living.count > 12 || (random.integer(below: 3) == 0 && !living.isEmpty) {
        let gone = living.remove(at: random.integer(below: living.count))
        #expect(gone.tensor.array.allSatisfy { $0 == gone.mark })
      } else {
        // Below and above the size from which memory is cut from slabs.
        let tensor = pool.tensor([1 + random.integer(below: 3) * 40_000 + random.integer(below: 300_000)])
        tensor.fill(Float(step))
        living.append((tensor, Float(step)))
      }
    }
    for one in living { #expect(one.tensor.array.allSatisfy { $0 == one.mark }) }
    living = []
    let (held, misses) = (pool.bytesHeld, pool.misses)
    _ = pool.tensor([100_000])
    #expect(pool.bytesHeld == held && pool.misses == misses)
  }

  @Test func neighboursThatAreFreeServeALargerTensorAgain() {
    let pool = BufferPool<Float>()
    do { _ = pool.tensor([1 << 20]) }
    do {
      let parts = (0..<4).map { _ in pool.tensor([1 << 18]) }
      #expect(parts.count == 4 && pool.bytesHeld == 4 << 20)
    }
    _ = pool.tensor([1 << 20])
    #expect(pool.bytesHeld == 4 << 20 && pool.misses == 1)
  }

  @Test func theSmallestPieceThatFitsIsTaken() {
    let pool = BufferPool<Float>()
    do { _ = (pool.tensor([1 << 20]), pool.tensor([1 << 17])) }
    let small = pool.tensor([100_000])
    let large = pool.tensor([1 << 20])
    #expect(pool.misses == 2 && small.count + large.count > 0)
  }
}
