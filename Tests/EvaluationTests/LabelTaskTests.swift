import Corpus
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Evaluation

/// Tasks of labels: where truth and classes come from, and how answers about them are scored.
@Suite struct LabelTaskTests {
  private let few = Bootstrap(seed: 3)

  /// Records of a lead each, with a table in which D1 and D2 are scored as the same.
  private func folder(_ records: [(String, String)], tables: Bool = true, in folder: URL) throws -> DiagnosedFolder {
    if tables {
      let rows = [
        "first,100,D0,", "second,101,D1,We score 101 and 102 as the same diagnosis.",
        "incomplete second,103,D3,", "other second,102,D2,We score 101 and 102 as the same diagnosis.", "fifth,104,D4,",
      ]
      try Data(("Dx,SNOMED CT Code,Abbreviation,Notes\n" + rows.joined(separator: "\n")).utf8)
        .write(to: folder.appendingPathComponent("dx_mapping_scored.csv"))
      // As the challenge of 2021 spells it.
      try Data("Dx,SNOMEDCTCode,Abbreviation\nunscored,900,U\n".utf8)
        .write(to: folder.appendingPathComponent("dx_mapping_unscored.csv"))
    }
    for (name, diagnoses) in records {
      try Data("\(name) 1 500 10\n\(name).mat 16+24 1000/mV 16 0 0 0 0 I\n#Dx: \(diagnoses)\n".utf8)
        .write(to: folder.appendingPathComponent("\(name).hea"))
    }
    return try DiagnosedFolder(folder, needsTables: tables)
  }

  private func labels(_ task: LabelTask, _ texts: [String]) throws -> LabelReport {
    let predictions = zip(task.items, texts).map { Prediction(id: $0.question.id, text: $1) }
    return try report(task, predictions)
  }

  private func report(_ task: LabelTask, _ predictions: [Prediction]) throws -> LabelReport {
    let report = try task.report(Predictions(predictions), rules: .default, bootstrap: few, notes: ["noted"])
    return try #require(report as? LabelReport)
  }

