import Foundation
import Tensors
import TestSupport
import Testing

@testable import Models

/// Models against a float64 run of transformers with the same weights: every state, and the gradient of every weight.
@Suite struct FixtureTests {
  /// Worst disagreement with a recorded run.
  private struct Disagreement {
    var states = (error: 0.0, name: "")
    /// States before the first rotary position: there both programs compute the same numbers in the same type.
    var beforeRope = (error: 0.0, name: "")
    /// Relative to the tensor's largest gradient, floored at 1e-3 of the model's.
    var gradients = (error: 0.0, name: "")
  }

  private static func largest(_ tensor: Tensor<Double>) -> Double { tensor.array.reduce(0) { max($0, abs($1)) } }

  private func disagreement<Element: Scalar>(_ folder: URL, _ io: String, as type: Element.Type) throws -> Disagreement
  {
    let file = try SafetensorsFile(contentsOf: folder.appendingPathComponent("\(io).safetensors"))
    let found = try ForwardCase<Element>(contentsOf: file.url).evaluate(ModelFolder(folder), gradients: true).tensors
    let mask = try file.integers("in.attention_mask")
    let length = try file.entry("in.attention_mask").shape[1]
    let isLeftPadded = (0..<mask.count / length).contains { mask[$0 * length] == 0 }
    var expected: [String: Tensor<Double>] = [:]
    for name in file.names where name.hasPrefix("out.") || name.hasPrefix("grad.") {
      expected[name] = try file.tensor(name)
    }
    let floor = 1e-3 * (expected.filter { $0.key.hasPrefix("grad.") }.map { Self.largest($0.value) }.max() ?? 0)
    var result = Disagreement()
    for (name, reference) in expected {
      let own = try #require(found[name], "\(name) is not among the results")
      #expect(own.shape == reference.shape, "\(name)")
      let isText = name.hasPrefix("out.text.") || name == "out.logits"
      var worst = 0.0
      for index in 0..<own.count {
        // Rows of padding on the left see nothing; what stands there differs between implementations.
        if isText, isLeftPadded, mask[index / own.columns] == 0 { continue }
        worst = max(worst, abs(Double(own[index]) - reference[index]))
      }
      if name.hasPrefix("grad.") {
        worst /= max(floor, Self.largest(reference))
        if worst > result.gradients.error { result.gradients = (worst, name) }
      } else if isText && name != "out.text.hidden_states.0" || name == "out.loss" {
        if worst > result.states.error { result.states = (worst, name) }
      } else if worst > result.beforeRope.error {
        result.beforeRope = (worst, name)
      }
    }
    return result
  }

  private static let shared = [
    ("tiny_idefics3", "io_simple"), ("tiny_idefics3", "io_ragged_leftpad"), ("tiny_idefics3", "io_ragged_rightpad"),
    ("tiny_llava", "io"),
  ]

  @Test(.enabled(if: SharedFiles.has("cases/models")), arguments: shared) func agreesInDoubleWithTransformers(
    _ model: String, _ io: String
  ) throws {
    let found = try disagreement(SharedFiles.url("cases/models/\(model)"), io, as: Double.self)
    // cos and sin of the rope are float32 in both, from two mathematical libraries: they differ in the last bit.
    #expect(found.states.error < 2e-6 && found.gradients.error < 2e-6, "\(found)")
    #expect(found.beforeRope.error < 1e-12, "\(found)")
  }

  @Test(.enabled(if: SharedFiles.has("cases/models")), arguments: shared) func agreesInSinglePrecisionWithTransformers(
    _ model: String, _ io: String
  ) throws {
    let found = try disagreement(SharedFiles.url("cases/models/\(model)"), io, as: Float.self)
    #expect(max(found.states.error, found.beforeRope.error) < 1e-4 && found.gradients.error < 2e-4, "\(found)")
  }

  /// What expected_models.py recorded, in single precision: other families, layers, strategies, paddings, tied heads.
  @Test(arguments: ["idefics3_tied", "llava_list_full", "llava_qwen2", "llava_next"])
  func agreesWithWhatWasRecorded(_ name: String) throws {
    let folder = Recorded.folder(name)
    let double = try disagreement(folder, "io", as: Double.self)
    #expect(max(double.states.error, double.beforeRope.error) < 1e-5 && double.gradients.error < 5e-6, "\(double)")
    let single = try disagreement(folder, "io", as: Float.self)
    #expect(max(single.states.error, single.beforeRope.error) < 1e-4 && single.gradients.error < 2e-4, "\(single)")
  }
}

/// Models that expected_models.py wrote.
enum Recorded {
  static func folder(_ name: String) -> URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Recorded/\(name)")
  }

  /// A copy whose tensors and configuration may be changed.
  static func copy(_ name: String, to target: URL) throws {
    for file in ["config.json", "model.safetensors"] {
      try FileManager.default.copyItem(
        at: folder(name).appendingPathComponent(file), to: target.appendingPathComponent(file))
    }
  }

  /// Tensors of a file under other names; nil leaves one out.
  static func rename(_ file: URL, to target: URL, _ name: (String) -> String?) throws {
    let source = try SafetensorsFile(contentsOf: file)
    var writer = SafetensorsWriter()
    for old in source.names {
      if let new = name(old) { writer.add(new, try source.tensor(old, as: Float.self)) }
    }
    try writer.write(to: target)
  }

  /// Puts another file in a file's place.
  static func replace(_ file: URL, by other: URL) throws {
    try FileManager.default.removeItem(at: file)
    try FileManager.default.moveItem(at: other, to: file)
  }

  /// The message of the error that the body ends with; what else it throws is told as such.
  static func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch let error as UserError {
      return error.description
    } catch {
      return "not a UserError: \(error)"
    }
  }
}
