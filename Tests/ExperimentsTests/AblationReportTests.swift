import Corpus
import Evaluation
import Foundation
import Tensors
import TestSupport
import Testing
import Training

@testable import Experiments

/// The tables of an ablation from the answers of its runs, which hold nothing but the records' names.
@Suite struct AblationReportTests {
  private static let configuration = """
    ablation:
      seeds: [1, 2]
      compared_with: CE
      methods:
        - {name: CE, set: [objective.method=ce]}
        - {name: CE again, set: [objective.method=ce, train.warmup=2]}

    """

  private static let origin = AblationReport.Origin(
    program: "evl-dist 0", commit: "abc", programs: ["evl-dist 0", "evl-dist 1 of abc"],
    configuration: ["train.steps": "3"])

  /// The report of runs that answer every record with a probability of its own.
  private func report(
    of corpus: TrainingCorpus, _ base: RunConfiguration, file: URL, _ assignments: [String],
    teacher: AblationAnswers? = nil, failing: Set<Int> = []
  ) throws -> AblationReport {
    let ablation = try AblationConfiguration(file: file, assignments: [])
    let plan = try AblationPlan(
      ablation,
      AblationPlan.Common(
        file: file, assignments: assignments, base: base, teacher: nil, store: nil), found: [])
    #expect(plan.runs.count == 4)
    for (number, run) in plan.runs.enumerated() {
      try FileManager.default.createDirectory(at: run.folder, withIntermediateDirectories: true)
      let failed = AblationAnswers(subset: "", seconds: 1, failure: "made")
      try (failing.contains(number) ? failed : answers(corpus, UInt64(number))).write(to: run.folder)
    }
    return try AblationReport(
      ablation, base, plan, records: ScoredRecords(corpus, folds: []), searches: [], teacher: teacher,
      origin: Self.origin)
  }

  private func answers(_ corpus: TrainingCorpus, _ seed: UInt64) -> AblationAnswers {
    AblationAnswers(
      subset: corpus.evaluationSubset, seconds: 1,
      corpus.evaluation.map { sample in
        var random = CounterRandom(seed: seed, purpose: "answers", sample: UInt64(sample.index))
        let gold = Set(sample.superclasses.map(\.rawValue))
        return LabelAnswer(
          id: sample.id, gold: gold,
          probabilities: PTBXLSuper.classes.map { (gold.contains($0) ? 0.3 : 0) + 0.7 * random.uniform() }, text: "NORM"
        )
      })
  }

  private func score(_ report: AblationReport, _ row: Int) throws -> Estimate {
    try #require(report.tables[0].rows[row].scores.first { $0.metric == "macro AUC" }).mean
  }

