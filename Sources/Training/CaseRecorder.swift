import Autograd
import Cluster
import Distillation
import Foundation
import Tensors

/// Keeps the tensors of one training step that its losses depend on, for `train --dump-case`.
///
/// A loss case of kind `total` is written from them: inputs, the step's logged loss parts, and the gradients by hidden
/// states, visual tokens, logits and the objective's weights. `evl-dist loss` must reproduce the values.
final class CaseRecorder {
  /// Rows of samples laid end to end: one packed tensor of the case.
  struct Packed {
    var values: [Float] = []
    var lengths: [Int64] = []
    var columns = 0
  }

  /// By the case's tensor name, one entry per shard of this rank, in its order.
  private(set) var packed: [String: [Packed]] = [:]
  private(set) var labels: [[Int64]] = []

  /// Lets a value through and keeps its gradient, the objective's share alone.
  func watch(_ variable: Variable<Float>, as name: String, tape: Tape<Float>) -> Variable<Float> {
    tape.result(variable.value, needsGradient: true) { [pool = tape.pool] gradient in
      let lengths = self.packed[name]?.last?.lengths ?? []
      self.append("grad." + name, gradient, lengths: lengths)
      variable.accumulate(gradient, owned: false, pool: pool)
    }
  }

  func keep(student: DistillationStates<Float>, teacher: DistillationStates<Float>) {
    append("H_s", student.hidden.value, lengths: student.sequences.lengths.map(Int64.init))
    append("s_vis", student.visual.value, lengths: student.visualTokens.lengths.map(Int64.init))
    append("H_t", teacher.hidden.value, lengths: teacher.sequences.lengths.map(Int64.init))
    append("t_vis", teacher.visual.value, lengths: teacher.visualTokens.lengths.map(Int64.init))
  }

  /// - Parameter labels: one list per sample, -100 where nothing is to be predicted.
  func keep(logits: Tensor<Float>, labels: [[Int32]]) {
    append("logits", logits, lengths: labels.map { Int64($0.count) })
    self.labels.append(labels.flatMap { $0.map(Int64.init) })
  }

  private func append(_ name: String, _ tensor: Tensor<Float>, lengths: [Int64]) {
    packed[name, default: []].append(Packed(values: tensor.array, lengths: lengths, columns: tensor.columns))
  }

  /// Collective: the packed tensor of the global batch in shard order, on rank 0; nil on the others.
  func gathered(_ name: String, assignment: ShardAssignment, communicator: any Communicator) throws -> Packed? {
    var result = Packed()
    for round in 0..<assignment.rounds {
      let mine = assignment.shard(round: round, rank: communicator.rank) == nil ? nil : packed[name]?[round]
      let values = try communicator.gather(mine?.values ?? [])
      let lengths = try communicator.gather(mine?.lengths ?? [])
      let columns = try communicator.maximum(mine?.columns ?? 0)
      result.values += (values ?? []).joined()
      result.lengths += (lengths ?? []).joined()
      result.columns = columns
    }
    return communicator.isController ? result : nil
  }

  /// Collective: the labels of the global batch in shard order, on rank 0.
  func gatheredLabels(assignment: ShardAssignment, communicator: any Communicator) throws -> [Int64]? {
    var result: [Int64] = []
    for round in 0..<assignment.rounds {
      let mine = assignment.shard(round: round, rank: communicator.rank) == nil ? [] : labels[round]
      result += (try communicator.gather(mine) ?? []).joined()
    }
    return communicator.isController ? result : nil
  }
}

extension CaseRecorder.Packed {
  /// [samples, longest, columns], zero beyond each sample's length.
  var padded: Tensor<Float> {
    let longest = Int(lengths.max() ?? 0)
    let result = Tensor<Float>(zeros: [lengths.count, longest, columns])
    var start = 0
    for (index, length) in lengths.enumerated() {
      let count = Int(length) * columns
      result.slice(index..<index + 1).range(0..<count).copy(from: Array(values[start..<start + count]))
      start += count
    }
    return result
  }

  /// [samples, longest]: 1 where a sample has a row.
  var mask: [UInt8] {
    let longest = Int(lengths.max() ?? 0)
    return lengths.flatMap { length in (0..<longest).map { $0 < Int(length) ? UInt8(1) : 0 } }
  }
}

