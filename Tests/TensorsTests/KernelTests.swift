import Foundation
import Testing

@testable import Tensors

/// Each vector loop against a plain loop in double.
@Suite struct KernelTests {
  private func values<T: Scalar>(_ count: Int, _ purpose: String, _ type: T.Type, scale: Double = 1) -> Tensor<T> {
    var random = CounterRandom(seed: 11, purpose: purpose)
    return Tensor<T>((0..<count).map { _ in T(scale * random.normal()) }, [count])
  }

  private func error<T: Scalar>(_ got: Tensor<T>, _ expected: [Double]) -> Double {
    zip(got.array, expected).map { abs(Double($0) - $1) / max(1, abs($1)) }.max() ?? 0
  }

  private func tolerance<T: Scalar>(_ type: T.Type) -> Double { Double(T.ulpOfOne) * 40 }

  @Test(arguments: [1, 7, 16, 33, 100]) func elementwiseLoopsAgree(count: Int) {
    func check<T: Scalar>(_ type: T.Type) {
      let x = values(count, "x", type, scale: 3)
      let dy = values(count, "dy", type)
      let result = Tensor<T>(zeros: [count])
      result.setExp(x)
      #expect(error(result, x.array.map { exp(Double($0)) }) < tolerance(type))
      func gelu(_ v: Double) -> Double { 0.5 * v * (1 + tanh(0.7978845608028654 * (v + 0.044715 * v * v * v))) }
      result.setGELU(x)
      #expect(error(result, x.array.map { gelu(Double($0)) }) < tolerance(type))
      result.setGELUBackward(x, dy)
      let slope = zip(x.array, dy.array).map { v, d in
        Double(d) * (gelu(Double(v) + 1e-6) - gelu(Double(v) - 1e-6)) / 2e-6
      }
      #expect(error(result, slope) < max(1e-7, tolerance(type)))
      result.setSwiGLU(gate: x, up: dy)
      #expect(
        error(result, zip(x.array, dy.array).map { Double($0) / (1 + exp(-Double($0))) * Double($1) }) < tolerance(type)
      )
      #expect(abs(x.dot(dy) - zip(x.array, dy.array).map { Double($0) * Double($1) }.reduce(0, +)) < 1e-9)
    }
    check(Float.self)
    check(Double.self)
  }

  @Test func exponentialIsExactAtTheEdges() {
    let x = Tensor<Float>([0, -200, 200, -.infinity, .infinity, 1], [6])
    let y = Tensor<Float>(zeros: [6])
    y.setExp(x)
    #expect(y.array.prefix(5) == [1, 0, .infinity, 0, .infinity])
    let nan = Tensor<Float>([.nan], [1])
    nan.setExp(nan)
    #expect(nan[0].isNaN)
  }

  @Test func softmaxHidesMaskedAndFutureColumns() {
    let x = Tensor<Double>([1, 2, 3, 4, 5, 6], [2, 3])
    x.softmaxRows(causal: true, shift: 1)
    let e = exp(1.0)
    #expect(
      error(x, [1 / (1 + e), e / (1 + e), 0, 1 / (1 + e + e * e), e / (1 + e + e * e), e * e / (1 + e + e * e)]) < 1e-14
    )
    let masked = Tensor<Double>([1, 2, 3, 4, 5, 6], [2, 3])
    masked.softmaxRows(mask: [0, 0, 0])
    #expect(masked.array == [0, 0, 0, 0, 0, 0])
    let huge = Tensor<Float>([1e30, -1e30, 1e30], [1, 3])
    huge.softmaxRows()
    #expect(huge.array == [0.5, 0, 0.5])
  }

  @Test func productsOfStridedAndTransposedViewsAgreeWithThePlainLoop() {
    var random = CounterRandom(seed: 3, purpose: "products")
    for _ in 0..<50 {
      let (m, n, k) = (1 + random.integer(below: 9), 1 + random.integer(below: 9), random.integer(below: 9))
      let (ta, tb) = (random.integer(below: 2) == 1, random.integer(below: 2) == 1)
      let wide = (0..<3).map { _ in Tensor<Double>((0..<400).map { _ in random.normal() }, [20, 20]) }
      let a = wide[0].matrix.rows(1..<1 + (ta ? k : m)).columns(2..<2 + (ta ? m : k))
      let b = wide[1].matrix.rows(3..<3 + (tb ? n : k)).columns(1..<1 + (tb ? k : n))
      let c = wide[2].matrix.rows(0..<m).columns(4..<4 + n)
      let before = (0..<m).map { i in (0..<n).map { c[i, $0] } }
      multiply(a, b, transposeA: ta, transposeB: tb, alpha: 2, beta: 0.5, into: c)
      for i in 0..<m {
        for j in 0..<n {
          let sum = (0..<k).map { (ta ? a[$0, i] : a[i, $0]) * (tb ? b[j, $0] : b[$0, j]) }.reduce(0, +)
          #expect(abs(c[i, j] - (2 * sum + 0.5 * before[i][j])) < 1e-12)
        }
      }
    }
  }

  /// Small extents, large ones, and rows that crowd the cache: each goes to the library that is fast there.
  @Test(arguments: [(70, 64, 33, 100), (40, 24, 90, 512), (7, 600, 512, 1024), (513, 514, 515, 600)])
  func singlePrecisionProductsFollowDoubleThroughEitherLibrary(_ shape: (m: Int, n: Int, k: Int, stride: Int)) {
    let (m, n, k) = (shape.m, shape.n, shape.k)
    let wide = values(600 * shape.stride, "wide \(shape.stride)", Double.self).reshaped([600, shape.stride])
    let narrow = wide.converted(to: Float.self)
    for (ta, tb) in [(false, false), (false, true), (true, false), (true, true)] {
      func product<Element: Scalar>(_ x: Tensor<Element>) -> Tensor<Double>? {
        let (a, b) = ((ta ? k : m, ta ? m : k), (tb ? n : k, tb ? k : n))
        guard max(a.0, b.0) <= x.rows, max(a.1, b.1) <= x.columns else { return nil }
        let result = Tensor<Element>(zeros: [m, n])
        multiply(
          x.matrix.rows(0..<a.0).columns(0..<a.1), x.matrix.rows(0..<b.0).columns(0..<b.1), transposeA: ta,
          transposeB: tb, into: result.matrix)
        return result.converted(to: Double.self)
      }
      guard let exact = product(wide), let single = product(narrow) else { continue }
      single.add(exact, times: -1)
      #expect(single.sumOfSquares.squareRoot() < 1e-6 * exact.sumOfSquares.squareRoot())
    }
  }

  @Test func poolReusesMemoryAndASteadyLoopAllocatesNothing() {
    let pool = BufferPool<Float>()
    for round in 0..<5 {
      let a = pool.tensor([100, 10])
      let b = pool.zeros([33])
      #expect(b.sumOfSquares == 0)
      a.fill(Float(round))
      if round > 0 { #expect(pool.misses == 2) }
    }
    #expect(MemoryShelf.sizeClass(1000) >= 1000 && MemoryShelf.sizeClass(1000) <= 1125)
    for count in 1..<5000 { #expect(MemoryShelf.sizeClass(count) >= count) }
  }

  @Test func adamWRoundsTheNewWeightsInTheSamePass() {
    let (weight, plain, gradient) = (
      values(100, "w", Float.self), values(100, "w", Float.self), values(100, "g", Float.self)
    )
    let moments = (0..<4).map { _ in Tensor<Float>(zeros: [100]) }
    let (rounded, expected) = (Tensor<BFloat16>(uninitialised: [100]), Tensor<BFloat16>(uninitialised: [100]))
    let step = AdamWStep(learningRate: 0.1, step: 1)
    step.update(weight: weight, gradient: gradient, moment1: moments[0], moment2: moments[1], rounded: rounded)
    step.update(weight: plain, gradient: gradient, moment1: moments[2], moment2: moments[3])
    expected.setRounded(plain)
    #expect(weight.array == plain.array && moments[0].array == moments[2].array)
    #expect(rounded.array.map(\.bits) == expected.array.map(\.bits))
  }

  /// Source of the formula: Loshchilov and Hutter 2019, algorithm 2.
  @Test func adamWFollowsItsFormulaAndIsIndependentOfTheCut() {
    let weight = values(100, "w", Double.self)
    let gradient = values(100, "g", Double.self)
    let (m, v) = (Tensor<Double>(zeros: [100]), Tensor<Double>(zeros: [100]))
    var (w, m1, v1) = (weight.array, [Double](repeating: 0, count: 100), [Double](repeating: 0, count: 100))
    for step in 1...3 {
      let settings = AdamWStep(learningRate: 0.1, weightDecay: 0.01, step: step, gradientScale: 0.5)
      for range in [0..<37, 37..<100] {
        settings.update(
          weight: weight.range(range), gradient: gradient.range(range), moment1: m.range(range), moment2: v.range(range)
        )
      }
      for i in 0..<100 {
        let g = gradient[i] * 0.5
        m1[i] = 0.9 * m1[i] + 0.1 * g
        v1[i] = 0.999 * v1[i] + 0.001 * g * g
        let (mh, vh) = (m1[i] / (1 - pow(0.9, Double(step))), v1[i] / (1 - pow(0.999, Double(step))))
        w[i] = w[i] * (1 - 0.1 * 0.01) - 0.1 * mh / (vh.squareRoot() + 1e-8)
      }
    }
    #expect(error(weight, w) < 1e-12)
  }

  /// Wherever it stands, also in the elements behind the last whole register.
  @Test func aNumberThatIsNotFiniteIsFound() {
    for count in [0, 1, 3, 16, 37, 100] {
      var values = [Float](repeating: 3e38, count: count)
      #expect(Tensor<Float>(values, [count]).isFinite)
      #expect(Tensor<Double>(values.map(Double.init), [count]).isFinite)
      for place in values.indices {
        for strange in [Float.nan, .infinity, -.infinity] {
          values[place] = strange
          #expect(!Tensor<Float>(values, [count]).isFinite)
          #expect(!Tensor<Double>(values.map(Double.init), [count]).isFinite)
        }
        values[place] = -3e38
      }
    }
  }
}
