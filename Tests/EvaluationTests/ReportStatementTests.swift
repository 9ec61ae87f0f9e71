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
    #expect(published.notes.contains { $0.contains("language model's judgement") })
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

  /// The labels are those of all reports in every resample, as the classes of `LabelMetrics` are.
  @Test func macroF1IsOfTheSameLabelsInEveryResample() throws {
    let classes = PTBXLSuper.classes
    // Four classes are in many records and found in half of them; the fifth is in one record, and found.
    let gold = (0..<30).map { $0 == 0 ? Set([classes[4]]) : [classes[$0 % 4]] }
    let read = (0..<30).map { $0 == 0 || $0 % 8 < 4 ? gold[$0] : [] }
    let ids = gold.indices.map { "\($0)" }
    let labels = try LabelAgreement(
      gold: LabelTable(classes: classes, ids: ids, sets: gold),
      predicted: LabelTable(classes: classes, ids: ids, sets: read))
    let bootstrap = Bootstrap(seed: 7)
    let report = try ItemScores(
      task: "t", subset: "s", rules: .default, ids: ids, measures: [], labels: labels
    ).report(bootstrap)
    let macro = try #require(report.rows.last { $0.measure == "label F1, macro" }).value
    // In a third of the resamples the fifth is missing, and counts 0.
    let all = try (0..<1000).map {
      try #require(labels.macroF1(weights: bootstrap.weights(records: 30, replicate: $0)))
    }
    let sorted = all.sorted()
    #expect(close(macro.value, labels.macroF1()) && macro.undefinedReplicates == 0)
    #expect(close(macro.low, Bootstrap.quantile(sorted, 0.025)) && close(macro.high, Bootstrap.quantile(sorted, 0.975)))
    #expect((macro.low ?? 1) < 0.6, "\(macro)")
    let lacking = (0..<1000).count { replicate in
      let weights = bootstrap.weights(records: 30, replicate: replicate)
      return classes.contains { name in !gold.indices.contains { weights[$0] > 0 && gold[$0].contains(name) } }
    }
    #expect(macro.incompleteReplicates == lacking && lacking > 300)
    let metrics = try LabelMetrics(trained: .superclasses, subset: "s", bootstrap: bootstrap).report(
      ids.indices.map { LabelAnswer(id: ids[$0], gold: gold[$0], text: read[$0].joined(separator: "; ")) })
    #expect(metrics.text?.macroF1 == macro)
  }

  /// The finding that a code of PTB-XL stands for; nil for one that is none of the 40.
  private func finding(_ code: String, _ classOf: [String: String]) -> String? {
    let labels = DefaultScorer.Vocabulary.reportStatements.labels
    let plain = code.hasSuffix("_") ? String(code.dropLast()) : code
    if labels.contains(plain) { return plain }
    if code.hasPrefix("ISC") { return "ISC" }
    if ["NDT", "NT_", "TAB_"].contains(code) { return "NST" }
    return classOf[code] == "MI" && !code.hasPrefix("INJ") ? "MI" : nil
  }

  private func codes(_ field: String) -> Set<String> {
    Set(field.split(separator: "'").enumerated().filter { $0.offset % 2 == 1 }.map { "\($0.element)" })
  }

  /// What docs/evaluation.md says of it.
  @Test(.enabled(if: SharedFiles.has("data/ptb-xl")))
  func whatReportsOfFold9NameAgreesWithTheirCodesAsFarAsTheDocumentationSays() throws {
    let classOf = Dictionary(
      try rows(ofShared: "data/ptb-xl/scp_statements.csv").dropFirst().map { ($0[0], $0[5]) },
      uniquingKeysWith: { first, _ in first })
    let table = try rows(ofShared: "data/ptb-xl/ptbxl_database.csv")
    let columns = try ["report", "scp_codes", "strat_fold"].map { try #require(table[0].firstIndex(of: $0)) }
    let fold = table.dropFirst().filter { $0[columns[2]] == "9" }
    #expect(fold.count == 333)
    let (classes, ids) = (DefaultScorer.Vocabulary.reportStatements.labels, fold.map { $0[0] })
    #expect(classes.count == 40)
    let agreement = try LabelAgreement(
      gold: LabelTable(
        classes: classes, ids: ids,
        sets: fold.map { row in Set(codes(row[columns[1]]).compactMap { finding($0, classOf) }) }),
      predicted: LabelTable(
        classes: classes, ids: ids,
        sets: fold.map { row in read(row[columns[0]].split(whereSeparator: \.isWhitespace).joined(separator: " ")) }))
    let counts = agreement.confusion()
    let micro = try #require(counts.microF1)
    #expect(close(micro, 0.78, within: 0.005), "\(micro)")
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
      let codes = codes(row[columns[1]])
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
      ("LVH", 0.65),
    ] {
      let found = counts[label]
      #expect((found?.f1 ?? 0) > least, "\(label): \(String(describing: found)), \(found?.f1 ?? 0)")
    }
  }
}
