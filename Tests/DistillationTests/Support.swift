import Autograd
import Tensors

@testable import Distillation

/// Keyed normal numbers.
func normal(_ shape: [Int], _ purpose: String, scale: Double = 1) -> Tensor<Double> {
  var random = CounterRandom(seed: 3, purpose: purpose)
  return Tensor((0..<shape.reduce(1, *)).map { _ in scale * random.normal() }, shape)
}

extension Tensor<Double> {
  func row(_ index: Int) -> [Double] { slice(index..<index + 1).array }
}

func fixed(_ tensor: Tensor<Double>) -> Variable<Double> { Variable(tensor, needsGradient: false) }

/// Runs one transport and its backward.
func transport(
  _ t: Tensor<Double>, _ s: Tensor<Double>, _ settings: TransportSettings
) throws -> (solution: TransportSolution<Double>, dt: Tensor<Double>, ds: Tensor<Double>) {
  let tape = Tape(pool: BufferPool<Double>())
  let (teacher, student) = (Variable(t, needsGradient: true), Variable(s, needsGradient: true))
  let loss = try tape.transportLoss(
    teacher: teacher, student: student, teacherTokens: Segments(lengths: [t.rows]),
    studentTokens: Segments(lengths: [s.rows]), problems: 1, weight: 1, settings: settings)
  tape.backward()
  return (loss.solutions[0], teacher.gradient ?? Tensor(zeros: t.shape), student.gradient ?? Tensor(zeros: s.shape))
}
