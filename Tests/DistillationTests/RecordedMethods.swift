import Foundation
import Tensors

@testable import Distillation

/// Recorded/methods.json: what expected_methods.py computed.
struct RecordedMethods: Decodable {
  struct Array: Decodable {
    let shape: [Int]
    let values: [Double]

    var tensor: Tensor<Double> { Tensor(values, shape) }
  }

  /// A loss of some inputs, and its gradients by the first of them.
  struct Case: Decodable {
    let value: Double
    let inputs: [Array]
    let gradients: [Array]
    var normaliser: Int?
    var temperature: Double?
    var pairs: [[Int]]?
    var shards: Int?
    var studentLengths: [Int]?
    var teacherLengths: [Int]?
    var sequences: Int?
    var heads: Int?
    var groups: Int?
  }

  struct Balance: Decodable {
    struct Step: Decodable {
      let losses: [Double]
      let norms: [Double]
      let weights: [Double]
    }
    let asymmetry: Double
    let rate: Double
    let initial: [Double]
    let steps: [Step]
  }

  let kl: [Case]
  let uld: [Case]
  let distance: [Case]
  let angle: [Case]
  let hidden: [Case]
  let scores: [Case]
  let attention: [Case]
  let gradnorm: Balance

  static func load() throws -> RecordedMethods {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Recorded/methods.json")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(RecordedMethods.self, from: try Data(contentsOf: file))
  }
}
