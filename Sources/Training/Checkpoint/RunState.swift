import Autograd
import Cluster
import Distillation
import Foundation
import Tensors

/// What a run needs to know besides tensors to go on exactly where it stopped, and what its bits depend on.
public struct RunState: Codable, Sendable, Equatable {
  /// The format that this version writes and reads.
  static let newest = 1
  public var format = newest
  /// Optimiser steps done; also the data cursor, since sample order is a function of seed and step.
  public var step: Int
  public var seed: UInt64
  public var globalBatch: Int
  public var shards: Int
  public var precision: String
  /// Digest of model shapes and parameter names, in order.
  public var model: String
  /// What a step sees, by name: records, view, tokenizer, teacher, a frozen student's weights, and the configuration keys
  /// of questions, augmentation, labels and adapters.
  public var data: [String: String]
  /// Objective and schedule, by configuration key.
  public var optimisation: [String: String]
  public var threads: Int
  /// How gradients were summed over nodes; absent in states from before it could be chosen: ordered.
  public var reduction: String?
  /// Kernels that ran: OpenBLAS's processor type, the instruction sets of oneDNN and of this program's own loops.
  public var coreType: String
  public var productLibrary: String
  /// Version of this program; absent in states from before it was noted.
  public var program: String?
  /// Ranks at the time of saving; any other number can resume.
  public var ranks: Int
  /// Ranks of each group that shared memory; absent in states from before it was noted.
  public var groups: [Int]?
  /// Last values of the loss parts.
  public var metrics: [String: Double]
  /// Of GradNorm, where it adapts the weights.
  public var weighting: GradNorm.State?
  /// What steps are judged by; absent in states from before they were.
  var spikes: SpikeGuard.State?
  /// Of the evaluations so far.
  public var scores: Scores?
  /// All settings of the start that saved it, by key; absent in states from before they were noted.
  var configuration: [String: String]?

  /// Name of the teacher among `data`.
  public static let teacherKey = "the teacher"

  /// What forbids going on from `saved` under this state's settings; empty when the run may continue.
  ///
  /// While this run's teacher is not known yet, it is not compared.
  public func refusals(against saved: RunState) -> [String] {
    func differ<T: Equatable>(_ name: String, _ path: KeyPath<RunState, T>) -> String? {
      Self.difference(name, "\(saved[keyPath: path])", "\(self[keyPath: path])")
    }
    let known = Set(data.keys).union(saved.data.keys).subtracting(data[Self.teacherKey] == nil ? [Self.teacherKey] : [])
    return [
      differ("run.seed", \.seed), differ("train.global_batch", \.globalBatch), differ("train.shards", \.shards),
      differ("train.precision", \.precision), differ("the model's shape (digest)", \.model),
    ].compactMap { $0 } + known.sorted().compactMap { Self.difference($0, saved.data[$0], data[$0]) }
  }

  /// What may change the bits of a continued run, though it can go on.
  public func warnings(against saved: RunState) -> [String] {
    func differ<T: Equatable>(_ name: String, _ path: KeyPath<RunState, T>) -> String? {
      Self.difference(name, "\(saved[keyPath: path])", "\(self[keyPath: path])")
    }
    let ordered = GradientReduction.ordered.rawValue
    let ranksCount = (reduction ?? ordered) != ordered || (saved.reduction ?? ordered) != ordered
    let keys = Set(optimisation.keys).union(saved.optimisation.keys).sorted()
    let differences =
      [
        differ("train.threads", \.threads),
        ranksCount
          ? Self.difference(
            "the ranks of each node (train.reduction fast)", "\(saved.groups ?? [saved.ranks])",
            "\(groups ?? [ranks])") : nil,
        Self.difference(
          "train.reduction", saved.reduction ?? GradientReduction.ordered.rawValue,
          reduction ?? GradientReduction.ordered.rawValue), differ("the processor's kernels", \.coreType),
        differ("the matrix library", \.productLibrary),
        Self.difference("the program's version", saved.program, program),
      ].compactMap { $0 } + keys.compactMap { Self.difference($0, saved.optimisation[$0], optimisation[$0]) }
    return differences.map { $0 + "; the bits will differ from those of a run that was not changed" }
  }

  /// The settings that are others than those of the checkpoint's start, beside those that forbid or warn; nil where none is.
  public func remark(against saved: RunState) -> String? {
    guard let before = saved.configuration, let now = configuration else { return nil }
    let told = Set(optimisation.keys).union(data.keys)
    let lines = Set(before.keys).union(now.keys).subtracting(told).sorted().compactMap { key in
      before[key] == now[key] ? nil : "\n  \(key): \(before[key] ?? "(none)") then, \(now[key] ?? "(none)") now"
    }
    return lines.isEmpty ? nil : "settings that differ from the checkpoint's start:" + lines.joined()
  }

  private static func difference(_ name: String, _ saved: String?, _ own: String?) -> String? {
    // What one side does not have is another thing than the text "none".
    let absent = "says nothing of it"
    return saved == own
      ? nil : "\(name): the checkpoint \(saved.map { "has \($0)" } ?? absent), this run \(own ?? absent)"
  }
}

extension RunState {
  /// The state of a run under a configuration.
  ///
  /// - Parameters:
  ///   - layout: everything that is trained.
  ///   - data: what a step sees beside what the configuration says of it.
  ///   - groups: ranks of each group that shares memory.
  ///   - metrics: last values of the loss parts.
  ///   - weighting: of GradNorm.
  public init(
    step: Int, configuration: RunConfiguration, layout: ParameterLayout, data: [String: String], groups: [Int],
    metrics: [String: Double] = [:], weighting: GradNorm.State? = nil
  ) throws {
    let train = configuration.train
    var shapes = Digest()
    for entry in layout.entries { shapes.update(Data("\(entry.name) \(entry.shape)\n".utf8)) }
    let adapters = train.adaptation == nil ? [] : ["train.lora."]
    var seen = try configuration.values(
      under: ["data.questions.", "data.augmentation.", "data.seed", "train.labelled"] + adapters)
    // As checkpoints from before these keys have it.
    if configuration.data.augmentation.draws == 0 { seen["data.augmentation.draws"] = nil }
    if configuration.data.seed == nil { seen["data.seed"] = nil }
    var optimisation = try configuration.values(under: [
      "objective.", "train.learning_rate", "train.schedule", "train.warmup", "train.weight_decay", "train.clip",
      "train.spikes.",
    ])
    // With fixed factors, measuring norms changes nothing.
    if !configuration.objective.adaptsWeights {
      for key in optimisation.keys where key.hasPrefix("objective.norms.") || key.hasPrefix("objective.gradnorm.") {
        optimisation[key] = nil
      }
    }
    // Where a run may go back to.
    if train.spikes.chosen == .rollback {
      optimisation.merge(try configuration.values(under: ["checkpoint.every"])) { $1 }
    }
    // A constant rate does not depend on where the run ends.
    if train.schedule != LearningRateSchedule.Form.constant.rawValue {
      optimisation.merge(try configuration.values(under: ["train.steps", "train.final_learning_rate"])) { $1 }
    }
    self.init(
      step: step, seed: configuration.run.seed, globalBatch: train.globalBatch, shards: train.shards,
      precision: train.precision, model: shapes.finish(), data: data.merging(seen) { $1 }, optimisation: optimisation,
      threads: train.threads, reduction: train.reduction, coreType: ProductLibrary.kernels,
      productLibrary: ProductLibrary.version, program: ProgramVersion.text, ranks: groups.reduce(0, +), groups: groups,
      metrics: metrics,
      weighting: weighting)
  }
}
