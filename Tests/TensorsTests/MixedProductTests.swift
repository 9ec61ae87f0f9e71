import Foundation
import Testing

@testable import Tensors

/// bfloat16 and products of operands rounded to it.
@Suite struct MixedProductTests {
  private func random(_ shape: [Int], _ purpose: String) -> Tensor<Float> {
    var random = CounterRandom(seed: 8, purpose: purpose)
    return Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.normal()) }, shape)
  }

  /// Nearest of the two neighbours, even on a tie; infinities stay, numbers beyond the largest become infinite.
  @Test func roundingIsToTheNearestTiesToEven() {
    var numbers: [Float] = [0, -0, 1, -1, .infinity, -.infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude, .pi]
    numbers += [0x1.01p0, 0x1.03p0, 0x1.0100002p0, 0x1.00fffep0]  // ties and their neighbours
    numbers += random([500], "numbers").array.map { $0 * 1e3 }
    let rounded = Tensor<BFloat16>(uninitialised: [numbers.count])
    rounded.setRounded(Tensor(numbers, [numbers.count]))
    for (index, number) in numbers.enumerated() {
      let found = rounded.array[index]
      #expect(found == BFloat16(number))
      guard number.isFinite, abs(number) < 1e38 else { continue }
      let low = Float(bitPattern: number.bitPattern & 0xFFFF_0000)
      let high = Float(bitPattern: low.bitPattern &+ 0x10000)
      let (below, above) = (abs(number - low), abs(high - number))
      let expected = below < above || (below == above && low.bitPattern >> 16 & 1 == 0) ? low : high
      #expect(found.value == expected, "\(number)")
    }
    #expect(BFloat16(.nan).value.isNaN && BFloat16(.greatestFiniteMagnitude).value == .infinity)
    #expect(BFloat16(0x1.01p0).value == 1 && BFloat16(0x1.03p0).value == 0x1.04p0)
  }

  @Test func notFiniteNumbersAreFound() {
    for bad in [Float.nan, .infinity, -.infinity] {
      let tensor = Tensor<BFloat16>((0..<77).map { BFloat16($0 == 70 ? bad : Float($0)) }, [77])
      #expect(!tensor.isFinite)
    }
    #expect(Tensor<BFloat16>([BFloat16(1), BFloat16(-3e38)], [2]).isFinite)
  }

  /// Each form of operand, transposed or not, strided or not, against the product of rounded numbers in double.
  @Test(arguments: [(5, 7, 9), (33, 64, 17), (1, 40, 3)]) func operandsAreRoundedAndSumsAreNot(_ shape: (Int, Int, Int))
  {
    let (m, k, n) = shape
    let pool = BufferPool<Float>()
    for (transposeA, transposeB) in [(false, false), (false, true), (true, false), (true, true)] {
      let wide = (
        random(transposeA ? [k, m + 3] : [m, k + 3], "a"), random(transposeB ? [n, k + 2] : [k, n + 2], "b")
      )
      let a = wide.0.matrix.columns(1..<1 + (transposeA ? m : k))
      let b = wide.1.matrix.columns(2..<2 + (transposeB ? k : n))
      func expected(_ row: Int, _ column: Int, _ value: (Float) -> Float) -> Double {
        (0..<k).reduce(0) { sum, index in
          let left = transposeA ? a[index, row] : a[row, index]
          let right = transposeB ? b[column, index] : b[index, column]
          return sum + Double(value(left)) * Double(value(right))
        }
      }
      for precision in Precision.allCases {
        let products = MixedProducts(precision, pool: pool)
        let value = { (x: Float) in precision == .f32 ? x : BFloat16(x).value }
        for (left, right) in [
          (Operand.exact(a), Operand.exact(b)), (products.prepared(a), .exact(b)),
          (products.prepared(a), products.prepared(b)),
        ] {
          let c = Tensor<Float>(uninitialised: [m, n])
          c.fill(1)
          products(left, right, transposeA: transposeA, transposeB: transposeB, alpha: 2, beta: 0.5, into: c.matrix)
          for (row, column) in [(0, 0), (m - 1, n - 1), (m / 2, n / 2)] {
            let sum = 2 * expected(row, column, value) + 0.5
            #expect(abs(Double(c.matrix[row, column]) - sum) < 2e-5 * Double(k).squareRoot() * 4, "\(precision)")
          }
        }
      }
    }
  }

  /// A weight that is bfloat16 already keeps its value in single precision too; few rows have a loop of their own.
  @Test func aRoundedOperandIsExactInSinglePrecision() {
    let (x, w) = (random([9, 11], "x"), random([4, 11], "w"))
    let rounded = Tensor<BFloat16>(uninitialised: w.shape)
    rounded.setRounded(w)
    let (c, d) = (Tensor<Float>(uninitialised: [9, 4]), Tensor<Float>(uninitialised: [9, 4]))
    let products = MixedProducts(.f32, pool: BufferPool<Float>())
    products(.exact(x.matrix), .rounded(rounded.matrix), transposeB: true, into: c.matrix)
    let widened = Tensor(rounded.array.map(\.value), w.shape)
    multiply(x.matrix, widened.matrix, transposeB: true, into: d.matrix)
    #expect(c.array == d.array)
  }

  @Test func aMappedTensorHasTheBitsOfTheFile() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("evl-bf16-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (x, url) = (random([3, 5], "x"), folder.appendingPathComponent("x.safetensors"))
    var writer = SafetensorsWriter()
    writer.add(roundedToBF16: x, as: "rounded")
    writer.add("exact", x)
    try writer.write(to: url)
    var mapped: Tensor<BFloat16>?
    do {
      let file = try SafetensorsFile(contentsOf: url)
      mapped = try file.mapped("rounded")
      #expect(try file.mapped("exact") == nil)
    }
    #expect(mapped?.shape == [3, 5] && mapped?.array == x.array.map { BFloat16($0) })
  }
}
