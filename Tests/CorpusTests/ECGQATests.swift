import Foundation
import Tensors
import TestSupport
import Testing

@testable import Corpus

@Suite struct ECGQATests {
  private static let table = """
    template_id,classes
    1,"['no', 'not sure', 'yes']"
    4,"['none', 'lead I', ""bigeminal (unknown, or ventricular)""]"

    """

  private func entry(
    _ id: Int, template: Int = 4, answer: String = "[\"lead I\"]", recordings: String = "[17]",
    kind: String = "single-query"
  ) -> String {
    """
    {"template_id":\(template),"question_id":9,"sample_id":\(id),"question_type":"\(kind)","attribute_type":"noise",
    "question":"Which lead?","answer":\(answer),"ecg_id":\(recordings),"attribute":null}
    """
  }

  private func read(_ entries: [String], table: String = table) throws -> ECGQAQuestions {
    try withTemporaryFolder { folder in
      try Data(table.utf8).write(to: folder.appendingPathComponent("answers_for_each_template.csv"))
      let parts = folder.appendingPathComponent("template/test")
      try FileManager.default.createDirectory(at: parts, withIntermediateDirectories: true)
      for (number, entry) in entries.enumerated() {
        try Data("[\(entry)]".utf8).write(to: parts.appendingPathComponent("0000\(number).json"))
      }
      return try ECGQAQuestions(folder: folder, wording: .template, split: .test)
    }
  }

  @Test func questionsAreReadWithTheirOptions() throws {
    let questions = try read([
      entry(3),
      entry(4, template: 1, answer: "[\"not sure\"]", recordings: "[1, 2]", kind: "comparison_consecutive-verify"),
      entry(5, answer: "[\"none\"]"),
    ]).questions
    #expect(questions.map(\.id) == ["3", "4", "5"] && questions[1].recordings == ["1", "2"])
    #expect(questions[0].options == ["lead I", "bigeminal (unknown, or ventricular)"])
    #expect(
      questions[0].prompt
        == "Question: Which lead?\nOptions: lead I, bigeminal (unknown, or ventricular), None\n\n"
        + "Only answer based on the given Options without any explanation.")
    #expect(questions[1].offered == ["no", "not sure", "yes"] && questions[2].answers == ["none"])
  }

  @Test func whatIsWrongIsNamed() {
    let cases: [([String], String)] = [
      ([entry(3), entry(3)], "sample_id 3 occurs twice"), ([entry(3, template: 8)], "template_id: 8 is not in"),
      ([entry(3, answer: "[\"lead V9\"]")], "\"lead V9\" is no answer of template 4"),
      ([entry(3, answer: "\"lead I\"")], "answer: a list"), ([entry(3, recordings: "[]")], "ecg_id: a list"),
      ([entry(3, recordings: "[1,2,3]")], "ecg_id: a list"), (["7"], "sample_id: a number is missing"),
      ([], "neither test.json nor a folder test"), (["{"], "00000.json"),
    ]
    for (entries, words) in cases {
      let error = #expect(throws: UserError.self) { try read(entries) }
      #expect(error?.kind == .badInput && error?.message.contains(words) == true, "\(words): \(error?.message ?? "")")
    }
    let error = #expect(throws: UserError.self) { try read([entry(3)], table: "template_id,classes\n4,no list\n") }
    #expect(error?.message.contains("line 2: classes is no list of texts") == true, "\(error?.message ?? "")")
  }

  @Test(arguments: [
    ("['a', 'b']", ["a", "b"]), ("[]", []), ("[\"o'clock\", 'x\\'y', ]", ["o'clock", "x'y"]), (" [ 'a' ] ", ["a"]),
    ("['a' 'b']", nil), ("['a'", nil), ("[a]", nil), ("'a'", nil), ("['a", nil), ("[", nil), ("['\\", nil),
  ]) func pythonsListsOfTextsAreRead(literal: String, texts: [String]?) {
    #expect(ECGQAQuestions.strings(inList: literal) == texts)
  }

  @Test(.enabled(if: SharedFiles.has("data/ecg-qa"))) func theOfficialFilesAreRead() throws {
    let folder = SharedFiles.url("data/ecg-qa")
    for wording in ECGQAQuestions.Wording.allCases {
      let train = try ECGQAQuestions(folder: folder, wording: wording, split: .train)
      #expect(train.questions.count == 1431 && train.questions.count { $0.kind == "single-verify" } == 1195)
      #expect(try ECGQAQuestions(folder: folder, wording: wording, split: .valid).questions.count == 165)
      #expect(try ECGQAQuestions(folder: folder, wording: wording, split: .test).questions.count == 55)
      #expect(try train.recordings(of: .train)?.count ?? 0 > 10_000)
    }
  }
}
