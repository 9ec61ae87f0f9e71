import Tensors
import Testing

@testable import Autograd

@Suite struct GradientMemoryExchangeTests {
  /// The gradient's start is given back, and nothing else of it; the pool's memory stays usable.
  @Test func aThirdOfThePoolChangesHands() {
    let gradients = Tensor<Float>(uninitialised: [8 << 20])
    let pool = BufferPool<Float>()
    gradients.fill(1)
    var fresh = GradientMemoryExchange(gradients: gradients, activations: pool)
    #expect(gradients[gradients.count / 2] == 0)
    gradients.fill(1)
    fresh.backward(reached: 0)
    #expect(gradients.array.allSatisfy { $0 == 1 })

    do { pool.tensor([12 << 20]).fill(2) }
    var exchange = GradientMemoryExchange(gradients: gradients, activations: pool)
    let share = 4 << 20
    #expect(gradients[share / 2] == 0 && gradients.range(share..<gradients.count).array.allSatisfy { $0 == 1 })
    exchange.backward(reached: share + 1)
    let tensor = pool.tensor([12 << 20])
    tensor.fill(3)
    gradients.range(0..<share).fill(4)
    exchange.backward(reached: share)
    exchange.backward(reached: 0)
    #expect(gradients.range(0..<share).array.allSatisfy { $0 == 4 } && tensor.array.allSatisfy { $0 == 3 })
    #expect(GradientMemoryExchange<Float>.bytes(gradient: 10, activations: 60) == 5)
  }

  /// Passes that share the memory give the bits of passes that do not, also those after the first.
  @Test func theGradientIsTheSame() {
    func gradients(sharing: Bool) -> [[Float]] {
      var layout = ParameterLayout()
      for layer in 0..<4 { layout.add("weight.\(layer)", [512, 512], .normal(0.05)) }
      let arena = ParameterArena<Float>(layout: layout, trainable: true, bucketElements: 1 << 16)
      arena.initialise(seed: 3)
      let pool = BufferPool<Float>()
      return (0..<3).map { pass in
        var random = CounterRandom(seed: UInt64(pass), purpose: "input")
        func normal() -> Tensor<Float> { Tensor((0..<512 * 512).map { _ in Float(random.normal()) }, [512, 512]) }
        arena.beginBackward(sharingMemoryWith: sharing ? pool : nil)
        let tape = Tape(pool: pool)
        do {
          var y = tape.constant(normal())
          for layer in 0..<4 { y = tape.gelu(tape.linear(y, arena["weight.\(layer)"])) }
          _ = tape.weightedSum(y, normal())
        }
        tape.backward()
        arena.endBackward()
        return arena.gradients?.array ?? []
      }
    }
    let alone = gradients(sharing: false)
    #expect(gradients(sharing: true) == alone && alone[2].contains { $0 != 0 } && alone[1] != alone[2])
  }
}
