import Corpus
import Testing

@testable import Evaluation

/// What an answer that looks at nothing gets right.
@Suite struct CommonestSetTests {
  private let classes = LabelSpace.ptbXLSuper.classes

  private func samples(_ labels: [Set<String>], subject: (Int) -> String = { "\($0)" }) -> [ECGSample] {
    labels.enumerated().map { place, labels in
      ECGSample(
        id: "\(place)", index: place, labels: labels, of: .superclasses, report: "", fold: 1,
        group: .patient(subject(place)))
    }
  }

  @Test func itIsTheSetOfMostRecordsAndItsShareOfThoseWithALabel() throws {
    // 6 of 12 with a label; records without one are not scored.
    let truth: [Set<String>] =
      Array(repeating: ["MI", "CD"], count: 6) + Array(repeating: ["MI"], count: 4) + [["CD"], ["NORM"], [], []]
    let bootstrap = Bootstrap(seed: 2)
    let found = try #require(CommonestSet(samples(truth), among: classes, bootstrap))
    #expect(found.labels == ["MI", "CD"] && found.records == 6 && found.accuracy.value == 0.5)
    // As the accuracy of that answer in a report.
    let answers = truth.enumerated().map { LabelAnswer(id: "\($0)", gold: $1, text: "MI; CD") }
    let report = try LabelMetrics(task: "t", space: .ptbXLSuper, subset: "", bootstrap: bootstrap).report(answers)
    #expect(report.text?.exactSetAccuracy == found.accuracy)
    #expect(
      found.remark.contains("accuracy of 50.0% (")
        && found.remark.contains("MI with CD, the commonest set of labels (6 records)"))
    let pairs = try #require(CommonestSet(samples(truth) { "\($0 / 2)" }, among: classes, bootstrap))
    #expect(pairs.accuracy.value == 0.5 && pairs.accuracy.low != found.accuracy.low)
  }

  @Test func equallyCommonSetsAreToldApartByTheClassesOrder() throws {
    for truth in [[["HYP"], ["MI"]], [["MI"], ["HYP"]]] as [[Set<String>]] {
      let found = try #require(CommonestSet(samples(truth), among: classes, Bootstrap()))
      #expect(found.labels == ["MI"] && found.remark.hasPrefix("Always answering MI alone, "))
    }
    let all = try #require(CommonestSet(samples([["MI"], ["MI"]]), among: classes, Bootstrap()))
    #expect(all.accuracy.value == 1 && (all.accuracy.low ?? 1) < 0.5)
    #expect(CommonestSet(samples([[], []]), among: classes, Bootstrap()) == nil)
  }
}
