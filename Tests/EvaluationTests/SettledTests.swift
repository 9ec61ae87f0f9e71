import Corpus
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Evaluation

/// Who is drawn in resamples, and what becomes of what is left out.
@Suite struct SettledTests {
  private let few = Bootstrap(seed: 3)

  private func task(_ subject: (Int) -> String) -> LabelTask {
    LabelTask(
      name: "ptb-xl-super", space: .ptbXLSuper, subset: "s",
      items: (0..<40).map { place in
        LabelItem(
          TextQuestion(id: "\(place)", prompt: "?", shown: ["\(place)"]), gold: place % 20 < 10 ? ["MI"] : ["CD"],
          subject: subject(place))
      }, leftOut: ["40", "41"])
  }

  private func report(_ task: LabelTask) throws -> LabelReport {
    let answers = try Predictions((0..<40).map { Prediction(id: "\($0)", text: "MI") })
    return try #require(try task.report(answers, rules: .default, bootstrap: few, notes: []) as? LabelReport)
  }

  @Test func patientsOfOneRecordEachGiveTheNumbersOfRecords() throws {
    let records = try report(task { "\($0)" })
    var patients = try report(task { "patient \(99 - $0)" })
    let told = patients.remarks.filter { $0.contains("patients, which resamples draw") }
    #expect(told.count == 1)
    patients.remarks.removeAll(where: told.contains)
    #expect(records == patients && records.recordsWithoutLabel == 2)
    // Two records of each patient, alike: half as much is known.
    let pairs = try report(task { "patient \($0 % 20)" })
    let widths = [records, pairs].map { report in
      (report.text?.exactSetAccuracy.high ?? 0) - (report.text?.exactSetAccuracy.low ?? 0)
    }
    #expect(pairs.text?.exactSetAccuracy.value == 0.5 && widths[1] > 1.2 * widths[0], "\(widths)")
  }

  @Test func seedsDrawPatientsToo() throws {
    let super5 = LabelMetrics(trained: .superclasses, subset: "s", bootstrap: few)
    func width(_ subject: (Int) -> String?) throws -> Double {
      let answers = (0..<40).map { place in
        LabelAnswer(
          id: "\(place)", gold: place % 20 < 10 ? ["MI"] : ["CD"], text: "MI", subject: subject(place))
      }
      let scores = try super5.seeds([answers, answers])
      let place = try #require(scores.metrics.firstIndex(of: "text exact-set accuracy"))
      let mean = scores.means(few)[place]
      #expect(mean.value == 0.5)
      return (mean.high ?? 0) - (mean.low ?? 0)
    }
    let alone = try width { _ in nil }
    #expect(try width { "patient \($0)" } == alone)
    #expect(try width { "patient \($0 % 20)" } > 1.2 * alone)
    // One patient is nothing to resample.
    #expect(try width { _ in "patient 1" } == 0)
  }

  /// Nothing was resampled, so nothing was undefined in resamples.
  @Test func ofASingleSubjectThatAloneIsSaid() throws {
    let one = "all 40 are about one recording, so that there is nothing to resample and no interval"
    let answers = (0..<40).map { place in
      LabelAnswer(
        id: "\(place)", gold: place % 2 == 0 ? ["MI"] : ["CD"], probabilities: [0.1, 0.2, 0.3, 0.4, 0.5], text: "MI",
        subject: "patient 1")
    }
    let task = LabelMetrics(trained: .superclasses, subset: "s", bootstrap: few)
    let report = try task.report(answers)
    let area = try #require(report.probabilities?.macroAUC)
    #expect(area == Estimate(value: 0.5) && report.text?.macroF1.low == nil)
    #expect(report.notes.contains(one) && !report.notes.contains { $0.contains("resamples") }, "\(report.notes)")
    let seeds = try task.seeds([answers, answers])
    #expect(seeds.means(few)[0] == Estimate(value: 0.5))
    let difference = try seeds.differences(from: seeds, few)[0]
    #expect(difference == PairedDifference(difference: Estimate(value: 0), pValue: nil))
    let scores = try ItemScores(
      task: "t", subset: "", rules: .default, ids: ["1", "2"], subjects: ["a", "a"],
      measures: [.init("accuracy", [0, 1])])
    let scored = scores.report(few)
    #expect(scored.rows[0].value == Estimate(value: 0.5) && scored.notes == ["all 2 " + one.dropFirst(7)])
  }

