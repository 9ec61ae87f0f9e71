import Corpus
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Evaluation

@Suite struct PredictionsTests {
  private func read(_ text: String) throws -> [Prediction] {
    try Predictions(jsonLines: Data(text.utf8), source: "p.jsonl").predictions
  }

  private func message(_ text: String) -> String {
    let error = #expect(throws: UserError.self) { try read(text) }
    #expect(error?.kind == .badInput)
    return error?.message ?? ""
  }

  @Test func bothPublishedFormsAreRead() throws {
    let text = """
      {"question_id": "a-1", "prompt": "p", "text": "NORM", "model_id": "m"}\r
      {"id": "a-2", "response": "Grüße \\u00e9\\n"}

      {"id": "ignored", "question_id": 7, "text": "t", "response": "t", "prompt": {"prompt": "q"}}
      """
    #expect(
      try read(text) == [
        Prediction(id: "a-1", prompt: "p", text: "NORM"), Prediction(id: "a-2", text: "Grüße é\n"),
        Prediction(id: "7", prompt: "q", text: "t"),
      ])
  }

  @Test func whatIsWrongIsSaidWithItsLine() {
    let good = #"{"id": "1", "response": "x"}"# + "\n"
    #expect(message(good + "{oops").contains("p.jsonl, line 2: not valid JSON at byte 1: a key is missing"))
    #expect(message(good + "[1]").contains("line 2: a JSON list, not an object"))
    #expect(message(good + "17").contains("line 2: a JSON value, not an object"))
    #expect(message(good + "\n" + #"{"id": "2"}"#).contains("line 3: neither \"text\" nor \"response\""))
    #expect(message(#"{"text": "x"}"#).contains("line 1: neither \"question_id\" nor \"id\""))
    #expect(message(good + #"{"id": "2", "text": 5}"#).contains("line 2: \"text\" is of the wrong type"))
    #expect(message(good + good).contains("line 2 (first in line 1): id \"1\" occurs twice"))
    #expect(message(good + #"{"question_id": "1", "text": ""}"#).contains("occurs twice"))
    for word in ["NaN", "Infinity", "-Infinity"] {
      let line = #"{"id": "2", "text": "Na\"N", "probabilities": {"MI": 0.5, "CD": "# + word + "}}"
      #expect(message(good + line).contains("line 2: \(word) is no number that JSON knows"))
    }
    #expect(message(good + #"{"id": "2", "text": "NaN""#).contains("line 2: not valid JSON"))
    #expect(message(good + #"{"id": "2", "text": "a", "response": "b"}"#).contains("\"text\" and \"response\" differ"))
    #expect(message(good + #"{"id": "2", "probabilities": {"MI": null}}"#).contains("line 2: \"MI\" is null"))
    for value in [#""0.5""#, "true", "[0.5]"] {
      let line = #"{"id": "2", "probabilities": {"MI": "# + value + "}}"
      #expect(message(good + line).contains("line 2: the probability of \"MI\" is no number"))
    }
    #expect(message("").contains("no prediction") && message("\n \n").contains("no prediction"))
  }

  @Test func otherFormsOfAFileAreToldApart() {
    let object = "{\n  \"id\": \"1\",\n  \"text\": \"x\"\n}\n"
    #expect(message(#"[{"id": "1", "text": "x"}]"#) == "p.jsonl is a JSON list")
    #expect(message("[\n" + object + "]\n") == "p.jsonl is a JSON list")
    #expect(message(object) == "p.jsonl is one JSON object over several lines")
    #expect(message(object + object) == "p.jsonl, line 1: JSON over several lines")
    #expect(
      message(#"{"id": "1", "probabilities": {"MI": 1e999}}"#).contains("number 1e999 is beyond a double's range"))
    let good = Data(#"{"id": "1", "text": "x"}"#.utf8) + Data("\n".utf8)
    let others: [(bytes: Data, words: String)] = [
      (Data([0xFF, 0xFE, 0x7B, 0x00]), "p.jsonl is UTF-16 text"),
      (Data([0xFE, 0xFF, 0x00, 0x7B]), "p.jsonl is UTF-16 text"),
      (Data([0x1F, 0x8B, 0x08, 0x00]), "p.jsonl is compressed by gzip"),
      (good + Data(#"{"id": "2", "text": ""#.utf8) + Data([0xE9, 0x22, 0x7D]), "p.jsonl, line 2: not UTF-8 text"),
    ]
    for (bytes, words) in others {
      let error = #expect(throws: UserError.self) { try Predictions(jsonLines: bytes, source: "p.jsonl") }
      #expect(error?.message == words && error?.kind == .badInput)
    }
  }

  @Test func whatPythonReadsIsRead() throws {
    let lines = [#"{"id": "1", "text": "x"}"#, #"{"id": "2", "text": "y"}"#, #"{"id": "3"}"#]
    #expect(try read(lines.prefix(2).joined(separator: "\r") + "\r").map(\.text) == ["x", "y"])
    #expect(message(lines.joined(separator: "\r")).contains("p.jsonl, line 3: neither"))
    let halves = #"{"id": "1", "text": "a\ud800b \udc00\ud800\u0041 \ud83d\ude00"}"#
    #expect(try read(halves).map(\.text) == ["a\u{FFFD}b \u{FFFD}\u{FFFD}A 😀"])
    let repeated = #"{"id": "1", "text": "a", "id": "2", "text": "b", "probabilities": {"MI": 1, "MI": 1e-999}}"#
    #expect(try read(repeated) == [Prediction(id: "2", text: "b", probabilities: ["MI": 0])])
  }

  @Test func whatIsNoFileIsSaidAndAPipeIsRead() throws {
    try withTemporaryFolder { folder in
      func message(_ file: URL) -> String {
        let error = #expect(throws: UserError.self) { try Predictions(contentsOf: file) }
        #expect(error?.kind == .inputOutput)
        return error?.message ?? ""
      }
      let pipe = folder.appendingPathComponent("pipe")
      #expect(message(folder) == "\(folder.path) is a folder")
      #expect(message(pipe) == "\(pipe.path) does not exist")
      #expect(mkfifo(pipe.path, 0o600) == 0)
      #expect(InputFile(pipe).isPipe && !InputFile(folder).isPipe)
      // More than a pipe holds at a time.
      let whole = try Predictions((0..<4000).map { Prediction(id: "\($0)", text: "sinus rhythm of question \($0)") })
      let (path, lines) = (pipe.path, try whole.jsonLines())
      Thread {
        let end = FileHandle(forWritingAtPath: path)
        try? end?.write(contentsOf: lines)
        try? end?.close()
      }.start()
      #expect(try Predictions(contentsOf: pipe) == whole)
    }
  }

  private var labels: LabelTask {
    LabelTask(
      name: "ptb-xl-super", space: .ptbXLSuper, subset: "made",
      items: (0..<4).map { place in
        LabelItem(TextQuestion(id: "\(place)", prompt: "?", shown: ["r\(place)"]), gold: [["NORM", "MI"][place % 2]])
      })
  }

  /// A line of each record, after a blank one.
  private func predictions(_ source: String, _ change: (inout [String: Any], Int) -> Void) throws -> Predictions {
    let lines = try (0..<4).map { place in
      let values = Dictionary(uniqueKeysWithValues: labels.space.classes.map { ($0, $0 == "MI" ? 0.75 : 0.25) })
      var line: [String: Any] = ["id": "\(place)", "text": "MI", "probabilities": values]
      change(&line, place)
      return try JSONSerialization.data(withJSONObject: line)
    }
    return try Predictions(jsonLines: Data("\n".utf8) + Data(lines.joined(separator: Data("\n".utf8))), source: source)
  }

  private func report(_ predictions: Predictions) throws -> LabelReport {
    let few = try Bootstrap(seed: 1, replicates: 20, level: 0.95)
    return try #require(
      try labels.report(predictions, rules: .default, bootstrap: few, notes: []) as? LabelReport)
  }

  @Test func textsOfSomeLinesAreRefusedAndOfNoneLeftOutWithTheReason() throws {
    let some = try predictions("p.jsonl") { line, place in if place > 1 { line["text"] = nil } }
    let refused = #expect(throws: UserError.self) { try report(some) }
    #expect(refused?.kind == .badInput)
    #expect(refused?.message == "p.jsonl, line 4: record 2 has no text, though others have")
    let none = try predictions("p.jsonl") { line, _ in line["text"] = nil }
    let read = try report(none)
    #expect(read.text == nil && read.ecgBench == nil && read.probabilities != nil)
    #expect(read.remarks.contains("the predictions hold no text, so that probabilities alone are scored"))
    #expect(try Predictions(jsonLines: none.jsonLines(), source: "again") == none)
    // Empty texts are answers where others say something.
    let silent = try report(predictions("p.jsonl") { line, place in if place > 1 { line["text"] = "" } })
    #expect(silent.text?.answersWithoutLabel == 2 && !silent.remarks.contains { $0.contains("hold no text") })
    // Where text alone counts a line without it is none.
    let item = ReportTask.Item(TextQuestion(id: "0", prompt: "?", shown: ["r"]), reference: "sinus rhythm")
    let task = ReportTask(name: "reports", subset: "made", items: [item])
    let line = try Predictions(jsonLines: Data(#"{"id": "0", "probabilities": {"MI": 1}}"#.utf8), source: "q.jsonl")
    let textless = #expect(throws: UserError.self) { try task.scores(line, rules: .default) }
    #expect(textless?.message == "q.jsonl, line 1: record 0 has no text, and reports is answered by text")
  }

  @Test func faultsOfProbabilitiesNameFileAndLine() throws {
    func told(_ change: (inout [String: Any], Int) -> Void) -> String {
      #expect(throws: UserError.self) { try report(predictions("p.jsonl", change)) }?.message ?? ""
    }
    func value(_ value: Double?) -> (inout [String: Any], Int) -> Void {
      { line, place in
        guard place == 2, var values = line["probabilities"] as? [String: Double] else { return }
        values["MI"] = value
        line["probabilities"] = values
      }
    }
    #expect(told(value(1.25)) == "p.jsonl, line 4: record 2: the probability of MI is 1.25")
    #expect(told(value(nil)) == "p.jsonl, line 4: record 2: no probability of MI")
    let some = told { line, place in if place == 1 { line["probabilities"] = nil } }
    #expect(some == "p.jsonl, line 3: record 1 has no probabilities, though others have")
    // Of two files it is said which.
    let few = try Bootstrap(seed: 1, replicates: 20, level: 0.95)
    let (sound, odd) = (try predictions("p.jsonl") { _, _ in }, try predictions("q.jsonl", value(-0.5)))
    let second = #expect(throws: UserError.self) {
      try labels.comparison(sound, with: odd, from: "other", rules: .default, bootstrap: few)
    }
    #expect(second?.message == "q.jsonl, line 4: record 2: the probability of MI is -0.5")
  }

  @Test func aLogThatCannotBeReadIsNotTakenForNone() throws {
    try withTemporaryFolder { folder in
      let log = AnswerLog(for: folder.appendingPathComponent("a.jsonl"), fingerprint: "f")
      #expect(try log.answers(to: []).isEmpty)
      try FileManager.default.createDirectory(at: log.file, withIntermediateDirectories: false)
      let error = #expect(throws: UserError.self) { try log.answers(to: []) }
      #expect(error?.kind == .inputOutput && error?.message == "\(log.file.path) is a folder")
    }
  }

  @Test func missingAndStrayAnswersAreNamed() throws {
    let predictions = try Predictions([Prediction(id: "1", text: ""), Prediction(id: "3", text: "")])
    #expect(try predictions.answers(to: ["3", "1"], benchmark: "b").map(\.id) == ["1", "3"])
    let missing = #expect(throws: UserError.self) { try predictions.answers(to: ["1", "2", "3"], benchmark: "b") }
    #expect(missing?.message == "1 of 3 questions of b have no prediction: 2")
    let stray = #expect(throws: UserError.self) { try predictions.answers(to: ["1"], benchmark: "b") }
    #expect(stray?.message == "1 predictions answer no question of b: 3")
  }

  /// Data that repeat an id number their entries; a file of predictions does not know that by itself.
  @Test func idsThatTheDataRepeatAreExplained() throws {
    let ids = ConversationDataset.keys(of: ["1", "1", "2", "", "1"])
    #expect(ids == ["1", "1#2", "2", "#1", "1#3"])
    func remedy(_ given: [String], _ asked: [String]) throws -> String {
      let predictions = try Predictions(given.map { Prediction(id: $0, text: "") })
      return #expect(throws: UserError.self) { try predictions.answers(to: asked, benchmark: "b") }?.remedy ?? ""
    }
    #expect(try remedy(["1", "2"], ids).contains(#"repeats the id "1": its entry number 2 of that id is "1#2""#))
    #expect(try remedy(["1", "2", "1#2"], ids).contains("with an empty id is \"#1\""))
    #expect(try remedy(["1", "2", "1#2", "#1"], ids).contains(#"its entry number 3 of that id is "1#3""#))
    #expect(try !remedy(["1"], ["1", "2", "x#2", "3#"]).contains("repeats"))
    let named = try Predictions(ids.map { Prediction(id: $0, text: "") })
    #expect(try named.answers(to: ids, benchmark: "b").count == 5)
    let twice = #expect(throws: UserError.self) {
      try Predictions([Prediction(id: "1", text: ""), Prediction(id: "1", text: "")])
    }
    #expect(twice?.remedy.contains(#"has its second entry as "1#2""#) == true)
  }

  @Test func whatIsWrittenIsReadBack() throws {
    let predictions = try Predictions([
      Prediction(id: "a/1", prompt: "<image>\nWhat?", text: "line one\nline two\r\n\"quoted\" \\ \u{2028} 🫀 \u{0}"),
      Prediction(id: "7", text: ""),
    ])
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("p.jsonl")
      try predictions.write(to: file)
      #expect(try Predictions(contentsOf: file) == predictions)
      let missing = #expect(throws: UserError.self) {
        try Predictions(contentsOf: folder.appendingPathComponent("none"))
      }
      #expect(missing?.kind == .inputOutput)
      let blocked = #expect(throws: UserError.self) {
        try predictions.write(to: folder.appendingPathComponent("no/such/folder"))
      }
      #expect(blocked?.kind == .inputOutput)
    }
  }

  @Test func damagedFilesAreRefusedOrReadButNeverTrap() throws {
    let whole = try Predictions((0..<6).map { Prediction(id: "q\($0)", prompt: "ask \($0)", text: "Sinus é \($0)") })
      .jsonLines()
    var random = CounterRandom(seed: 2, purpose: "fuzz")
    for _ in 0..<2000 {
      var bytes = Array(whole.prefix(random.integer(below: whole.count + 1)))
      for _ in 0..<random.integer(below: 4) where !bytes.isEmpty {
        bytes[random.integer(below: bytes.count)] = UInt8(random.integer(below: 256))
      }
      do { _ = try Predictions(jsonLines: Data(bytes), source: "p") } catch { #expect(error is UserError) }
    }
    let deep = String(repeating: "[", count: 100_000)
    #expect(throws: UserError.self) { try Predictions(jsonLines: Data(deep.utf8), source: "p") }
    let deepValue = #"{"id": "1", "text": "x", "prompt": "# + String(repeating: #"{"a":"#, count: 50_000)
    #expect(throws: UserError.self) { try Predictions(jsonLines: Data(deepValue.utf8), source: "p") }
  }
}
