import Cluster
import Foundation
import Tensors

/// Products of many shapes while signals come in thousands; prints "ok" when all are right.
func multiplyUnderSignals(_ communicator: any Communicator, _ options: ProbeOptions) throws {
  try StopFlag().watch()
  let sender = Thread {
    while true {
      kill(getpid(), SIGUSR1)
      usleep(100)
    }
  }
  sender.start()
  let extents = [16, 24, 64, 96, 128, 192, 200, 256, 384, 512]
  var random = CounterRandom(seed: 1, purpose: "shapes")
  func matrix(_ rows: Int, _ columns: Int, transposed: Bool) -> Matrix<Float> {
    let result = Tensor<Float>(uninitialised: transposed ? [columns, rows] : [rows, columns])
    result.fill(1)
    return result.matrix
  }
  for _ in 0..<options("rounds", 1000) {
    let (m, n, k) = (
      extents[random.integer(below: 10)], extents[random.integer(below: 10)], extents[random.integer(below: 10)]
    )
    let (left, right) = (random.integer(below: 2) == 1, random.integer(below: 2) == 1)
    let result = matrix(m, n, transposed: false)
    multiply(
      matrix(m, k, transposed: left), matrix(k, n, transposed: right), transposeA: left, transposeB: right, into: result
    )
    guard result[0, 0] == Float(k), result[m - 1, n - 1] == Float(k) else {
      throw UserError(.internalFault, "a product of \(m) x \(k) x \(n) is wrong")
    }
  }
  print("ok")
}