  @Test func scoredDiagnosesThatOccurAreTheClasses() throws {
    try withTemporaryFolder { place in
      let source = try folder([("E1", "100,102"), ("E2", "101"), ("E3", "900"), ("E4", "103")], in: place)
      #expect(source.scoredClasses.map { $0.map(\.code) } == [["100"], ["101", "102"], ["103"], ["104"]])
      let task = try LabelTask(name: "g12ec", diagnoses: source)
      #expect(task.space.classes == ["D0", "D1/D2", "D3"])
      #expect(task.items.map(\.gold) == [["D0", "D1/D2"], ["D1/D2"], [], ["D3"]])
      #expect(task.yesNoQuestions[1].prompt == "Does this ECG show second or other second?")
      // The whole name counts, not a shorter one within it; abbreviations in any case where several are one class.
      let read = try labels(task, ["first; d2", "Other second", "nothing", "incomplete second"])
      #expect(read.records == 4 && read.text?.exactSetAccuracy.value == 1 && read.text?.macroF1.value == 1)
      #expect(read.ecgBench == nil && read.probabilities == nil)
      // To say nothing of a record that shows nothing is right, and not counted; of the other three it is.
      #expect(read.text?.answersWithoutLabel == 0)
      #expect(try labels(task, ["", "none", "nothing", ""]).text?.answersWithoutLabel == 3)
      #expect(
        read.notes.dropLast() == ["1 of 4 records show no scored diagnosis, and count as negatives of all", "noted"])
      // Two of the three classes are in a record each.
      #expect(read.notes.last?.contains("resamples lack a class") == true && read.text?.macroF1.low == nil)
      let refused = #expect(throws: UserError.self) { try task.check(.ecgbench) }
      #expect(refused?.kind == .usage)
      try task.check(.default)
      let twice = try String(contentsOf: place.appendingPathComponent("dx_mapping_scored.csv"), encoding: .utf8)
        .replacing("103,D3", with: "103,D0")
      try Data(twice.utf8).write(to: place.appendingPathComponent("dx_mapping_scored.csv"))
      let error = #expect(throws: UserError.self) { try LabelTask(name: "g12ec", diagnoses: DiagnosedFolder(place)) }
      #expect(error?.message.contains("abbreviated D0") == true)
    }
  }

  @Test func cpscNeedsNoTablesAndLeavesOutWhatIsNoneOfTheNine() throws {
    try withTemporaryFolder { place in
      let source = try folder(
        [
          ("A1", "426783006"), ("A2", "713427006,164931005"), ("A3", "10370003"), ("A4", "17338001,63593006"),
          ("A5", "Unknown"),
        ], tables: false, in: place)
      let task = try LabelTask(cpsc: source)
      #expect(task.items.map(\.question.id) == ["A1", "A2", "A4"])
      #expect(task.items.map(\.gold) == [["NORM"], ["RBBB", "STE"], ["PAC", "PVC"]])
      #expect(task.yesNoQuestions.count == 9 && task.yesNoQuestions[0].prompt == "Is this a normal ECG?")
      #expect(task.yesNoQuestions[7].prompt == "Does this ECG show ST-segment depression?")
      #expect(task.yesNoQuestions[1].prompt == "Does this ECG show atrial fibrillation?")
      #expect(task.space.listing.contains("I-AVB(First-degree atrioventricular block), LBBB(Left bundle branch block)"))
      #expect(
        source.undiagnosed == ["A5"]
          && source.remarks[0].hasSuffix("1 of 5 records have no diagnosis and are left out: A5"))
      let read = try labels(task, ["NORM", "RBBB(Right bundle branch block); STE", "PVC; PAC"])
      #expect(read.text?.exactSetAccuracy.value == 1 && read.ecgBench?.macroF1.value == 1)
      #expect(read.notes[1] == "1 records show none of the nine classes and are left out: A3")
      #expect(task.leftOut == ["A3", "A5"] && read.recordsWithoutLabel == 2)
      let bare = task.items.map { item in
        var prediction = Prediction(
          id: item.question.id, text: "",
          probabilities: Dictionary(uniqueKeysWithValues: task.space.classes.map { ($0, 0.5) }))
        prediction.hasText = false
        return prediction
      }
      let wordless = #expect(throws: UserError.self) {
        try task.report(Predictions(bare), rules: .ecgbench, bootstrap: Bootstrap(seed: 1), notes: [])
      }
      #expect(wordless?.kind == .badInput && wordless?.message.contains("no text") == true)
      // Classes that no record carries have no F1 but 0, and that is said.
      #expect(
        close(read.text?.macroF1.value, 5 / 9) && read.notes.contains { $0.contains("AF, I-AVB, LBBB, STD as 0") })
      // The published scorer knows only what occurs.
      #expect(read.table(by: .ecgbench).contains("100.0"))
      let none = #expect(throws: UserError.self) {
        try LabelTask(cpsc: folder([("B1", "10370003")], tables: false, in: place.appendingPathComponent("B").made()))
      }
      #expect(none?.kind == .badInput)
    }
  }

  private func probabilities(_ task: LabelTask, _ change: (inout [String: Double], Int) -> Void) -> [Prediction] {
    task.items.enumerated().map { place, item in
      var values = Dictionary(uniqueKeysWithValues: task.space.classes.map { ($0, item.gold.contains($0) ? 0.9 : 0.2) })
      change(&values, place)
      return Prediction(id: item.question.id, text: "", probabilities: values)
    }
  }

  private var made: LabelTask {
    let golds: [Set<String>] = [["NORM"], ["MI", "CD"], ["STTC"], [], ["CD"], ["NORM"]]
    return LabelTask(
      name: "ptb-xl-super", space: .ptbXLSuper, subset: "made",
      items: golds.enumerated().map { place, gold in
        LabelItem(TextQuestion(id: "\(place)", prompt: "?", shown: ["r\(place / 2)"]), gold: gold)
      })
  }

  @Test func probabilitiesOfAFileAreScoredWhateverItsOrder() throws {
    let answers = probabilities(made) { values, place in if place == 1 { values["CD"] = 0.1 } }
    let read = try report(made, answers)
    #expect(read.records == 5 && read.recordsWithoutLabel == 1 && read.text == nil && read.ecgBench == nil)
    #expect(read.probabilities?.undefinedClasses == ["HYP"])
    #expect(close(read.probabilities?.macroAUC.value, (1 + 1 + 1 + 0.5) / 4))
    #expect(try report(made, answers.reversed()) == read)
    #expect(read.notes.contains { $0.contains("4 of 5 classes: HYP") })
    // Through a file, bit for bit.
    let lines = try Predictions(answers).jsonLines()
    #expect(try Predictions(jsonLines: lines, source: "made").predictions == answers)
    #expect(try report(made, Predictions(jsonLines: lines, source: "made").predictions) == read)
    // As published before there were other tasks.
    let json = try #require(try JSONSerialization.jsonObject(with: read.json()) as? [String: Any])
    #expect(
      Set(json.keys)
        == ["subset", "records", "recordsWithoutSuperclass", "positives", "bootstrap", "probabilities", "remarks"])
    #expect(try JSONDecoder().decode(LabelReport.self, from: read.json()) == read)
    var other = read
    other.task = "cpsc-2018"
    #expect(try JSONDecoder().decode(LabelReport.self, from: other.json()) == other)
  }

  @Test func probabilitiesThatCannotBeScoredAreRefusedByName() throws {
    func refused(_ answers: [Prediction]) -> String {
      #expect(throws: UserError.self) { try report(made, answers) }?.message ?? ""
    }
    #expect(refused(probabilities(made) { $0["MI"] = $1 == 2 ? nil : 0.5 }).contains("record 2: no probability of MI"))
    #expect(refused(probabilities(made) { values, _ in values["MIX"] = 0.5 }).contains("\"MIX\""))
    #expect(refused(probabilities(made) { values, _ in values["MI"] = 1.5 }).contains("probability of MI is 1.5"))
    #expect(refused(probabilities(made) { values, _ in values["MI"] = .nan }).contains("score of MI is nan"))
    #expect(refused(Array(probabilities(made) { _, _ in }.dropLast())).contains("1 of 6 questions"))
    var mixed = probabilities(made) { _, _ in }
    mixed[1].probabilities = nil
    #expect(refused(mixed).contains("record 1 has no probabilities"))
    #expect(throws: UserError.self) { try Predictions(mixed + mixed) }
    for line in [#"{"id":"1","probabilities":{"MI":"x"}}"#, #"{"id":"1","probabilities":{"MI":NaN}}"#] {
      #expect(throws: UserError.self) { try Predictions(jsonLines: Data(line.utf8), source: "made") }
    }
  }

  /// Six questions about three recordings are three things to draw.
  @Test func questionsAboutOneRecordingAreDrawnTogether() throws {
    func width(_ subject: (Int) -> String) throws -> Double {
      let items = (0..<40).map { place in
        LabelItem(
          TextQuestion(id: "\(place)", prompt: "?", shown: [subject(place)]), gold: place < 20 ? ["MI"] : ["CD"])
      }
      let task = LabelTask(name: "t", space: .ptbXLSuper, subset: "s", items: items)
      let accuracy = try labels(task, items.map { _ in "MI" }).text?.exactSetAccuracy
      #expect(accuracy?.value == 0.5)
      return (accuracy?.high ?? 0) - (accuracy?.low ?? 0)
    }
    #expect(try width { "r\($0 / 10)" } > 2 * width { "r\($0)" })
  }

  private func conversations(_ answers: [String]) -> [Conversation] {
    answers.enumerated().map { place, answer in
      Conversation(
        id: "\(place)", images: ["p\(place).png"],
        turns: [.init(.human, "which?", images: 1), .init(.assistant, answer)], place: "entry \(place)")
    }
  }

  @Test func referencesOfConversationsAreReadByNameAndByThePublishedRules() throws {
    let answers = ["AF(Atrial fibrillation); PVC(Premature ventricular contraction)", "NORM", "ST-segment elevation"]
    let task = try LabelTask(
      name: "cpsc-2018", space: .cpsc2018, subset: "made", conversations: conversations(answers),
      keys: ["0", "1", "2"])
    #expect(task.items.map(\.gold) == [["AF", "PVC"], ["NORM"], ["STE"]] && task.yesNoQuestions.isEmpty)
    #expect(task.items.map(\.publishedGold) == [["AF", "PVC"], ["NORM"], []])
    let read = try labels(task, ["AF and PVC", "ABNORMAL", "STE"])
    #expect(read.text.map { $0.answersWithoutLabel } == 1 && close(read.text?.exactSetAccuracy.value, 2 / 3))
    #expect(read.ecgBench?.macroF1.value == 1 && read.ecgBench?.droppedLabels == ["STE"])
    let error = #expect(throws: UserError.self) {
      try LabelTask(
        name: "cpsc-2018", space: .cpsc2018, subset: "", conversations: conversations(["nothing"]), keys: ["0"]
      ).check(.default)
    }
    #expect(error?.message.contains("entry 0") == true && error?.kind == .badInput)
  }

  /// A question about normal or abnormal says nothing of diagnoses, and the other way round.
  @Test func whatWasNotAskedDoesNotCount() throws {
    let answers = ["NORM", "ABNORMAL", "RBBB(right bundle branch block)", "AF(atrial fibrillation)"]
    let task = try LabelTask(
      name: "code-15", space: .code15, subset: "made", conversations: conversations(answers),
      keys: ["0", "1", "2", "3"])
    #expect(task.items.map { $0.asked?.count } == [2, 2, 6, 6])
    let read = try labels(task, ["normal, no AF", "ABNORMAL: AF", "abnormal ECG with RBBB", "Answer: AF"])
    #expect(read.text?.exactSetAccuracy.value == 1 && read.text?.hammingLoss.value == 0)
    // The published scorer finds AF and ABNORMAL there, and "normal" nowhere.
    #expect(read.ecgBench?.macroF1.value ?? 1 < 1 && read.ecgBench?.droppedLabels == [])
    let probabilities = Dictionary(uniqueKeysWithValues: task.space.classes.map { ($0, 0.5) })
    let given = task.items.map { Prediction(id: $0.question.id, text: "", probabilities: probabilities) }
    let error = #expect(throws: UserError.self) { _ = try report(task, given) }
    #expect(error?.message.contains("asks about some of the classes") == true && error?.exitCode == 65)
  }

  @Test func examsWithoutAPatientAreDrawnOneByOneAndThatIsSaid() throws {
    try withTemporaryFolder { folder in
      func remarks(_ patients: [String]) throws -> [String] {
        let rows = patients.enumerated().map { exam, patient in
          "\(exam),\(exam == 0 ? "True" : "False"),False,False,False,False,False,\(patient),False,exams_part0.hdf5\n"
        }
        try Data(("exam_id,1dAVb,RBBB,LBBB,SB,ST,AF,patient_id,normal_ecg,trace_file\n" + rows.joined()).utf8)
          .write(to: folder.appendingPathComponent("exams.csv"))
        let task = try LabelTask(code15: CODE15Dataset(path: folder, needsTracings: false))
        return try labels(task, patients.map { _ in "ABNORMAL" }).remarks.filter { $0.contains("resamples draw") }
      }
      let known = "3 records of 2 patients, which resamples draw with all their records"
      let alone = "2 of which none is known are drawn by themselves"
      let told = try [["7", "7", "9"], ["7", "", "7", "9", ""], ["", ""]].map(remarks)
      #expect(told == [[known], ["\(known); \(alone)"], []])
    }
  }

  @Test(.enabled(if: SharedFiles.has("data/cinc-2021")))
  func theChallengesRecordsAreScoredByTheirOwnLabels() throws {
    for (name, classes) in [("G12EC", 5), ("Chapman-Ningbo", 5)] {
      let source = try DiagnosedFolder(SharedFiles.url("data/cinc-2021/\(name)"))
      let task = try LabelTask(name: name, diagnoses: source)
      #expect(source.scoredClasses.count == 24 && task.space.classes.count > classes)
      let truth = task.items.map { item in task.space.classes.filter(item.gold.contains).joined(separator: "; ") }
      let read = try labels(task, truth)
      #expect(read.text?.exactSetAccuracy.value == 1 && read.records == source.records.count)
      #expect(read.positives.values.allSatisfy { $0 > 0 })
    }
    let task = try LabelTask(cpsc: DiagnosedFolder(SharedFiles.url("data/cinc-2021/CPSC2018")))
    #expect(task.items.map(\.gold) == [["AF"], ["AF"]])
  }
}

extension URL {
  /// The folder, made.
  fileprivate func made() throws -> URL {
    try FileManager.default.createDirectory(at: self, withIntermediateDirectories: true)
    return self
  }
}