  @Test func predictionsOfWhatIsLeftOutAreIgnoredAndCounted() throws {
    let task = task { "\($0)" }
    let given = try Predictions((0..<42).map { Prediction(id: "\($0)", text: "MI") })
    let (same, answers, notes) = try task.settled(given, skipsMissing: false)
    #expect(same.items == task.items && answers.predictions.count == 40)
    #expect(notes == ["2 predictions are about what is left out, and are ignored"])
    // So are those about what else is not asked about.
    let part = task.choosing(Set((0..<30).map { "\($0)" } + ["41"]))
    let chosen = try part.settled(given, besides: Set((30..<41).map { "\($0)" }), skipsMissing: false)
    #expect(chosen.task.items.count == 30 && chosen.task.leftOut == ["41"])
    #expect(chosen.predictions.predictions.count == 30)
    #expect(chosen.notes == ["12 predictions are about what is left out, and are ignored"])
    let stray = try Predictions(given.predictions + [Prediction(id: "99", text: "MI")])
    let settled = try task.settled(stray, skipsMissing: false)
    let error = #expect(throws: UserError.self) {
      try settled.task.report(settled.predictions, rules: .default, bootstrap: few, notes: [])
    }
    #expect(error?.message.contains("1 predictions answer no question") == true)
  }

  @Test func questionsThatWereNotAskedAreLeftOutNamedAndCounted() throws {
    let task = task { "\($0)" }
    let given = try Predictions(
      (0..<40).map { Prediction(id: "\($0)", text: "MI", skipped: $0 < 7 ? "r\($0) is not there" : nil) })
    // Through a file.
    let read = try Predictions(jsonLines: given.jsonLines(), source: "made")
    #expect(read == given)
    let (asked, answers, notes) = try task.settled(read, skipsMissing: true)
    #expect(asked.items.count == 33 && answers.predictions.count == 33)
    #expect(notes.count == 1 && notes[0].hasPrefix("7 of 40 questions are left out"))
    #expect(notes[0].contains("0 (r0 is not there); 1 (") && notes[0].hasSuffix("; ..."))
    // Whoever may leave nothing out is scored on all questions, or refused.
    let refused = #expect(throws: UserError.self) { try task.settled(read, skipsMissing: false) }
    #expect(refused?.kind == .badInput)
    #expect(refused?.message.hasPrefix("7 of 40 questions of ptb-xl-super were skipped, not answered: 0 (r0 ") == true)
    #expect(refused?.remedy.contains("--missing-images skip") == true)
    let none = try Predictions((0..<40).map { Prediction(id: "\($0)", text: "", skipped: "gone") })
    #expect(throws: UserError.self) { try task.settled(none, skipsMissing: true) }
  }

  @Test func questionsWithoutAPredictionAreRefusedOrLeftOutNamedAndCounted() throws {
    let task = task { "\($0)" }
    // The first was skipped, seven have no line, one line is about what is left out.
    let given = try Predictions(
      (0..<33).map { Prediction(id: "\($0)", text: "MI", skipped: $0 == 0 ? "gone" : nil) }
        + [Prediction(id: "40", text: "MI")])
    let (asked, answers, notes) = try task.settled(given, skipsMissing: true, unanswered: .skipped)
    #expect(asked.items.count == 32 && answers.predictions.count == 32 && notes.count == 3)
    #expect(notes[0].hasPrefix("1 predictions are about") && notes[1].hasPrefix("1 of 40 questions are left out"))
    #expect(notes[2] == "7 of 39 questions have no prediction and are left out: 33, 34, 35, 36, 37, ...")
    let report = try asked.report(answers, rules: .default, bootstrap: few, notes: notes)
    let scored = try #require(report as? LabelReport)
    #expect(scored.records == 32 && scored.remarks == notes)
    // Otherwise they are refused, with what to do.
    let (whole, all, _) = try task.settled(given, skipsMissing: true)
    let refused = #expect(throws: UserError.self) {
      try whole.report(all, rules: .default, bootstrap: few, notes: [])
    }
    #expect(refused?.message.hasPrefix("7 of 39 questions of ptb-xl-super have no prediction: 33, ") == true)
    #expect(refused?.remedy.contains("--missing-predictions skip") == true)
    // Answers to no question are refused as ever, and so is it where nothing is left.
    let strays = try Predictions([Prediction(id: "1", text: "MI"), Prediction(id: "99", text: "MI")])
    let (one, stray, _) = try task.settled(strays, skipsMissing: false, unanswered: .skipped)
    #expect(throws: UserError.self) { try one.report(stray, rules: .default, bootstrap: few, notes: []) }
    let none = try Predictions([Prediction(id: "99", text: "MI")])
    let nothing = #expect(throws: UserError.self) {
      try task.settled(none, skipsMissing: false, unanswered: .skipped)
    }
    #expect(nothing?.message.contains("answer none of the 40 questions (0, 1, ") == true)
    let complete = try Predictions((0..<40).map { Prediction(id: "\($0)", text: "MI") })
    #expect(try task.settled(complete, skipsMissing: false, unanswered: .skipped).notes.isEmpty)
  }

  @Test(.enabled(if: SharedFiles.has("data/ptb-xl")))
  func recordsOfPTBXLKnowTheirPatientsAndThoseWithoutASuperclassAreKept() throws {
    let dataset = try PTBXLDataset(path: SharedFiles.url("data/ptb-xl"))
    #expect(dataset.samples.map(\.index) == Array(dataset.samples.indices))
    #expect(dataset.unlabelled.first?.index == dataset.samples.count && dataset.unlabelled.count > 20)
    let fold = try dataset.samples(inFolds: [9])
    #expect(fold.count + dataset.unlabelled.count { $0.fold == 9 } == 333)
    let patients = Set((fold + dataset.unlabelled.filter { $0.fold == 9 }).map(\.subject))
    #expect(patients.count == 314 && patients.contains { $0.hasPrefix("patient ") && !$0.contains(".") })
    #expect(fold.remarksOnGroups.count == 1 && fold.remarksOnGroups[0].hasPrefix("\(fold.count) records of "))
    let other = try #require(dataset.unlabelled.last)
    #expect(try dataset.record(other).leads.count == 12)
    let known = try PTBXLDataset.index(path: SharedFiles.url("data/ptb-xl"))
    #expect([other, fold[0]].map { known[$0.id].map { .patient($0.patient) } } == [other.group, fold[0].group])
  }

  @Test func aTableWithoutPatientsDrawsRecords() {
    let samples = [("1", ""), ("2", "7"), ("3", "7")].map { id, patient in
      ECGSample(id: id, index: 0, superclasses: [.NORM], report: "", fold: 1, patient: patient)
    }
    #expect(samples.map(\.subject) == ["1", "patient 7", "patient 7"])
    #expect(Array(samples.prefix(1)).remarksOnGroups.isEmpty)
    #expect(
      samples.remarksOnGroups == [
        "2 records of 1 patients, which resamples draw with all their records; 1 of which none is known are drawn by themselves"
      ])
  }
}
