import Corpus
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Evaluation

@Suite struct TaskTests {
  private let few = try? Bootstrap(seed: 3, replicates: 200, level: 0.9)

  private func scores(
    _ hits: [Double], groups: [String]? = nil, subjects: [String]? = nil, ids: [String]? = nil
  ) throws -> ItemScores {
    try ItemScores(
      task: "t", subset: "s", rules: .default, ids: ids ?? hits.indices.map { "\($0)" }, groups: groups,
      subjects: subjects, measures: [ItemScores.Measure("accuracy", hits, isShare: true)])
  }

  @Test func meansAreOfAllItemsAndOfEachKind() throws {
    let report = try scores([1, 0, 1, 1], groups: ["b", "a", "a", "b"]).report(#require(few))
    #expect(report.rows.map(\.group) == ["", "a", "b"] && report.rows.map(\.items) == [4, 2, 2])
    #expect(report.rows.map(\.value.value) == [0.75, 0.5, 1])
    #expect(try scores([1, 0]).report(#require(few)).rows.count == 1)
    #expect(try JSONDecoder().decode(ScoreReport.self, from: report.json()) == report)
    #expect(report.table().contains("accuracy, a") && report.table().contains("0.750"))
  }

  /// Ten questions about each of four recordings say no more than four recordings do.
  @Test func questionsAboutOneRecordingAreDrawnTogether() throws {
    let hits = (0..<40).map { $0 < 20 ? 1.0 : 0 }
    let alone = try scores(hits).report(#require(few)).rows[0].value
    let together = try scores(hits, subjects: (0..<40).map { "r\($0 / 10)" }).report(#require(few)).rows[0].value
    let widths = [alone, together].map { ($0.high ?? 0) - ($0.low ?? 0) }
    #expect(alone.value == 0.5 && together.value == 0.5 && widths[1] > 2 * widths[0], "\(widths)")
    let one = try scores(hits, subjects: hits.map { _ in "r" }).report(#require(few))
    #expect(one.rows[0].value.low == nil && one.notes.count == 1 && one.notes[0].contains("no interval"))
    #expect((together.low ?? 1) <= 0.25 && (together.high ?? 0) >= 0.75)
  }

  @Test func differencesArePairedByItem() throws {
    let ids = (0..<30).map { "\($0)" }
    let (one, other) = (ids.map { Int($0)! % 2 == 0 ? 1.0 : 0 }, ids.map { Int($0)! % 4 == 0 ? 1.0 : 0 })
    let first = try scores(one, ids: ids)
    let second = try scores(other.reversed(), ids: ids.reversed())
    let found = try first.differences(from: second, #require(few))
    #expect(found.count == 1 && abs((found[0].difference.difference.value ?? 0) - 7 / 30) < 1e-12)
    #expect((found[0].difference.pValue ?? 1) < 0.05)
    #expect(throws: UserError.self) { try first.differences(from: try scores([1, 0]), Bootstrap()) }
    #expect(throws: UserError.self) { try scores([]) }
    #expect(throws: UserError.self) { try scores([1, 1], ids: ["a", "a"]) }
  }

  @Test(arguments: [
    ("What is it?\nA. one\nB. two", ["one", "two"]),
    ("Q\n(A) x, y\n(B) z\n\nThe last line is \"Answer: $LETTER\"", ["x, y", "z"]),
    ("Q A. one B. two and more C: no", ["one", "two and more", "no"]), ("Q\nA) a\nB) b\nC) c", ["a", "b", "c"]),
    ("A. only", ["only"]), ("Answer A or B", []), ("B. second\nA. first", ["first"]), ("", []),
  ]) func optionsAreReadFromTheQuestion(question: String, options: [String]) {
    #expect(ChoiceTask.options(in: question) == options)
  }

  private func conversations(_ entries: [(id: String, question: String, answer: String)]) -> [Conversation] {
    entries.map { entry in
      Conversation(
        id: entry.id, images: ["p.png"],
        turns: [.init(.human, entry.question, images: 1), .init(.assistant, entry.answer)], place: "entry \(entry.id)")
    }
  }

  private func choice(_ answers: [String], name: String = "choice") throws -> ChoiceTask {
    let question = "Which?\nA. sinus rhythm\nB. atrial fibrillation\nC. flutter\nD. none of them"
    let entries = answers.enumerated().map { (id: "\($0)", question: question, answer: $1) }
    return try ChoiceTask(
      name: name, subset: "made", conversations: conversations(entries), keys: entries.map(\.id))
  }

  @Test func lettersAreComparedAndWhatCannotBeReadIsCounted() throws {
    let task = try choice(["A", "B. atrial fibrillation", "C", "D"], name: "g12ec")
    let texts = ["Answer: A", "The answer is (B).", "I cannot tell", "D."]
    let predictions = try Predictions(texts.enumerated().map { Prediction(id: "\($0)", text: $1) })
    let plain = try task.scores(predictions, rules: .default)
    #expect(plain.measures == [.init("accuracy", [1, 1, 0, 1], isShare: true)])
    #expect(plain.counts == [.init("answers without a letter", 1)] && plain.notes.isEmpty)
    let published = try task.scores(predictions, rules: .ecgbench)
    #expect(published.measures[0].values[0] == 1 && published.measures[0].values[3] == 1)
    // "(B)." holds no "B.", and "The answer is" is no cue of the published rules: two letters are drawn.
    #expect(published.counts[0] == .init("answers drawn at random", 2))
    #expect(published.notes.first?.contains("2026 lines") == true)
    #expect(task.including { $0.id == "1" }.questions.map(\.id) == ["1"])
  }

  @Test func thePublishedRulesAreOfTheThreePublishedSetsAlone() throws {
    let answers = ["A", "B. atrial fibrillation", "C", "D"]
    let truth = try Predictions(answers.enumerated().map { Prediction(id: "\($0)", text: String($1.prefix(1))) })
    let own = try choice(answers)
    try own.check(.default)
    let unchecked = #expect(throws: UserError.self) { try own.check(.ecgbench) }
    let unscored = #expect(throws: UserError.self) { try own.scores(truth, rules: .ecgbench) }
    for refused in [unchecked, unscored] {
      #expect(refused?.kind == .usage && refused?.message.hasPrefix("choice: ECGBench scores three sets") == true)
      #expect(refused?.remedy.contains("--task mmmu-ecg") == true)
    }
    // By name: eight-option sets take the first character of a reference, MMMU-ECG the whole, and that is said.
    let named: [(name: String, hits: [Double])] = [("csn", [1, 1, 1, 1]), ("mmmu-ecg", [1, 0, 1, 1])]
    for (name, hits) in named {
      let task = try choice(answers, name: name)
      try task.check(.ecgbench)
      let scores = try task.scores(truth, rules: .ecgbench)
      #expect(scores.measures[0].values == hits, "\(name)")
      #expect(scores.notes.contains { $0.hasPrefix("1 of 4 references are no letter") } == (name == "mmmu-ecg"))
    }
  }

  @Test func anEntryThatIsNoMultipleChoiceIsNamed() {
    for (question, answer, what) in [
      ("no options here", "A", "no options"), ("Q\nA. x\nB. y", "neither", "is none of the options"),
      ("Q\nA. x\nB. y", "E", "is none of the options"),
    ] {
      let entries = conversations([(id: "7", question: question, answer: answer)])
      let error = #expect(throws: UserError.self) {
        try ChoiceTask(name: "choice", subset: "", conversations: entries, keys: ["7"]).check(.default)
      }
      #expect(error?.kind == .badInput && error?.message.contains("entry 7: ") == true)
      #expect(error?.message.contains(what) == true, "\(what)")
    }
  }

  @Test func aReferenceThatIsNoOptionCountsByThePublishedRulesAlone() throws {
    let predictions = try Predictions([Prediction(id: "7", text: "A. x")])
    let letters = try ChoiceTask(
      name: "csn", subset: "", conversations: conversations([(id: "7", question: "Q\nA. x\nB. y", answer: "neither")]),
      keys: ["7"])
    #expect(try letters.scores(predictions, rules: .ecgbench).measures[0].values == [0])
    #expect(throws: UserError.self) { try letters.scores(predictions, rules: .default) }
    let options = try OptionTask(
      name: "ecg-qa", subset: "",
      conversations: [
        Conversation(
          id: "7", images: [], turns: [.init(.human, "Q?\nOptions: x, y"), .init(.assistant, "z", parts: ["z"])],
          place: "")
      ], keys: ["7"])
    #expect(try options.scores(predictions, rules: .ecgbench).measures[0].values == [0])
    #expect(throws: UserError.self) { try options.scores(predictions, rules: .default) }
  }

  /// By the published rules the list itself is compared, so that an option with a comma in it is never found.
  @Test func aReferenceThatIsAListIsComparedAsOneByThePublishedRules() throws {
    let entry = Conversation(
      id: "7", images: [],
      turns: [
        .init(.human, "Q?\nOptions: a wave, large, none"), .init(.assistant, "a wave, large", parts: ["a wave, large"]),
      ],
      place: "")
    let task = try OptionTask(name: "ecg-qa", subset: "", conversations: [entry], keys: ["7"])
    let predictions = try Predictions([Prediction(id: "7", text: "A wave, large.")])
    #expect(try task.scores(predictions, rules: .default).measures[0].values == [1])
    #expect(try task.scores(predictions, rules: .ecgbench).measures[0].values == [0])
  }

  /// - Parameter notes: of some of the nine diagnoses, by their number.
  private func diagnosed(
    in folder: URL, _ records: [(String, String)], notes: [Int: String] = [:]
  ) throws -> DiagnosedFolder {
    let table = (0..<9).map { "diagnosis \($0),10\($0),D\($0),1,\(notes[$0] ?? "")\n" }.joined()
    try Data(("Dx,SNOMED CT Code,Abbreviation,CPSC,Notes\n" + table).utf8)
      .write(to: folder.appendingPathComponent("dx_mapping_scored.csv"))
    for (name, diagnoses) in records {
      try Data("\(name) 1 500 10\n\(name).mat 16+24 1000/mV 16 0 0 0 0 I\n# Dx: \(diagnoses)\n".utf8)
        .write(to: folder.appendingPathComponent("\(name).hea"))
    }
    return try DiagnosedFolder(folder)
  }

  @Test func eightOptionsAreDrawnByTheRecordsName() throws {
    try withTemporaryFolder { folder in
      let records = [("E1", "100,101"), ("E2", "101,100"), ("E3", "102"), ("E4", "777,103"), ("E5", "Unknown")]
      let source = try diagnosed(in: folder, records)
      #expect(source.records.map(\.id) == ["E1", "E2", "E3", "E4"] && source.remarks.count == 2)
      #expect(source.remarks[0].contains("1 of 5 records") && source.remarks[1].contains("777"))
      let task = try ChoiceTask(name: "g12ec", diagnoses: source)
      for item in task.items {
        #expect(item.options.count == 8 && Set(item.options).count == 8)
        #expect(ChoiceTask.options(in: item.question.prompt) == item.options)
      }
      // No wrong option is right in part.
      for (item, record) in zip(task.items, source.records) {
        let sharing = item.options.filter { option in record.diagnoses.contains { option.contains($0.text) } }
        #expect(sharing.count == 1, "\(record.id): \(sharing)")
      }
      let place = try #require(DefaultScorer.letter(in: task.items[0].answer, options: task.items[0].options))
      let index = Int(try #require(place.unicodeScalars.first).value) - 65
      // E2's diagnoses are those of E1 in another order: no wrong option.
      let right = "D0(diagnosis 0), D1(diagnosis 1)"
      #expect(task.items[0].options[index] == right && task.items[1].options.contains(right))
      #expect(!task.items[1].options.contains("D1(diagnosis 1), D0(diagnosis 0)"))
      #expect(task.items[3].options.contains("777(SNOMED CT 777), D3(diagnosis 3)"))
      // Another folder of the same records, listed in another order.
      let again = try withTemporaryFolder { other in
        try ChoiceTask(name: "g12ec", diagnoses: diagnosed(in: other, records.reversed()))
      }
      #expect(again.items == task.items)
      #expect(Set(task.items.map(\.answer)).count > 1)
    }
  }

  /// 36 records of two diagnoses each, and one of a single one, which comes before another in the options of some alone.
  @Test func anotherRecordChangesFewOptions() throws {
    let pairs = (0..<9).flatMap { one in (one + 1..<9).map { ("P\(one)\($0)", "10\(one),10\($0)") } }
    func items(_ records: [(String, String)]) throws -> [ChoiceItem] {
      try withTemporaryFolder { folder in try ChoiceTask(name: "csn", diagnoses: diagnosed(in: folder, records)).items }
    }
    let (before, after) = (try items(pairs), try items(pairs + [("Q", "108")]))
    #expect(before.count == 36 && after.count == 37)
    var changed = 0
    for (one, other) in zip(before, after) {
      #expect(one.question.id == other.question.id)
      let further = Set(other.options).subtracting(one.options)
      if further.isEmpty {
        #expect(one == other)
      } else {
        // One option is exchanged, and the others keep their order.
        changed += 1
        let kept = one.options.filter(other.options.contains)
        #expect(further == ["D8(diagnosis 8)"] && kept.count == 7)
        #expect(other.options.filter(one.options.contains) == kept)
      }
    }
    // By a separate computation of the keys.
    #expect(changed == 10)
    #expect(before.count { $0.answer == "D" } == 10 && before.count { $0.answer == "G" } == 8)
  }

  /// The options of an item that name a diagnosis of the record, or one that is scored as the same.
  private func optionsThatHold(_ item: ChoiceItem, _ source: DiagnosedFolder) throws -> [String] {
    let record = try #require(source.records.first { $0.id == item.question.id })
    let right = record.diagnoses.flatMap { own in source.scoredClasses.first { $0.contains(own) } ?? [own] }
    return item.options.filter { option in right.contains { option.contains($0.text) } }
  }

  @Test func noWrongOptionIsScoredAsTheSame() throws {
    try withTemporaryFolder { folder in
      let same = "We score 107 and 108 as the same diagnosis."
      let records = [("E1", "107"), ("E2", "108"), ("E3", "108,100"), ("E4", "101"), ("E5", "102,103")]
      let source = try diagnosed(in: folder, records, notes: [7: same, 8: same])
      #expect(source.scoredClasses.count == 8)
      let task = try ChoiceTask(name: "g12ec", diagnoses: source)
      for item in task.items {
        let named = try optionsThatHold(item, source)
        #expect(named.count == 1 && Set(item.options).count == 8, "\(item.question.id): \(named)")
      }
      // Without the notes they are two diagnoses, and stand against each other.
      let apart = try withTemporaryFolder { other in
        try ChoiceTask(name: "g12ec", diagnoses: diagnosed(in: other, records))
      }
      #expect(try apart.items.contains { try optionsThatHold($0, source).count > 1 })
    }
  }

  @Test func aFolderWithoutDiagnosesOrTablesIsRefused() throws {
    try withTemporaryFolder { folder in
      #expect(throws: UserError.self) { try diagnosed(in: folder, [("E1", "Unknown")]) }
      try FileManager.default.removeItem(at: folder.appendingPathComponent("dx_mapping_scored.csv"))
      let error = #expect(throws: UserError.self) { try DiagnosedFolder(folder) }
      #expect(error?.message.contains("dx_mapping_scored.csv") == true)
    }
  }

  @Test(.enabled(if: SharedFiles.has("data/cinc-2021")))
  func theChallengesRecordsMakeEightOptionQuestions() throws {
    for name in ["G12EC", "Chapman-Ningbo"] {
      let source = try DiagnosedFolder(SharedFiles.url("data/cinc-2021/\(name)"))
      let task = try ChoiceTask(name: name == "G12EC" ? "g12ec" : "csn", diagnoses: source)
      #expect(source.records.count > 20 && task.items.allSatisfy { Set($0.options).count == 8 })
      #expect(source.scoredClasses.count == 27 - 3)
      for item in task.items {
        let named = try optionsThatHold(item, source)
        #expect(named.count == 1, "\(item.question.id): \(named)")
      }
      let truth = try Predictions(task.items.map { Prediction(id: $0.question.id, text: "Answer: \($0.answer)") })
      #expect(try task.scores(truth, rules: .default).measures[0].values.allSatisfy { $0 == 1 })
    }
  }

  @Test func reportsAreComparedByWordsAndStatements() throws {
    let items = ["Sinus rhythm, normal axis. Normal ECG.", "sinusrhythmus. linkstyp", "AF", "-"].enumerated().map {
      ReportTask.Item(TextQuestion(id: "\($0)", prompt: "report", shown: ["\($0)"]), reference: $1)
    }
    let task = ReportTask(name: "ptb-xl-report", subset: "made", items: items)
    let texts = ["normal ECG; sinus  rhythm", "Linkstyp:\nSinusrhythmus", "", ""]
    let predictions = try Predictions(texts.enumerated().map { Prediction(id: "\($0)", text: $1) })
    let scores = try task.scores(predictions, rules: .default)
    #expect(scores.measures.map(\.name) == ["token F1", "ROUGE-L", "statement F1"])
    #expect(scores.measures[2].values == [4 / 5, 1, 0, 1] && scores.measures[0].values == [0.8, 1, 0, 1])
    #expect(scores.measures[1].values[1] == 0.5 && scores.counts == [.init("empty reports", 2)])
    let lines = try task.export(predictions).split(separator: UInt8(ascii: "\n")).map {
      try JSONDecoder().decode([String: String].self, from: $0)
    }
    #expect(lines.count == 4 && lines[1]["reference"] == "sinusrhythmus. linkstyp" && lines[1]["answer"] == texts[1])
  }

  @Test func setsOfOptionsMustBeExact() throws {
    func item(_ id: String, _ options: [String], _ answers: [String], _ kind: String) -> OptionItem {
      let prompt = "Question: ?\nOptions: \(options.joined(separator: ", "))"
      return OptionItem(
        TextQuestion(id: id, prompt: prompt, shown: ["r\(id)"]), options: options, answers: answers, kind: kind)
    }
    let leads = ["lead I", "lead II", "None"]
    let task = OptionTask(
      name: "ecg-qa", subset: "made",
      items: [
        item("1", ["no", "yes"], ["yes"], "verify"), item("2", leads, ["lead I", "lead II"], "query"),
        item("3", leads, ["none"], "query"), item("4", leads, [], "query"), item("5", leads, ["lead II"], "query"),
      ], remarks: { ["said of \($0.count)"] })
    let texts = ["Yes, there is", "lead II, lead I", "none", "None", "lead I"]
    let predictions = try Predictions(texts.enumerated().map { Prediction(id: "\($0 + 1)", text: $1) })
    let plain = try task.scores(predictions, rules: .default)
    #expect(
      plain.measures[0].values == [1, 1, 1, 1, 0] && plain.groups == ["verify"] + Array(repeating: "query", count: 4))
    #expect(plain.notes == ["said of 5"] && plain.counts == [.init("answers that name no option", 0)])
    // By the published rules options with capitals are never found, so that a reference of "none" is never met.
    let published = try task.scores(predictions, rules: .ecgbench)
    #expect(published.measures[0].values == [1, 0, 0, 1, 0])
    // What counts as named is so by the rules in force: the capitals of lead I, lead II and None are not.
    #expect(published.counts == [.init("answers that name no option", 4)])
    #expect(throws: UserError.self) { try task.scores(Predictions([.init(id: "1", text: "x")]), rules: .default) }
  }

  /// As ECGBench's ecgqa-test has them: the reference a list, read as joined by commas.
  @Test func optionsOfConversationsAreReadFromTheirQuestions() throws {
    let pattern = "bigeminal pattern (unknown origin, supraventricular, or ventricular)"
    func prompt(_ options: String) -> String {
      "Question: What?\nOptions: \(options)\n\nOnly answer based on the given Options without any explanation."
    }
    let entries = [
      (id: "0", question: prompt("no, yes"), answer: "yes"),
      (id: "1", question: prompt("lead I, lead II, \(pattern), None"), answer: "\(pattern), lead II"),
      (id: "2", question: prompt("lead I, lead II, None"), answer: "none"),
    ]
    let task = try OptionTask(
      name: "ecg-qa", subset: "made", conversations: conversations(entries), keys: entries.map(\.id))
    #expect(task.items.map(\.answers) == [["yes"], [pattern, "lead II"], ["none"]])
    #expect(task.items[1].options == ["lead I", "lead II", pattern, "None"] && task.items[1].subject == "p.png")
    let predictions = try Predictions(
      ["Yes.", "Lead II and \(pattern)", "None"].enumerated().map { Prediction(id: "\($0)", text: $1) })
    #expect(try task.scores(predictions, rules: .default).measures[0].values == [1, 1, 1])
    // The published rules cut options at every comma, and never find "None".
    #expect(try task.scores(predictions, rules: .ecgbench).measures[0].values == [1, 0, 0])
    #expect(try task.scores(predictions, rules: .default).report(Bootstrap(seed: 1)).rows.count == 1)
    for (question, answer, what) in [
      (prompt("no, yes"), "maybe", "none of the options"), ("What?", "yes", "lists no options"),
    ] {
      let error = #expect(throws: UserError.self) {
        try OptionTask(
          name: "ecg-qa", subset: "", conversations: conversations([(id: "7", question: question, answer: answer)]),
          keys: ["7"]
        ).check(.default)
      }
      #expect(error?.message.contains("entry 7: ") == true && error?.message.contains(what) == true)
    }
  }

  @Test func aLogGivesBackWhatWasAnsweredByTheSameModelAlone() throws {
    try withTemporaryFolder { folder in
      let questions = (0..<4).map { TextQuestion(id: "\($0)", prompt: "p\($0)", shown: []) }
      func answer(_ index: Int) -> Prediction {
        Prediction(id: "\(index)", prompt: "p\(index)", text: "line\n\(index)")
      }
      let log = AnswerLog(for: folder.appendingPathComponent("a.jsonl"), fingerprint: "f")
      #expect(try log.answers(to: questions).isEmpty)
      try log.begin([])
      try log.append([answer(0), answer(1)])
      try log.append([answer(2)])
      #expect(try log.answers(to: questions) == [answer(0), answer(1), answer(2)])
      let another = AnswerLog(for: folder.appendingPathComponent("a.jsonl"), fingerprint: "g")
      let refused = #expect(throws: UserError.self) { try another.answers(to: questions) }
      #expect(refused?.kind == .usage && refused?.message.contains("another evaluation") == true)
      let whole = try Data(contentsOf: log.file)
      for count in 0..<whole.count {
        try whole.prefix(count).write(to: log.file)
        let found = try log.answers(to: questions)
        #expect(found == (0..<found.count).map(answer) && found.count < 4)
      }
      try whole.write(to: log.file)
      var other = questions
      other[1] = TextQuestion(id: "1", prompt: "another", shown: [])
      #expect(try log.answers(to: other) == [answer(0)])
      log.end()
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
  }
}
