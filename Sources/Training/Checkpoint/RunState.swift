import Foundation

/// What a run needs to know besides tensors to go on exactly where it stopped, and what its bits depend on.
public struct RunState: Codable, Sendable, Equatable {
  /// Version of this format.
  public var format = 1
  /// Optimiser steps done; also the data cursor, since sample order is a function of seed and step.
  public var step: Int
  public var seed: UInt64
  public var globalBatch: Int
  public var shards: Int
  public var precision: String
  /// Digest of model shapes and parameter names, in order.
  public var model: String
  /// Digest of the training samples, the view, the questions and what teaches.
  public var data: String
  /// The learning-rate schedule and objective, as text.
  public var objective: String
  public var threads: Int
  /// Processor type whose matrix kernels ran.
  public var coreType: String
  public var productLibrary: String
  /// Ranks at the time of saving; any other number can resume.
  public var ranks: Int
  /// Last values of the loss parts.
  public var metrics: [String: Double]

  /// What forbids going on from `saved` under this state's settings; empty when the run may continue.
  public func refusals(against saved: RunState) -> [String] {
    func differ<T: Equatable>(_ name: String, _ path: KeyPath<RunState, T>) -> String? {
      self[keyPath: path] == saved[keyPath: path]
        ? nil : "\(name): the checkpoint has \(saved[keyPath: path]), this run \(self[keyPath: path])"
    }
    return [
      differ("run.seed", \.seed), differ("train.global_batch", \.globalBatch), differ("train.shards", \.shards),
      differ("train.precision", \.precision), differ("model shape (digest)", \.model),
      differ("training data (digest)", \.data),
    ].compactMap { $0 }
  }

  /// What may change the bits of a continued run, though it can go on.
  public func warnings(against saved: RunState) -> [String] {
    func differ<T: Equatable>(_ name: String, _ path: KeyPath<RunState, T>) -> String? {
      self[keyPath: path] == saved[keyPath: path]
        ? nil : "\(name) was \(saved[keyPath: path]), is \(self[keyPath: path]): the bits will differ"
    }
    return [
      differ("train.threads", \.threads), differ("the processor type", \.coreType),
      differ("the matrix library", \.productLibrary), differ("the schedule or objective", \.objective),
    ].compactMap { $0 }
  }
}
