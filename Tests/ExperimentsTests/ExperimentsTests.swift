import Autograd
import Cluster
import Evaluation
import Foundation
import Reporting
import Tensors
import TestSupport
import Testing
import Training

@testable import Experiments

@Suite struct ExperimentsTests {
  @Test func aProductIsMeasuredBesideThePeakInOrder() {
    let result = MatrixBenchmark().run(size: 128, repetitions: 3)
    #expect(result.minimum > 0 && result.minimum <= result.median && result.median <= result.maximum)
    #expect(result.peak > 0)
  }

  @Test func anExportHoldsTheModelAndRefusesAFolderInUse() throws {
    try withTemporaryFolder { folder in
      let student = folder.appendingPathComponent("run/student")
      try FileManager.default.createDirectory(at: student, withIntermediateDirectories: true)
      let blueprint = try ModelBlueprint(builtIn: .student, view: "signal")
      try blueprint.save(try blueprint.frozen(seed: 1), to: student)
      let target = folder.appendingPathComponent("out")
      try ModelExport(from: folder.appendingPathComponent("run")).write(to: target)
      #expect(try ModelBlueprint(folder: target).viewName == "signal")
      #expect(throws: UserError.self) { try ModelExport(from: folder.appendingPathComponent("run")).write(to: target) }
      #expect(throws: UserError.self) { try ModelExport(from: folder) }
    }
  }

  private func synthetic(_ change: (inout RunConfiguration) -> Void = { _ in }) throws -> RunConfiguration {
    var configuration = RunConfiguration()
    configuration.data.records = 50
    change(&configuration)
    return configuration
  }

  @Test func whatAStepSeesIsToldApartByName() throws {
    let corpus = try TrainingCorpus(synthetic())
    let student = try ModelBlueprint(builtIn: .student, view: "signal")
    func state(_ teacher: String? = "t", _ change: (inout RunConfiguration) -> Void = { _ in }) throws -> RunState {
      try RunState(
        step: 1, configuration: synthetic(change), layout: ParameterLayout(),
        data: try corpus.identity(student: student, teacher: teacher), groups: [1])
    }
    let base = try state()
    #expect(try state("t") { $0.train.steps += 1 }.refusals(against: base) == [])
    #expect(try state("t") { $0.train.labelled = 0.5 }.refusals(against: base).count == 1)
    let gain = try state("t") { $0.data.augmentation.gain = 0.5 }.refusals(against: base)
    #expect(gain == ["data.augmentation.gain: the checkpoint has 0.15, this run 0.5"])
    #expect(try state("u").refusals(against: base) == ["the teacher: the checkpoint has t, this run u"])
    #expect(try state(nil).refusals(against: base).isEmpty)
  }

  @Test func aTeacherIsKeptUnderEverythingItsBitsDependOn() throws {
    func fingerprint(_ change: (inout RunConfiguration) -> Void) throws -> String {
      let configuration = try synthetic(change)
      let context = RunContext(
        communicator: SingleRank(), configuration: configuration, stop: StopFlag(),
        observer: RunObserver(terminal: Terminal(isInteractive: false), metrics: MetricsLog(URL(fileURLWithPath: "/"))))
      return try BuiltInTeacher(context: context, corpus: TrainingCorpus(configuration))
        .fingerprint(ModelBlueprint(builtIn: .teacher, view: configuration.data.view))
    }
    let changes: [(inout RunConfiguration) -> Void] = [
      { _ in }, { $0.teacher.steps += 1 }, { $0.teacher.learningRate *= 2 }, { $0.teacher.everyQuestion = false },
      { $0.run.seed += 1 }, { $0.train.globalBatch *= 2 }, { $0.train.shards = 4 }, { $0.train.warmup += 1 },
      { $0.train.finalLearningRate = 0.5 }, { $0.train.threads = 2 }, { $0.train.weightDecay = 0 },
      { $0.train.clip = 0 },
      { $0.data.view = "image" }, { $0.data.questions.report = 0 }, { $0.data.augmentation.shift = 0 },
      { $0.data.records = 40 },
    ]
    let all = try changes.map(fingerprint)
    #expect(Set(all).count == changes.count)
    let same: [(inout RunConfiguration) -> Void] = [
      { $0.train.steps += 1 }, { $0.train.labelled = 0.5 }, { $0.objective.alpha = 0.1 }, { $0.train.learningRate = 1 },
      { $0.train.schedule = "cosine" }, { $0.checkpoint.every = 1 }, { $0.run.folder = "x" },
    ]
    for change in same { #expect(try fingerprint(change) == all[0]) }
  }
}
