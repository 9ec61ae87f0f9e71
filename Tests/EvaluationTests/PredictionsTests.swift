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

      {"id": "ignored", "question_id": 7, "text": "t", "response": "r", "prompt": {"prompt": "q"}}
      """
    #expect(
      try read(text) == [
        Prediction(id: "a-1", prompt: "p", text: "NORM"), Prediction(id: "a-2", text: "Grüße é\n"),
        Prediction(id: "7", prompt: "q", text: "t"),
      ])
  }

  @Test func whatIsWrongIsSaidWithItsLine() {
    let good = #"{"id": "1", "response": "x"}"# + "\n"
    #expect(message(good + "{oops").contains("p.jsonl, line 2: not a JSON object"))
    #expect(message(good + "[1]").contains("line 2"))
    #expect(message(good + "\n" + #"{"id": "2"}"#).contains("line 3: neither \"text\" nor \"response\""))
    #expect(message(#"{"text": "x"}"#).contains("line 1: neither \"question_id\" nor \"id\""))
    #expect(message(good + #"{"id": "2", "text": 5}"#).contains("line 2: \"text\" is of the wrong type"))
    #expect(message(good + good).contains("line 2 (first in line 1): id \"1\" occurs twice"))
    #expect(message(good + #"{"question_id": "1", "text": ""}"#).contains("occurs twice"))
    for word in ["NaN", "Infinity", "-Infinity"] {
      let line = #"{"id": "2", "text": "Na\"N", "probabilities": {"MI": 0.5, "CD": "# + word + "}}"
      #expect(message(good + line).contains("line 2: \(word) is no number that JSON knows"))
    }
    #expect(message(good + #"{"id": "2", "text": "NaN""#).contains("line 2: not a JSON object"))
    #expect(message(good + #"{"id": "2", "probabilities": {"MI": null}}"#).contains("line 2: \"MI\" is null"))
    #expect(message("").contains("no prediction") && message("\n \n").contains("no prediction"))
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
    #expect(twice?.remedy.contains(#"name its second entry "1#2""#) == true)
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
