import Evaluation
import Tensors
import Testing

@testable import Experiments

@Suite struct LeastSquaresMapTests {
  private let student = TokenGrid(tokens: 4, imageSize: 32)
  private let teacher = TokenGrid(tokens: 16, imageSize: 64)

  @Test func aStudentTokenMeetsTheTeacherTokensOfItsPlace() {
    let shares = LeastSquaresMap.shares(student: student, teacher: teacher)
    for j in 0..<4 {
      let row = shares.slice(j..<j + 1).array
      let corner = j / 2 * 8 + j % 2 * 2
      #expect(row.indices.filter { row[$0] > 0 } == [corner, corner + 1, corner + 4, corner + 5])
      #expect(row.allSatisfy { $0 == 0 || $0 == 0.25 })
    }
    // Grids that do not divide each other still share out every token whole.
    let uneven = LeastSquaresMap.shares(student: TokenGrid(tokens: 9, imageSize: 30), teacher: teacher)
    for j in 0..<9 { #expect(abs(uneven.slice(j..<j + 1).array.reduce(0, +) - 1) < 1e-6) }
  }

  @Test func anAffineRelationIsFoundAgain() {
    var random = CounterRandom(seed: 4, purpose: "affine")
    let weight = (0..<6).map { _ in Float(random.normal()) }
    let bias: [Float] = [1, -2]
    let fit = LeastSquaresMap(student: student, teacher: teacher, studentWidth: 3, teacherWidth: 2)
    for _ in 0..<10 {
      let tokens = Tensor((0..<12).map { _ in Float(random.normal()) }, [4, 3])
      let states = Tensor<Float>(zeros: [16, 2])
      for i in 0..<16 {
        let j = i / 8 * 2 + i % 4 / 2
        for column in 0..<2 {
          states[i * 2 + column] =
            bias[column] + (0..<3).reduce(0) { $0 + tokens[j * 3 + $1] * weight[$1 * 2 + column] }
        }
      }
      fit.add(student: tokens, teacher: states)
    }
    let map = fit.solution()
    #expect(zip(map.weight.array, weight).allSatisfy { abs($0 - $1) < 1e-4 })
    #expect(zip(map.bias.array, bias).allSatisfy { abs($0 - $1) < 1e-4 })
    let one = map(Tensor([1, 0, 0], [1, 3]))
    #expect(abs(one[0] - weight[0] - 1) < 1e-4 && abs(one[1] - weight[1] + 2) < 1e-4)
  }

  @Test func tokensThatNeverVaryStillGiveAMap() {
    let fit = LeastSquaresMap(student: student, teacher: teacher, studentWidth: 3, teacherWidth: 2)
    let states = Tensor<Float>(zeros: [16, 2])
    states.fill(5)
    fit.add(student: Tensor(zeros: [4, 3]), teacher: states)
    let map = fit.solution()
    #expect(map.weight.isFinite && map.bias.array.allSatisfy { abs($0 - 5) < 1e-3 })
  }
}
