import Autograd
import Tensors
import Testing

@testable import Distillation

@Suite struct RelationTests {
  private func loss(_ x: Tensor<Double>, _ y: Tensor<Double>) -> RelationLoss {
    Tape(pool: BufferPool<Double>(), recording: false).relationLoss(
      aligned: fixed(x), student: fixed(y), tokens: Segments(lengths: [x.rows]), sequences: 1, distanceWeight: 1,
      angleWeight: 1)
  }

  /// The definition, pair by pair.
  private func reference(_ x: Tensor<Double>, _ y: Tensor<Double>) -> RelationLoss {
    let n = x.rows
    func relations(_ h: Tensor<Double>) -> (distance: [Double], angle: [Double]) {
      var (distances, cosines): ([Double], [Double]) = ([], [])
      for i in 0..<n {
        for j in 0..<n {
          let (a, b) = (h.row(i), h.row(j))
          distances.append(zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot())
          let norms = [a, b].map { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }
          cosines.append(norms.min() ?? 0 > 1e-12 ? zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } / norms[0] / norms[1] : 0)
        }
      }
      let mean = distances.reduce(0, +) / Double(max(1, n * (n - 1)))
      return (distances.map { mean > 0 ? $0 / mean : 0 }, cosines)
    }
    let (a, b) = (relations(x), relations(y))
    func mean(_ p: [Double], _ q: [Double]) -> Double {
      zip(p, q).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / Double(n * n)
    }
    return RelationLoss(distance: mean(a.distance, b.distance), angle: mean(a.angle, b.angle))
  }

  @Test(arguments: [1, 2, 3, 16, 17, 40]) func agreesWithTheDefinition(_ n: Int) {
    let (x, y) = (normal([n, 7], "x"), normal([n, 7], "y", scale: 30))
    if n > 3 { for column in 0..<7 { x[column] = 0 } }
    let (found, expected) = (loss(x, y), reference(x, y))
    #expect(abs(found.distance - expected.distance) < 1e-12 && abs(found.angle - expected.angle) < 1e-12)
  }

  @Test func equalInputsCostNothingAndPullNowhereInSinglePrecision() {
    let tape = Tape(pool: BufferPool<Float>())
    let h = normal([19, 33], "h").converted(to: Float.self)
    let (x, y) = (Variable(h, needsGradient: true), Variable(h.copy(), needsGradient: true))
    let loss = tape.relationLoss(
      aligned: x, student: y, tokens: Segments(lengths: [19]), sequences: 1, distanceWeight: 1, angleWeight: 1)
    tape.backward()
    #expect(loss == RelationLoss())
    #expect(x.gradient?.sumOfSquares == 0 && y.gradient?.sumOfSquares == 0)
  }

  @Test(arguments: [0, 1e-20, 1e-6, 1e6]) func extremeTokensStayFiniteInSinglePrecision(_ scale: Double) {
    let tape = Tape(pool: BufferPool<Float>())
    let x = Variable(normal([9, 5], "x", scale: scale).converted(to: Float.self), needsGradient: true)
    let y = Variable(normal([9, 5], "y").converted(to: Float.self), needsGradient: true)
    let loss = tape.relationLoss(
      aligned: x, student: y, tokens: Segments(lengths: [9]), sequences: 1, distanceWeight: 1, angleWeight: 1)
    tape.backward()
    #expect(loss.distance.isFinite && loss.angle.isFinite)
    #expect((x.gradient?.isFinite ?? false) && (y.gradient?.isFinite ?? false))
  }

  /// Sides that differ by a hundredth keep five digits in single precision: they are computed in double.
  @Test(arguments: [3, 20, 65]) func nearlyEqualSidesKeepTheirDigits(_ n: Int) {
    let y = normal([n, 24], "y \(n)").converted(to: Float.self)
    let x = Tensor<Float>(zip(y.array, normal([n, 24], "noise \(n)").array).map { $0 + 0.01 * Float($1) }, y.shape)
    func run<Element: Scalar>(_ type: Element.Type) -> (RelationLoss, [Double]) {
      let tape = Tape(pool: BufferPool<Element>())
      let aligned = Variable(x.converted(to: Element.self), needsGradient: true)
      let student = Variable(y.converted(to: Element.self), needsGradient: true)
      let loss = tape.relationLoss(
        aligned: aligned, student: student, tokens: Segments(lengths: [n]), sequences: 1, distanceWeight: 0.5,
        angleWeight: 0.5)
      tape.backward()
      return (loss, [aligned, student].flatMap { ($0.gradient?.array ?? []).map { Double($0) } })
    }
    let (single, double) = (run(Float.self), run(Double.self))
    #expect(double.0.distance < 1e-4 && double.0.angle < 1e-4 && double.0.angle > 0)
    #expect(abs(single.0.distance - double.0.distance) < 1e-6 * double.0.distance)
    #expect(abs(single.0.angle - double.0.angle) < 1e-6 * double.0.angle)
    let error = zip(single.1, double.1).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    #expect(error.squareRoot() < 1e-6 * double.1.reduce(0) { $0 + $1 * $1 }.squareRoot())
  }
}
