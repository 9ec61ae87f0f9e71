import Cluster
import Evaluation
import Foundation
import Tensors
import TestSupport
import Testing
import Training

@testable import Experiments

@Suite struct ExperimentsTests {
  @Test func matrixBenchmarkMeasuresBelowThePeak() {
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

  @Test func digestsTellWhatAStepSeesApart() throws {
    var configuration = RunConfiguration()
    configuration.data.records = 50
    let corpus = try TrainingCorpus(configuration)
    let student = try ModelBlueprint(builtIn: .student, view: "signal")
    func digest(_ change: (inout RunConfiguration) -> Void) -> String {
      var changed = configuration
      change(&changed)
      return corpus.digest(changed, student: student, teacher: "t")
    }
    let base = digest { _ in }
    #expect(base == digest { $0.train.steps += 1 })
    #expect(base != digest { $0.train.labelled = 0.5 })
    #expect(base != digest { $0.data.augmentation.gain = 0.5 })
    #expect(base != corpus.digest(configuration, student: student, teacher: "u"))
  }
}
