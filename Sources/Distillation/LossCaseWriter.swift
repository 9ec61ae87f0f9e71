import Autograd
import Foundation
import Tensors

/// One sample of a training step, as the objective saw it.
public struct LossCaseSample<Element: Scalar> {
  /// H_s: [Ls, Ds], H_t: [Lt, Dt]
  public var hidden: Tensor<Element>
  public var teacherHidden: Tensor<Element>
  /// Student's visual tokens before the projection [Ns, Dvs], teacher's [Nt, Dv].
  public var visual: Tensor<Element>
  public var teacherVisual: Tensor<Element>
  /// Rows of H_s that predict an answer token, the labels they predict, and their logits [rows, V].
  public var answerRows: [Int]
  public var labels: [Int]
  public var logits: Tensor<Element>

  /// The tensors are kept, not copied: pass copies of what the step will overwrite (logits are, by their loss).
  public init(
    hidden: Tensor<Element>, teacherHidden: Tensor<Element>, visual: Tensor<Element>, teacherVisual: Tensor<Element>,
    answerRows: [Int], labels: [Int], logits: Tensor<Element>
  ) {
    self.hidden = hidden
    self.teacherHidden = teacherHidden
    self.visual = visual
    self.teacherVisual = teacherVisual
    self.answerRows = answerRows
    self.labels = labels
    self.logits = logits
  }
}

extension LossCase {
  /// Writes a training step's global batch as a case of kind total, padded with masks; `evaluate` gives its values
  /// again.
  ///
  /// Terms that are off leave their tensors out. - Throws: `UserError` (input/output).
  /// - Precondition: there is a sample, and every answer row has its successor's place (row + 1) in the padded length.
  public static func write<Element: Scalar>(
    _ samples: [LossCaseSample<Element>], objective: DistillationObjective<Element>, to url: URL,
    metadata extra: [String: String] = [:]
  ) throws {
    precondition(!samples.isEmpty, "a case without samples")
    var writer = SafetensorsWriter(metadata: metadata(objective, extra))
    func add(_ name: String, mask: String?, _ tensor: (LossCaseSample<Element>) -> Tensor<Element>, atLeast: Int = 0) {
      let tensors = samples.map(tensor)
      let length = max(atLeast, tensors.map(\.rows).max() ?? 0)
      let width = tensors[0].columns
      let padded = Tensor<Element>(zeros: [samples.count, length, width])
      var valid = [UInt8](repeating: 0, count: samples.count * length)
      for (index, tensor) in tensors.enumerated() {
        let start = index * length
        padded.range(start * width..<(start + tensor.rows) * width).copy(from: tensor)
        for row in start..<start + tensor.rows { valid[row] = 1 }
      }
      writer.add(name, padded)
      if let mask { writer.add(mask, bytes: valid, shape: [samples.count, length]) }
    }
    // A label belongs to the row after the one that predicts it.
    let length = max(
      samples.map(\.hidden.rows).max() ?? 0, (samples.flatMap(\.answerRows).max() ?? 0) + 2)
    if let alignment = objective.alignment {
      add("in.H_s", mask: "in.s_mask", \.hidden, atLeast: length)
      add("in.H_t", mask: "in.t_mask", \.teacherHidden)
      for (name, parameter) in [
        ("Wq", alignment.query), ("Wk", alignment.key), ("Wv", alignment.value), ("Wo", alignment.output),
      ] { writer.add("in.\(name)", parameter.value.copy()) }
    }
    if let projection = objective.projection {
      add("in.s_vis", mask: "in.s_vis_mask", \.visual)
      add("in.t_vis", mask: "in.t_vis_mask", \.teacherVisual)
      writer.add("in.Wp", projection.weight.value.copy())
      writer.add("in.bp", projection.bias.value.copy())
    }
    addAnswers(samples, length: length, to: &writer)
    try writer.write(to: url)
  }

  private static func addAnswers<Element: Scalar>(
    _ samples: [LossCaseSample<Element>], length: Int, to writer: inout SafetensorsWriter
  ) {
    let vocabulary = samples[0].logits.columns
    let logits = Tensor<Element>(zeros: [samples.count, length, vocabulary])
    var labels = [Int](repeating: -100, count: samples.count * length)
    for (index, sample) in samples.enumerated() {
      for (answer, row) in sample.answerRows.enumerated() {
        logits.setRow(index * length + row, toRow: answer, of: sample.logits)
        labels[index * length + row + 1] = sample.labels[answer]
      }
    }
    writer.add("in.logits", logits)
    writer.add("in.labels", integers: labels, shape: [samples.count, length])
  }

  private static func metadata<Element: Scalar>(
    _ objective: DistillationObjective<Element>, _ extra: [String: String]
  ) -> [String: String] {
    let transport = objective.configuration.transport
    let weights = objective.weights
    var result = [
      "kind": Kind.total.rawValue, "heads": "\(objective.heads)", "alpha": "\(weights.alpha)",
      "lambda_mhca": "\(weights.alignment)", "lambda_rel": "\(weights.relation)", "lambda_ot": "\(weights.transport)",
      "sweeps": "\(transport.sweeps)", "tolerance": "\(transport.tolerance)", "gradient": transport.gradient,
    ]
    result[transport.relative ? "epsilon_relative" : "eps"] = "\(transport.epsilon)"
    return result.merging(extra) { own, _ in own }
  }
}
