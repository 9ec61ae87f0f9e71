import Autograd
import Cluster
import Corpus
import Distillation
import Foundation
import Models
import Tensors

@testable import Training

/// A training of the built-in student on a few synthetic records, by simulated ranks of one process.
struct TrainingJob: Sendable {
  final class Collector: TrainingObserver {
    var records: [StepRecord] = []
    var warnings: [String] = []
    /// Steps that were saved.
    var saves: [Int] = []
    /// Called after each step, on rank 0.
    var finishing: (StepRecord) -> Void = { _ in }
    func began(phase: String, step: Int, steps: Int, parameters: Int) {}
    func finished(_ record: StepRecord, phase: String) throws {
      records.append(record)
      finishing(record)
    }
    func scored(_ scores: Scores, phase: String) {}
    func saved(_ checkpoint: Checkpoint, _ cost: SaveCost) { saves.append(checkpoint.step) }
    func progress(_ name: String, done: Int, of count: Int) {}
    func note(_ message: String) {}
    func warn(_ message: String) { warnings.append(message) }
  }

  var configuration = RunConfiguration()
  var folder: URL

  init(_ folder: URL, shards: Int = 4, method: String = "evl") {
    self.folder = folder
    configuration.data.records = 60
    configuration.train.globalBatch = 2 * shards
    if method == ObjectiveConfiguration.Method.rkd.rawValue { configuration.train.globalBatch = 4 * shards }
    configuration.train.shards = shards
    configuration.train.steps = 3
    configuration.train.warmup = 0
    configuration.objective.method = method
  }

  /// Trains on that many ranks; the weights of every rank, which must be equal.
  func weights(ranks: Int, steps: Int, resume: Resume = .auto) throws -> [[Float]] {
    try SimulatedRanks.run(ranks) { communicator in
      ProductLibrary.setThreads(1)
      let trainer = try trainer(communicator, steps: steps)
      _ = try trainer.run(resume: resume)
      return trainer.trainee.arena.weights.array
    }
  }

  func trainer(
    _ communicator: any Communicator, steps: Int, observer: any TrainingObserver = SilentObserver(),
    stop: StopFlag = StopFlag(), source: (any SampleSource) -> any SampleSource = { $0 }
  ) throws -> Trainer {
    let student = try ModelBlueprint(builtIn: .student, view: "signal")
    // Vanilla KL needs one vocabulary: a student teaches.
    let teacher = try ModelBlueprint(
      builtIn: configuration.objective.chosen == .kl ? .student : .teacher, view: "signal")
    let distils = configuration.objective.needsTeacher
    let trainee = try Trainee(
      student, objective: configuration.objective, teacher: distils ? TeacherShape(teacher.configuration) : nil,
      seed: 1, precision: configuration.train.arithmetic, communicator: communicator,
      sharing: configuration.train.sharing)
    let dataset = SyntheticDataset(count: configuration.data.records, seed: 1)
    let preparer = try SamplePreparer(
      records: RecordCache(dataset), samples: dataset.samples, seed: 1, labelled: try LabelledFraction(1, seed: 1),
      student: try student.side, teacher: distils ? try teacher.side : nil)
    let context = RunContext(
      communicator: communicator, configuration: configuration, stop: stop, observer: observer)
    var settings = configuration
    settings.train.steps = steps
    settings.train.learningRate = 1e-3
    let plan = PhasePlan(name: "student", configuration: settings, checkpoints: folder)
    return try Trainer(
      context: context, plan: plan, trainee: trainee,
      teacher: distils ? try teacher.frozen(seed: 4, precision: configuration.train.arithmetic) : nil,
      source: source(preparer), data: [:])
  }
}
