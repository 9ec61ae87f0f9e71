import Foundation
import TestSupport
import Testing

@testable import Tensors

/// Half precision and products of matrices kept in it.
@Suite struct HalfTests {
  private let patterns = Tensor<Half>((0..<65536).map { Half(bits: UInt16($0)) }, [65536])

  private func random(_ shape: [Int], _ purpose: String) -> Tensor<Float> {
    var random = CounterRandom(seed: 31, purpose: purpose)
    return Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.normal()) }, shape)
  }

  private func randomHalves(_ shape: [Int], _ purpose: String) -> Tensor<Half> {
    Tensor(random(shape, purpose).array.map(StoredWeights.half), shape)
  }

  /// What IEEE 754 says of a pattern, number by number.
  private func expected(_ bits: Int) -> Double {
    let (exponent, fraction) = (bits >> 10 & 31, Double(bits & 1023))
    let magnitude: Double
    switch exponent {
    case 0: magnitude = scalbn(fraction, -24)
    case 31: magnitude = fraction == 0 ? .infinity : .nan
    default: magnitude = scalbn(1024 + fraction, exponent - 25)
    }
    return bits & 0x8000 == 0 ? magnitude : -magnitude
  }

  private func isSame(_ found: Double, _ expected: Double) -> Bool {
    expected.isNaN ? found.isNaN : found == expected && found.sign == expected.sign
  }

  /// All 65,536 patterns: one by one, by the loops, and as weights of a streamed product, in its lanes and behind them.
  @Test(arguments: [1, 16, 19]) func everyPatternIsWidenedExactly(columns: Int) throws {
    let all = patterns
    let (single, double) = (Tensor<Float>(zeros: [65536]), Tensor<Double>(zeros: [65536]))
    single.matrix.setWidened(all.matrix)
    double.matrix.setWidened(all.matrix)
    let zero = Half(bits: 0)
    let spread = Tensor<Half>([Half](repeating: zero, count: 65536 * columns), [65536, columns])
    for bits in 0..<65536 { spread[bits * columns + bits % columns] = all[bits] }
    let (ones, streamed) = (Tensor<Float>(uninitialised: [1, columns]), Tensor<Float>(zeros: [1, 65536]))
    ones.fill(1)
    let product = try #require(StreamedProduct<Float>(half: spread.matrix, rows: 1))
    product(ones.matrix, into: streamed.matrix, team: ThreadTeam(threads: 1))
    var wrong: [Int] = []
    for bits in 0..<65536 {
      let value = expected(bits)
      // A sum of zeros has no sign.
      let sum = Double(streamed[bits])
      if !isSame(Double(all[bits].value), value) || !isSame(Double(single[bits]), value)
        || !isSame(double[bits], value) || !(value.isNaN ? sum.isNaN : sum == value)
      {
        wrong.append(bits)
      }
    }
    #expect(wrong.isEmpty, "\(wrong.prefix(5))")
  }

  /// Rounded to bfloat16, they are what the widened numbers become.
  @Test func everyPatternIsRoundedAsItsValue() {
    let all = patterns.reshaped([256, 256]).matrix
    let rounded = Tensor<BFloat16>(uninitialised: [256, 256])
    rounded.matrix.setRounded(all)
    let (values, doubles) = (Tensor<Float>(zeros: [256, 256]), Tensor<Double>(zeros: [256, 256]))
    values.matrix.setRoundedValues(of: all)
    doubles.matrix.setRoundedValues(of: all)
    for bits in 0..<65536 {
      let expected = BFloat16(Half(bits: UInt16(bits)).value)
      #expect(rounded[bits] == expected && values[bits].bitPattern == expected.value.bitPattern)
      #expect(isSame(doubles[bits], Double(expected.value)))
    }
  }

  @Test func notFiniteNumbersAreFound() {
    #expect(Tensor<Half>([Half(bits: 0x7BFF), Half(bits: 0xFBFF), Half(bits: 1)], [3]).isFinite)
    for bad in [0x7C00, 0xFC00, 0x7C01, 0xFE00] as [UInt16] {
      let tensor = Tensor<Half>((0..<77).map { Half(bits: $0 == 70 ? bad : 0x3C00) }, [77])
      #expect(!tensor.isFinite)
    }
  }

  /// Many rows, or a product that is not streamed: the bits of the matrix widened, in bf16 of the matrix rounded before.
  @Test(arguments: Precision.allCases) func halvesMultiplyAsTheirValues(precision: Precision) {
    let pool = BufferPool<Float>()
    for products in [
      MixedProducts(precision, pool: pool), MixedProducts(precision, pool: pool, team: ThreadTeam(threads: 2)),
    ] {
      for (m, transposeB) in [(33, true), (33, false), (3, false)] {
        let wide = randomHalves(transposeB ? [40, 70] : [64, 46], "w")
        let w = wide.matrix.columns(3..<3 + (transposeB ? 64 : 40))
        let x = random([m, 64], "x").matrix
        let widened = Tensor<Float>(zeros: [w.rows, w.columns])
        widened.matrix.setWidened(w)
        let (found, expected) = (Tensor<Float>(zeros: [m, 40]), Tensor<Float>(zeros: [m, 40]))
        products(.exact(x), .half(w), transposeB: transposeB, into: found.matrix)
        products(.exact(x), .exact(widened.matrix), transposeB: transposeB, into: expected.matrix)
        #expect(found.array == expected.array && !found.isZero)
      }
    }
  }

  /// Few rows: the sums of another order in f32, in bf16 the bits of a matrix kept in bfloat16.
  @Test(arguments: 1...8, [5, 16, 37, 640]) func fewRowsAreStreamed(rows: Int, inner: Int) {
    let x = random([rows, inner], "x")
    let w = randomHalves([50, inner + 4], "w").matrix.columns(1..<1 + inner)
    let (widened, rounded) = (Tensor<Float>(zeros: [50, inner]), Tensor<BFloat16>(uninitialised: [50, inner]))
    widened.matrix.setWidened(w)
    rounded.setRounded(widened)
    for precision in Precision.allCases {
      let products = MixedProducts(precision, pool: BufferPool<Float>())
      let (found, kept) = (Tensor<Float>(zeros: [rows, 50]), Tensor<Float>(zeros: [rows, 50]))
      products(.exact(x.matrix), .half(w), transposeB: true, into: found.matrix)
      products(.exact(x.matrix), .rounded(rounded.matrix), transposeB: true, into: kept.matrix)
      if precision == .bf16 { #expect(found.array == kept.array) }
      for row in 0..<rows where precision == .f32 {
        for column in 0..<50 {
          let sum = (0..<inner).reduce(0) { $0 + Double(x.matrix[row, $1]) * Double(widened.matrix[column, $1]) }
          #expect(abs(Double(found.matrix[row, column]) - sum) < 4e-6 * Double(inner).squareRoot() + 1e-6)
        }
      }
    }
  }

  /// Each type as it lies in the file, and nothing where the type is another or the address does not suit it.
  @Test(arguments: ["F16", "BF16", "F32", "F64"]) func mappedTensorsHaveTheBitsOfTheFile(type: String) throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("x.safetensors")
      var writer = SafetensorsWriter()
      writer.add("x", random([3, 5], "x"))
      try writer.write(to: url)
      try StoredWeights.rewrite(url, as: type)
      var file = try SafetensorsFile(contentsOf: url)
      let values: [Float] = try file.tensor("x").array
      #expect(try file.mapped("x", as: Half.self)?.array.map(\.value) == (type == "F16" ? values : nil))
      #expect(try file.mapped("x", as: BFloat16.self)?.array.map(\.value) == (type == "BF16" ? values : nil))
      #expect(try file.mapped("x", as: Float.self)?.array == (type == "F32" ? values : nil))
      #expect(try file.mapped("x", as: Double.self)?.array == (type == "F64" ? values.map(Double.init) : nil))
      try StoredWeights.misalign(url)
      file = try SafetensorsFile(contentsOf: url)
      #expect(try file.tensor("x", as: Float.self).array == values)
      let (half, float) = (try file.mapped("x", as: Half.self), try file.mapped("x", as: Float.self))
      #expect(try half == nil && float == nil && file.mapped("x") == nil && file.mapped("x", as: Double.self) == nil)
    }
  }
}
