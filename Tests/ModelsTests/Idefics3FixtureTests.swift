import Autograd
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Models

/// The model against a float64 run of transformers with the same weights: every state, and the gradient of every weight.
@Suite struct Idefics3FixtureTests {
  private static let folder = "cases/models/tiny_idefics3"

  private struct Run<Element: Scalar> {
    let model: Idefics3<Element>
    let file: SafetensorsFile
    let input: ModelInput<Element>
    /// Padded row of each packed row.
    let rows: [Int]
    let labels: [Int]

    init(_ name: String) throws {
      let folder = try ModelFolder(SharedFiles.url(Idefics3FixtureTests.folder))
      model = try folder.model(trainable: true)
      file = try SafetensorsFile(contentsOf: folder.url.appendingPathComponent("\(name).safetensors"))
      let pixels: Tensor<Element> = try file.tensor("in.pixel_values")
      let padded = PaddedInput(
        ids: try file.integers("in.input_ids"), attentionMask: try file.integers("in.attention_mask"),
        batch: try file.entry("in.input_ids").shape[0], pixels: pixels,
        pixelMask: file.entries["in.pixel_attention_mask"] == nil
          ? nil : try file.integers("in.pixel_attention_mask"))
      (input, rows) = try padded.packed(patchSize: model.patchSize)
      try model.check(input)
      labels = try file.integers("in.labels")
    }

    /// Largest difference from a state of the file, over the rows that are not padding.
    func difference(_ state: Tensor<Element>, _ name: String) throws -> Double {
      let expected: Tensor<Double> = try file.tensor(name)
      let width = state.columns
      var worst = 0.0
      for row in 0..<state.rows {
        let source = expected.rows == state.rows ? row : rows[row]
        for column in 0..<width {
          worst = max(worst, abs(Double(state[row * width + column]) - expected[source * width + column]))
        }
      }
      return worst
    }

    /// Cross-entropy of each row with the label of the next padded column, over all counted labels; records backward.
    func loss(_ logits: Variable<Element>, tape: Tape<Element>, length: Int) -> Double {
      let gradient = logits.value.copy()
      let targets = rows.map { $0 % length + 1 < length ? labels[$0 + 1] : -100 }
      let counted = targets.count { $0 >= 0 }
      var total = 0.0
      for (row, target) in targets.enumerated() {
        if target >= 0 {
          total += gradient.crossEntropyRow(row, label: target, weight: 1 / Element(counted))
        } else {
          gradient.slice(row..<row + 1).fill(0)
        }
      }
      tape.recordLoss { logits.accumulate(gradient, pool: tape.pool) }
      return total / Double(counted)
    }
  }

  private func check<Element: Scalar>(
    _ name: String, _ type: Element.Type, states tolerance: Double, gradients gradientTolerance: Double
  ) throws {
    guard SharedFiles.has(Self.folder) else { return }
    let run = try Run<Element>(name)
    let tape = Tape(pool: BufferPool<Element>())
    var worst: [String: Double] = [:]
    run.model.arena.beginBackward()
    let output = run.model.forward(run.input, tape: tape, cache: nil) { state, variable in
      let file =
        switch state {
        case "text.embeddings": "out.text.hidden_states.0"
        default: "out." + state
        }
      // Not recorded; what follows from them is.
      let isUnrecorded = ["vision.patch_conv", "text.queries.", "text.keys."].contains(where: state.hasPrefix)
      if !isUnrecorded { worst[state] = (try? run.difference(variable.value, file)) ?? .infinity }
    }
    worst["hidden"] = try run.difference(
      output.hidden.value, "out.text.hidden_states.\(run.model.configuration.text.layers)")
    let logits = run.model.logits(output.hidden, tape: tape)
    worst["logits"] = try run.difference(logits.value, "out.logits")
    let loss = run.loss(logits, tape: tape, length: try run.file.entry("in.input_ids").shape[1])
    worst["loss"] = abs(loss - (try run.file.tensor("out.loss", as: Double.self)[0]))
    for (state, error) in worst {
      // Before the rope both compute the same numbers in the same type.
      let isBeforeRope =
        Element.self == Double.self && !["text.layer", "hidden", "logits", "loss"].contains(where: state.hasPrefix)
      #expect(error < (isBeforeRope ? 1e-12 : tolerance), "\(state): \(error)")
    }
    tape.backward()
    run.model.arena.endBackward()
    let gradientError = try gradientError(run)
    #expect(gradientError.error < gradientTolerance, "\(gradientError)")
  }

  /// The largest difference relative to the tensor's largest gradient, floored at 1e-3 of the model's largest.
  private func gradientError<Element: Scalar>(_ run: Run<Element>) throws -> (error: Double, name: String) {
    let expected = try run.model.arena.parameters.map { parameter in
      (parameter, try run.file.tensor("grad." + parameter.name, as: Double.self))
    }
    func largest(_ tensor: Tensor<Double>) -> Double { tensor.array.reduce(0) { max($0, abs($1)) } }
    let floor = 1e-3 * (expected.map { largest($0.1) }.max() ?? 0)
    var worst = (error: 0.0, name: "")
    for (parameter, reference) in expected {
      let found = try #require(parameter.gradient)
      let difference = (0..<found.count).reduce(0.0) { max($0, abs(Double(found[$1]) - reference[$1])) }
      let error = difference / max(floor, largest(reference))
      if error > worst.error { worst = (error, parameter.name) }
    }
    return worst
  }

  @Test(arguments: ["io_simple", "io_ragged_leftpad", "io_ragged_rightpad"])
  func agreesInDoubleWithTransformers(_ name: String) throws {
    // cos and sin of the rope are float32 in both, from two mathematical libraries: they differ in the last bit.
    try check(name, Double.self, states: 2e-6, gradients: 2e-6)
  }

  @Test(arguments: ["io_simple", "io_ragged_leftpad", "io_ragged_rightpad"])
  func agreesInSinglePrecisionWithTransformers(_ name: String) throws {
    try check(name, Float.self, states: 1e-4, gradients: 2e-4)
  }
}
