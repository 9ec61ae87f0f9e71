import Tensors
import Testing

@testable import Evaluation

/// Resamples that lack a class: its F1 on all records stands in for it, which is counted and told.
@Suite struct IncompleteResampleTests {
  private let bootstrap = Bootstrap(seed: 1)
  private var task: LabelMetrics { LabelMetrics(task: "t", space: .ptbXLSuper, subset: "s", bootstrap: bootstrap) }

  /// Right answers, by probability and as text.
  private func right(_ golds: [Set<String>]) -> [LabelAnswer] {
    golds.enumerated().map { place, gold in
      LabelAnswer(
        id: "\(place)", gold: gold, probabilities: task.space.classes.map { gold.contains($0) ? 0.9 : 0.1 },
        text: gold.sorted().joined(separator: "; "))
    }
  }

  /// Resamples without some record.
  private func lacking(_ records: Int, _ isMissed: ([Int]) -> Bool) -> Int {
    (0..<bootstrap.replicates).count { isMissed(bootstrap.weights(records: records, replicate: $0)) }
  }

  @Test func aFewAreCountedAndTold() throws {
    // The fifth class is in one record.
    let answers = right((0..<40).map { $0 == 0 ? ["HYP"] : $0 % 2 == 0 ? ["MI", "CD"] : ["NORM", "STTC"] })
    let count = lacking(40) { $0[0] == 0 }
    #expect(count > 300 && count < 430)
    let report = try task.report(answers)
    let expected = Estimate(value: 1, low: 1, high: 1, incompleteReplicates: count)
    #expect(report.probabilities?.macroF1 == expected && report.text?.macroF1 == expected)
    let note = "macro F1: \(count) of 1000 resamples lack a class, and its F1 on all records stands in for it"
    #expect(report.notes.contains(note), "\(report.notes)")
    // One rule for the class and for the mean over classes.
    let rare = try #require(report.probabilities?.classes.last)
    #expect(rare.name == "HYP" && rare.f1 == Estimate(value: 1, low: 1, high: 1))
    let compared = try task.compare(answers, answers, inFull: true)
    for name in ["macro F1", "F1 of HYP"] {
      let difference = compared.differences[try #require(compared.metrics.firstIndex(of: name))]
      #expect(difference.difference.low == 0 && difference.difference.high == 0 && difference.pValue == 1)
    }
    let seeds = try task.seeds([answers, answers])
    #expect(seeds.means(bootstrap)[try #require(seeds.metrics.firstIndex(of: "text macro F1"))] == expected)
  }

  /// In half of the resamples of two records one of two classes is missing, a quarter of what is averaged.
  @Test func tooManyMakeNoInterval() throws {
    let answers = right([["MI"], ["CD"]])
    let count = lacking(2) { $0.contains(0) }
    #expect(count > 500)
    let report = try task.report(answers)
    let expected = Estimate(value: 0.4, incompleteReplicates: count)
    #expect(report.probabilities?.macroF1 == expected && report.text?.macroF1 == expected)
    #expect(
      report.notes.contains { $0.hasPrefix("macro F1 of the text: \(count) of 1000") && $0.contains("no interval") })
    let compared = try task.compare(answers, answers)
    let place = try #require(compared.metrics.firstIndex(of: "macro F1"))
    #expect(compared.differences[place].pValue == nil && compared.differences[place].difference.high == nil)
    let seeds = try task.seeds([answers, answers])
    let (mean, difference) = (seeds.means(bootstrap)[1], try seeds.differences(from: seeds, bootstrap)[1])
    #expect(seeds.metrics[1] == "macro F1" && mean == expected && difference.pValue == nil)
  }

  @Test func whereEveryResampleHoldsAllClassesNothingIsSaid() throws {
    let classes = task.space.classes
    let report = try task.report(right((0..<100).map { [classes[$0 % 5]] }))
    #expect(report.probabilities?.macroF1.incompleteReplicates == nil)
    #expect(!report.notes.contains { $0.contains("resamples") }, "\(report.notes)")
    let bare = Estimate(value: 0.5, low: 0.4, high: 0.6, incompleteReplicates: 50)
    #expect(bare.noteOnClasses("x", bootstrap) == nil, "one in twenty is not told")
    #expect(Estimate(value: 0.5, incompleteReplicates: 51).noteOnClasses("x", bootstrap) != nil)
    let gaps = ClassGaps(resamples: 900, share: 0.2)
    #expect(bare.incomplete(gaps) == Estimate(value: 0.5, low: 0.4, high: 0.6, incompleteReplicates: 900))
    #expect(bare.incomplete(ClassGaps(resamples: 900, share: 0.21)).low == nil)
  }
}