  @Test(.enabled(if: SharedFiles.has("data/ptb-xl")))
  func patientsAreLookedUpWhenTheTablesAreMade() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("a.yaml")
      try Data(Self.configuration.utf8).write(to: file)
      let assignments = [
        "data.kind=ptb-xl", "data.path=\(SharedFiles.url("data/ptb-xl").path)", "run.folder=\(folder.path)/run",
        "evaluation.fold=9", "evaluation.train_folds=[1]", "evaluation.replicates=200",
      ]
      let base = try ConfigurationLoader().merge(file: file, assignments: assignments, leavingOut: "ablation")
        .configuration
      let corpus = try TrainingCorpus(base)
      let found = try report(of: corpus, base, file: file, assignments, teacher: answers(corpus, 9))
      #expect(
        found.groups == .init(name: "patients", count: 309) && found.records == 322 && found.origin == Self.origin)
      // The same answers about records of nobody.
      let scores = try LabelMetrics(trained: .superclasses, subset: "", bootstrap: found.bootstrap).seeds(
        [0, 2].map { answers(corpus, $0).scored })
      let place = try #require(scores.metrics.firstIndex(of: "macro AUC"))
      let byRecord = scores.means(found.bootstrap)[place]
      let own = try score(found, 0)
      #expect(own.value == byRecord.value && own.low != byRecord.low)
      #expect(found.teacher?.scores.first?.mean.value != nil && found.teacher?.scores.first?.difference == nil)
      // 150 of the 322 records are normal and nothing else.
      #expect(found.commonestSet?.labels == ["NORM"] && found.commonestSet?.records == 150)
      #expect(found.remarks.contains { $0.contains("exact-set accuracy of 46.6% (") && $0.contains("NORM alone") })
      #expect(found.undefinedClasses.all.isEmpty && found.undefinedClasses.combined.isEmpty)
      var shown = found
      shown.undefinedClasses = .init([["NORM"], ["MI", "CD"], ["MI", "STTC"]], among: PTBXLSuper.classes)
      #expect(shown.undefinedClasses.all == ["HYP"] && shown.undefinedClasses.combined == ["NORM", "MI", "HYP"])
      shown.remarks = shown.generalRemarks()
      let text = shown.text()
      for words in [
        "322 records of 309 patients", "200 resamples of patients, with all their records, (paired) together",
        "\nteacher  ", "other teachers are not in them", "AUC, minus CE  ", "macro F1  ",
        "Macro AUC on the records of two or more superclasses leaves out NORM, MI, HYP:",
        "several builds: evl-dist 0; evl-dist 1 of abc", "Student's t of 1 degrees of freedom",
      ] {
        #expect(text.contains(words), "\(words): \(text)")
      }
      let column = try #require(shown.tables[0].rows[1].scores.firstIndex { $0.metric == "AUC of MI" })
      for (low, high, isClear) in [(-0.2, 0.1, false), (0.1, 0.2, true), (-0.2, -0.1, true)] {
        shown.tables[0].rows[1].scores[column].difference?.difference = Estimate(value: 0.123, low: low, high: high)
        #expect(shown.text().contains("+0.123*") == isClear && shown.text().contains("+0.123"))
      }
      #expect(shown.text().contains("\n* The interval of this difference, in ablation.json, is without zero.\n"))
      shown.groups = .init(name: "patients", count: 1)
      let single = shown.generalRemarks()
      #expect(single[0].contains("nothing to resample") && !single.contains { $0.contains("p is of one comparison") })
      let encoder = JSONEncoder()
      #expect(try JSONDecoder().decode(AblationReport.self, from: encoder.encode(found)) == found)
    }
  }

  /// What the records are does not depend on what became of the method that all are compared with.
  @Test func recordsAreCountedFromTheTruth() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("a.yaml")
      try Data((Self.configuration + "data: {records: 2000}\n").utf8).write(to: file)
      let assignments = ["run.folder=\(folder.path)/run", "evaluation.replicates=100"]
      let base = try ConfigurationLoader().merge(file: file, assignments: assignments, leavingOut: "ablation")
        .configuration
      let corpus = try TrainingCorpus(base)
      let combined = corpus.evaluation.count { $0.labels.count > 1 }
      #expect(combined >= AblationReport.fewestCombined)
      for failing in [Set<Int>(), [0], [0, 1, 2, 3]] {
        let found = try report(of: corpus, base, file: file, assignments, failing: failing)
        #expect(found.records == corpus.evaluation.count { !$0.labels.isEmpty } && found.combinedRecords == combined)
        let text = found.text()
        #expect(text.hasPrefix("\(corpus.evaluationSubset), \(found.records) records; "))
        #expect(!text.contains("Fewer than"))
        #expect(text.contains("\n\(combined) records of two or more superclasses") == (failing.count < 4), "\(text)")
      }
    }
  }

  @Test func recordsOfNobodyAreDrawnByThemselves() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("a.yaml")
      try Data((Self.configuration + "data: {records: 100}\n").utf8).write(to: file)
      let assignments = ["run.folder=\(folder.path)/run"]
      let base = try ConfigurationLoader().merge(file: file, assignments: assignments, leavingOut: "ablation")
        .configuration
      let corpus = try TrainingCorpus(base)
      let found = try report(of: corpus, base, file: file, assignments)
      #expect(found.groups == nil && found.teacher == nil && found.text().contains(" resamples of records (paired)"))
      let scores = try LabelMetrics(trained: .superclasses, subset: "", bootstrap: found.bootstrap).seeds(
        [0, 2].map { answers(corpus, $0).scored })
      let place = try #require(scores.metrics.firstIndex(of: "macro AUC"))
      #expect(try score(found, 0) == scores.means(found.bootstrap)[place])
    }
  }
}
