import Foundation
import Tensors

/// Speed of matrix products against what the core can do at most.
public struct MatrixBenchmark {
  /// GFLOP/s of the runs and of the peak loop.
  public struct Result: Codable, Sendable {
    public var minimum: Double
    public var median: Double
    public var maximum: Double
    /// The best of several runs of independent fused multiply-adds on registers, one core.
    public var peak: Double
  }

  public init() {}

  /// Times square products of single precision with the library's current threads.
  public func run(size: Int, repetitions: Int) -> Result {
    var random = CounterRandom(seed: 1, purpose: "matrix benchmark")
    let operands = (0..<2).map { _ in
      Tensor<Float>((0..<size * size).map { _ in Float(random.uniform(-1, 1)) }, [size, size])
    }
    let product = Tensor<Float>(zeros: [size, size])
    let operations = 2 * Double(size) * Double(size) * Double(size)
    multiply(operands[0].matrix, operands[1].matrix, into: product.matrix)
    let speeds = (0..<max(1, repetitions)).map { _ in
      let start = DispatchTime.now().uptimeNanoseconds
      multiply(operands[0].matrix, operands[1].matrix, into: product.matrix)
      return operations / Double(DispatchTime.now().uptimeNanoseconds - start)
    }.sorted()
    return Result(
      minimum: speeds[0], median: speeds[speeds.count / 2], maximum: speeds[speeds.count - 1],
      peak: ProcessorPeak.measure())
  }
}
