import Testing

@testable import Tensors

/// Products of few rows and attention of one row, against plain sums in double.
@Suite struct StreamedProductTests {
  private func random(_ shape: [Int], _ purpose: String) -> Tensor<Float> {
    var random = CounterRandom(seed: 21, purpose: purpose)
    return Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.normal()) }, shape)
  }

  private func expected(_ x: Matrix<Float>, _ w: Matrix<Float>, _ row: Int, _ column: Int) -> Double {
    (0..<x.columns).reduce(0) { $0 + Double(x[row, $1]) * Double(w[column, $1]) }
  }

  /// Every count of rows, inner extents around the sixteen lanes, views with strides, by one and by several threads.
  @Test(arguments: 1...8, [1, 7, 15, 16, 17, 31, 33, 64, 100, 577]) func sumsAreThoseOfPlainLoops(
    rows: Int, inner: Int
  ) throws {
    let outputs = 37
    let x = random([rows, inner + 5], "x").matrix.columns(2..<2 + inner)
    let wide = random([outputs, inner + 3], "w")
    let narrow = Tensor<BFloat16>(uninitialised: [outputs, inner + 3])
    narrow.setRounded(wide)
    let values = Tensor<Float>(narrow.array.map(\.value), [outputs, inner + 3])
    func check(_ product: StreamedProduct<Float>?, _ weights: Matrix<Float>) throws {
      let y = random([rows, outputs + 4], "y")
      let before = y.copy()
      let multiply = try #require(product)
      multiply(x, into: y.matrix.columns(1..<1 + outputs), team: ThreadTeam(threads: 2))
      for row in 0..<rows {
        for column in 0..<outputs {
          let sum = expected(x, weights, row, column)
          #expect(abs(Double(y.matrix[row, column + 1]) - sum) < 4e-6 * Double(inner).squareRoot() + 1e-6)
        }
        // Nothing beside the view is touched.
        #expect(y.matrix[row, 0] == before.matrix[row, 0])
        #expect(y.matrix[row, outputs + 1] == before.matrix[row, outputs + 1])
      }
    }
    let columns = 1..<1 + inner
    try check(StreamedProduct(rounded: narrow.matrix.columns(columns), rows: rows), values.matrix.columns(columns))
    try check(StreamedProduct(exact: wide.matrix.columns(columns), rows: rows), wide.matrix.columns(columns))
  }

  /// A number of the result is one thread's, whole: neither the cut nor the other rows change its bits.
  @Test func bitsDependOnNeitherThreadsNorRows() throws {
    let x = random([7, 640], "x")
    let w = Tensor<BFloat16>(uninitialised: [1500, 640])
    w.setRounded(random([1500, 640], "w"))
    func product(_ x: Tensor<Float>, threads: Int) throws -> [Float] {
      let y = Tensor<Float>(zeros: [x.rows, w.rows])
      let multiply = try #require(StreamedProduct<Float>(rounded: w.matrix, rows: x.rows))
      multiply(x.matrix, into: y.matrix, team: ThreadTeam(threads: threads))
      return y.array
    }
    let together = try product(x, threads: 1)
    #expect(try product(x, threads: 2) == together)
    #expect(try (0..<7).flatMap { try product(x.slice($0..<$0 + 1), threads: 3) } == together)
  }

  @Test func notANumberAndInfinityArePassedOn() throws {
    for place in [0, 15, 16, 40] {
      let x = random([2, 41], "x")
      let w = Tensor<BFloat16>(uninitialised: [3, 41])
      w.setRounded(random([3, 41], "w"))
      w[41 + place] = BFloat16(.nan)
      w[82 + place] = BFloat16(.infinity)
      let y = Tensor<Float>(zeros: [2, 3])
      let multiply = try #require(StreamedProduct<Float>(rounded: w.matrix, rows: 2))
      multiply(x.matrix, into: y.matrix, team: ThreadTeam(threads: 1))
      for row in 0..<2 {
        #expect(y.matrix[row, 0].isFinite && y.matrix[row, 1].isNaN && y.matrix[row, 2].isInfinite)
      }
    }
  }

  @Test func manyRowsAndDoubleAreLeftToTheLibrary() {
    let w = Tensor<BFloat16>(uninitialised: [4, 4])
    #expect(StreamedProduct<Float>(rounded: w.matrix, rows: 9) == nil)
    #expect(StreamedProduct<Float>(rounded: w.matrix, rows: 0) == nil)
    #expect(StreamedProduct<Double>(rounded: w.matrix, rows: 1) == nil)
  }

  /// Within rounding, few rows mean what many rows mean, at either precision.
  @Test(arguments: Precision.allCases) func fewRowsMeanWhatManyRowsMean(precision: Precision) {
    let pool = BufferPool<Float>()
    let x = random([9, 96], "x")
    let w = Tensor<BFloat16>(uninitialised: [50, 96])
    w.setRounded(random([50, 96], "w"))
    let products = MixedProducts(precision, pool: pool)
    let (all, few) = (Tensor<Float>(zeros: [9, 50]), Tensor<Float>(zeros: [5, 50]))
    products(.exact(x.matrix), .rounded(w.matrix), transposeB: true, into: all.matrix)
    products(.exact(x.slice(0..<5).matrix), .rounded(w.matrix), transposeB: true, into: few.matrix)
    #expect(zip(all.array, few.array).allSatisfy { abs($0 - $1) < 2e-5 })
  }

  /// A team's cut of products, softmax and attention moves no more than the last bits.
  @Test(arguments: [(300, 200, 130), (40, 700, 120), (9, 1000, 500)]) func aTeamComputesTheSame(
    _ shape: (Int, Int, Int)
  ) {
    let (m, n, k) = shape
    let pool = BufferPool<Float>()
    let (alone, team) = (
      MixedProducts<Float>(.f32, pool: pool), MixedProducts<Float>(.f32, pool: pool, team: ThreadTeam(threads: 3))
    )
    for (transposeA, transposeB) in [(false, false), (false, true), (true, false), (true, true)] {
      let a = random(transposeA ? [k, m] : [m, k], "a")
      let w = Tensor<BFloat16>(uninitialised: transposeB ? [n, k] : [k, n])
      w.setRounded(random(w.shape, "w"))
      for (beta, operand) in [(Float(0), Operand<Float>.rounded(w.matrix)), (2, .exact(random(w.shape, "w").matrix))] {
        let (x, y) = (random([m, n], "c"), random([m, n], "c"))
        for (products, c) in [(alone, x), (team, y)] {
          products(
            .exact(a.matrix), operand, transposeA: transposeA, transposeB: transposeB, alpha: 0.5, beta: beta,
            into: c.matrix)
        }
        #expect(zip(x.array, y.array).allSatisfy { abs($0 - $1) < 1e-4 })
      }
    }
  }

  /// One row of grouped attention against the formula.
  @Test(arguments: [1, 2, 15, 16, 17, 90]) func oneRowAttendsToAll(keys: Int) {
    let (heads, keyHeads, width, valueWidth) = (6, 2, 20, 12)
    func check<T: Scalar>(_ type: T.Type, tolerance: Double) {
      let q = random([1, heads * width], "q").converted(to: T.self)
      let k = random([keys, keyHeads * width], "k").converted(to: T.self)
      let v = random([keys, keyHeads * valueWidth], "v").converted(to: T.self)
      let y = Tensor<T>(uninitialised: [1, heads * valueWidth])
      y.setAttention(of: q, keys: k, values: v, heads: heads, keyHeads: keyHeads, scratch: Tensor(zeros: [keys]))
      for head in 0..<heads {
        let group = head / (heads / keyHeads)
        let scores = (0..<keys).map { row in
          (0..<width).reduce(0.0) {
            $0 + Double(q[head * width + $1]) * Double(k[row * keyHeads * width + group * width + $1])
          } / Double(width).squareRoot()
        }
        let weights = scores.map { exponential($0 - (scores.max() ?? 0)) }
        let sum = weights.reduce(0, +)
        for column in 0..<valueWidth {
          let expected = (0..<keys).reduce(0.0) {
            $0 + weights[$1] / sum * Double(v[$1 * keyHeads * valueWidth + group * valueWidth + column])
          }
          #expect(abs(Double(y[head * valueWidth + column]) - expected) < tolerance)
        }
      }
    }
    check(Float.self, tolerance: 2e-6)
    check(Double.self, tolerance: 1e-13)
  }

  private func exponential(_ x: Double) -> Double {
    let (x, y) = (Tensor<Double>([x], [1]), Tensor<Double>(zeros: [1]))
    y.setExp(x)
    return y[0]
  }

  @Test func memoryIsReadAtAnImaginableRate() {
    let speed = MemoryBandwidth.measure(threads: 2)
    #expect(speed > 1e8 && speed < 1e13)
  }
}
