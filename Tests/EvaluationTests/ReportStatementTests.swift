import Corpus
import Foundation
import TestSupport
import Testing

@testable import Evaluation

/// Findings that reports name, read by keywords.
@Suite struct ReportStatementTests {
  private func read(_ text: String) -> Set<String> {
    DefaultScorer.labels(in: text, vocabulary: .reportStatements)
  }

  @Test func findingsAreReadInTheLanguagesOfTheReports() {
    #expect(
      read("sinus rhythm. incomplete right bundle branch block. otherwise normal ecg.") == ["SR", "IRBBB", "NORM"])
    #expect(
      read("sinusrhythmus linkstyp unvollstÄndiger rechtsschenkelblock sonst normales ekg") == ["SR", "IRBBB", "NORM"])
    #expect(
      read("ventrikulÄre extrasystole(n) vorhofflimmern/-flattern linksschenkelblock") == ["PVC", "AFIB", "CLBBB"])
    #expect(read("supraventrikulÄre extrasystole(n) sinus arrhythmie") == ["PAC", "SARRH"])
    #expect(read("sinusrytm vÄnster kammarhypertrofi inferior infarkt") == ["SR", "LVH", "MI"])
    #expect(read("st segments are depressed in i, avl. no ecg evidence of lvh or ischaemia.") == ["STD"])
    #expect(read("inferiorer infarkt nicht auszuschliessen st & t abnorm qt-verlängerung") == ["MI", "NST", "LNGQT"])
    #expect(read("trace only requested.") == [])
    #expect(
      Set(DefaultScorer.Vocabulary.reportStatements.labels).count
        == DefaultScorer.Vocabulary.reportStatements.labels.count)
  }

  @Test func labelScoresAreThoseOfTheFindings() throws {
    let references = [
      "sinus rhythm. LVH.", "atrial fibrillation   with\n left bundle branch block", "trace only requested",
      "sinus rhythm",
    ]
    let texts = ["sinusrhythmus", "sinus rhythm, left bundle branch block", "normal ecg", "sinus rhythm"]
    let task = ReportTask(
      name: "ptb-xl-report", subset: "made",
      items: references.enumerated().map { place, text in
        ReportTask.Item(TextQuestion(id: "\(place)", prompt: "report", shown: ["\(place)"]), reference: text)
      }, remarks: ["said"])
    let predictions = try Predictions(texts.enumerated().map { Prediction(id: "\($0)", text: $1) })
    let scores = try task.scores(predictions, rules: .default)
    let report = scores.report(Bootstrap(seed: 1))
    // Three of five stated findings are found, two are made up; by label SR 4/5, LVH 0, AFIB 0, CLBBB 1.
    let rows = Dictionary(uniqueKeysWithValues: report.rows.map { ($0.measure, $0.value) })
    #expect(close(rows["label F1, micro"]?.value, 6.0 / 10) && close(rows["label F1, macro"]?.value, (0.8 + 1) / 4))
    #expect(rows["label F1, micro"]?.low != nil)
    #expect(report.notes[0] == "said" && report.notes[1].contains("macro over the 4 of"))
    #expect(report.notes[2] == "1 references name none of these findings")
    // By the published rules there is no other score, and the heading does not say so.
    let published = try task.scores(predictions, rules: .ecgbench).report(Bootstrap(seed: 1))
    #expect(published.rows == report.rows && !published.table().contains("x 100"))
    #expect(published.notes.last?.contains("language model's judgement") == true)
    let compared = try task.comparison(
      predictions, with: predictions, from: "x", rules: .ecgbench, bootstrap: Bootstrap(seed: 1))
    #expect(compared.rules == .default && !compared.table().contains("ECGBench"))
    // Of two systems.
    let truth = try Predictions(references.enumerated().map { Prediction(id: "\($0)", text: $1) })
    let found = try task.comparison(predictions, with: truth, from: "x", rules: .default, bootstrap: Bootstrap(seed: 1))
    #expect(found.differences.map(\.measure) == report.rows.map(\.measure))
    let micro = found.differences.first { $0.measure == "label F1, micro" }
    #expect(close(micro?.difference.difference.value, 0.6 - 1))
  }

  /// How far the reader is from the codes that cardiologists gave: it reads what the report says, and no more.
  @Test(.enabled(if: SharedFiles.has("data/ptb-xl")))
  func whatReportsNameAgreesWithTheirCodesWhereReportsNameIt() throws {
    let table = try rows(ofShared: "data/ptb-xl/ptbxl_database.csv")
    let columns = try ["report", "scp_codes"].map { try #require(table[0].firstIndex(of: $0)) }
    var counts: [String: ConfusionCounts] = [:]
    for row in table.dropFirst() {
      let text = row[columns[0]].split(whereSeparator: \.isWhitespace).joined(separator: " ")
      let named = read(text)
      let codes = Set(
        row[columns[1]].split(separator: "'").enumerated().filter { $0.offset % 2 == 1 }.map { "\($0.element)" })
      for label in ["SR", "AFIB", "PVC", "LAFB", "CLBBB", "LVH", "STACH", "SBRAD"] {
        switch (codes.contains(label), named.contains(label)) {
        case (true, true): counts[label, default: ConfusionCounts()].truePositives += 1
        case (true, false): counts[label, default: ConfusionCounts()].falseNegatives += 1
        case (false, true): counts[label, default: ConfusionCounts()].falsePositives += 1
        case (false, false): counts[label, default: ConfusionCounts()].trueNegatives += 1
        }
      }
    }
    for (label, least) in [
      ("SR", 0.85), ("AFIB", 0.85), ("PVC", 0.6), ("LAFB", 0.6), ("CLBBB", 0.75), ("STACH", 0.75), ("SBRAD", 0.75),
    ] {
      let found = counts[label]
      #expect((found?.f1 ?? 0) > least, "\(label): \(String(describing: found)), \(found?.f1 ?? 0)")
    }
  }
}
