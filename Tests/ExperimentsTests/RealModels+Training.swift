import Cluster
import Foundation
import Models
import Training

@testable import Experiments

/// Runs on these models, in their folder.
extension RealModels {
  private final class Listener: TrainingObserver {
    var records: [StepRecord] = []
    var notes: [String] = []
    func began(phase: String, step: Int, steps: Int, parameters: Int) {}
    func finished(_ record: StepRecord, phase: String) throws { records.append(record) }
    func scored(_ scores: Scores, phase: String) {}
    func saved(_ checkpoint: Checkpoint, _ cost: SaveCost) {}
    func progress(_ name: String, done: Int, of count: Int) {}
    func note(_ message: String) { notes.append(message) }
    func warn(_ message: String) {}
  }

  struct Outcome: Sendable {
    var losses: [[String: Double]]
    var notes: [String]
  }

  func settings(_ name: String, _ more: [String] = []) throws -> ResolvedConfiguration {
    let base = [
      "data.kind=conversations", "data.path=\(chat.path)", "data.images=\(images.path)",
      "student.path=\(student.path)", "teacher.path=\(teacher.path)", "train.steps=2",
      "train.global_batch=8", "train.shards=4", "train.warmup=0", "train.learning_rate=1e-3",
      "objective.norms.every=0", "run.folder=\(folder.path)/\(name)",
    ]
    return try ConfigurationLoader().load(assignments: base + more)
  }

  /// A whole run on that many simulated ranks; what rank 0 was told.
  @discardableResult
  func train(
    _ name: String, ranks: Int = 1, dump: URL? = nil, _ more: [String] = []
  ) throws -> Outcome {
    let resolved = try settings(name, more)
    let results = try SimulatedRanks.run(ranks) { communicator in
      let listener = Listener()
      let context = RunContext(
        communicator: communicator, configuration: resolved.configuration, stop: StopFlag(), observer: listener)
      let environment = RunEnvironment(
        program: "test", topology: try Topology.gather(among: communicator, threads: 1), messagePassing: "none",
        commit: .unknown)
      let run = DistillationRun(context: context, resolved: resolved, environment: environment)
      _ = try run.run(resume: .auto, dump: dump.map { (step: 1, file: $0) })
      return Outcome(losses: listener.records.map(\.losses), notes: listener.notes)
    }
    return results[0]
  }
}