extension Trainer {
  /// Collective: writes the step as a loss case of kind `total` on rank 0.
  ///
  func writeCase(_ recorder: CaseRecorder, parts: LossParts, to file: URL) throws {
    let communicator = context.communicator
    guard let objective = trainee.method as? DistillationObjective<Float> else {
      throw AgreedError(plan.objective.refusalOfCase)
    }
    func gather(_ name: String) throws -> CaseRecorder.Packed? {
      try recorder.gathered(name, assignment: assignment, communicator: communicator)
    }
    let names = ["H_s", "H_t", "s_vis", "t_vis", "logits", "grad.H_s", "grad.s_vis"]
    let tensors = try names.map { ($0, try gather($0)) }
    let labels = try recorder.gatheredLabels(assignment: assignment, communicator: communicator)
    try communicator.agree {
      guard communicator.isController, let labels else { return }
      var writer = SafetensorsWriter(metadata: caseMetadata(objective))
      for case (let name, let packed?) in tensors {
        let output = name.hasPrefix("grad.")
        writer.add(output ? "out.\(name).perseq" : "in.\(name)", packed.padded)
        if name == "H_s" || name == "H_t" {
          writer.add("in.\(name.suffix(1))_mask", bytes: packed.mask, shape: packed.padded.shape.dropLast())
        }
        if name == "s_vis" || name == "t_vis" {
          try refuseTextAlone(packed)
          if Set(packed.lengths).count > 1 {
            writer.add("in.\(name)_mask", bytes: packed.mask, shape: packed.padded.shape.dropLast())
          }
        }
        if name == "logits" {
          writer.add("in.labels", integers: Self.padded(labels, packed.lengths), shape: packed.padded.shape.dropLast())
        }
      }
      for (name, parameter) in Self.caseParameters(objective) {
        writer.add("in.\(name)", parameter.value)
        let share = trainee.arena.gradientLayout.sharesOfEntry[parameter.index][0]
        let range = trainee.arena.gradientLayout.shares[share].range
        writer.add("out.grad.\(name).perseq", fold.sums.range(range).reshaped(parameter.entry.shape))
      }
      for (name, value) in [
        ("total", factors.total(parts)), ("ce", parts[.crossEntropy]), ("mhca", parts[.alignment]),
        ("rel", parts[.relation]), ("rel_D", parts["rel_D"]), ("rel_A", parts["rel_A"]), ("ot", parts[.transport]),
      ] {
        writer.add("out.\(name).perseq", Tensor<Double>([value], [1]))
      }
      try writer.write(to: file)
      context.observer.note("wrote step \(step + 1) as a loss case: \(file.path)")
    }
  }

  /// A case pads what is shorter, but holds no sample without any visual token.
  private func refuseTextAlone(_ visual: CaseRecorder.Packed) throws {
    guard visual.lengths.contains(0) else { return }
    throw UserError(
      .usage, "--dump-case: step \(step + 1) holds a sample without an image, which a loss case cannot hold",
      remedy: "name another step, or leave conversations that are text alone out of the data")
  }

  private func caseMetadata(_ objective: DistillationObjective<Float>) -> [String: String] {
    let settings = objective.configuration.transport
    func lambda(_ weight: Double, _ term: LossTerm) -> String { "\(weight * (gradNorm?.weights[term] ?? 1))" }
    let warmStart = settings.warmStart ? ["warm_start": "\(shards.samplesPerShard)"] : [:]
    return [
      "kind": "total", "name": "\(plan.name) step \(step + 1)", "heads": "\(objective.heads)",
      "alpha": "\(objective.weights.alpha)", "lambda_mhca": lambda(objective.weights.alignment, .alignment),
      "lambda_rel": lambda(objective.weights.relation, .relation),
      "lambda_ot": lambda(objective.weights.transport, .transport),
      settings.relative ? "epsilon_relative" : "eps": "\(settings.epsilon)", "sweeps": "\(settings.sweeps)",
      "tolerance": "\(settings.tolerance)", "gradient": settings.gradient,
      "converged": "\(settings.converged)",
    ].merging(warmStart) { $1 }
  }

  /// The objective's parameters by their names in loss cases.
  private static func caseParameters(
    _ objective: DistillationObjective<Float>
  ) -> [(name: String, parameter: Parameter<Float>)] {
    let alignment = objective.alignment.map {
      [("Wq", $0.query), ("Wk", $0.key), ("Wv", $0.value), ("Wo", $0.output)]
    }
    let projection = objective.projection.map { [("Wp", $0.weight), ("bp", $0.bias)] }
    return (alignment ?? []) + (projection ?? [])
  }

  private static func padded(_ labels: [Int64], _ lengths: [Int64]) -> [Int] {
    let longest = Int(lengths.max() ?? 0)
    var start = 0
    return lengths.flatMap { length in
      defer { start += Int(length) }
      return labels[start..<start + Int(length)].map(Int.init) + Array(repeating: -100, count: longest - Int(length))
    }
  }
}

extension ObjectiveConfiguration {
  /// Whether a step can be written as a loss case: those have the terms of EVL-ECG.
  public var hasCases: Bool { chosen == .evl && needsTeacher }

  /// Why it cannot.
  public var refusalOfCase: UserError {
    UserError(
      .usage,
      "--dump-case writes the terms of EVL-ECG; objective.method is \(method) with objective.alpha \(alpha)",
      remedy: "set objective.method to evl and objective.alpha above 0")
  }
}
