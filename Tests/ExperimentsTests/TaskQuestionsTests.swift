import Cluster
import Corpus
import Evaluation
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Experiments

/// What is asked, written for models that are asked elsewhere.
@Suite struct TaskQuestionsTests {
  /// The lines of a file of questions, by id.
  private func written(_ source: TaskSource, to file: URL) throws -> [String: [String: Any]] {
    let count = try TaskQuestions(communicator: SingleRank(), source: source).write(to: file)
    let lines = try Data(contentsOf: file).split(separator: UInt8(ascii: "\n")).map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
    }
    #expect(lines.count == count)
    return Dictionary(lines.map { ($0["id"] as? String ?? "", $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Records that name diagnoses, and the table of ten.
  private func diagnosed(in folder: URL) throws -> URL {
    let data = folder.appendingPathComponent("georgia")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    let rows = (0..<10).map { "diagnosis \($0),10\($0),D\($0),\n" }
    try Data(("Dx,SNOMEDCTCode,Abbreviation,Notes\n" + rows.joined()).utf8)
      .write(to: data.appendingPathComponent("dx_mapping_scored.csv"))
    for (name, codes) in [("E1", "100,102"), ("E2", "101"), ("E3", "103")] {
      try Data("\(name) 1 500 10\n\(name).mat 16+24 1000/mV 16 0 0 0 0 I\n#Dx: \(codes)\n".utf8)
        .write(to: data.appendingPathComponent("\(name).hea"))
    }
    return data
  }

  @Test func optionsThatAreDrawnHereAreWrittenAsModelsAreAsked() throws {
    try withTemporaryFolder { folder in
      let data = try diagnosed(in: folder)
      let source = TaskSource(.g12EC, data: data)
      let lines = try written(source, to: folder.appendingPathComponent("q.jsonl"))
      let task = try source.load()
      #expect(lines.count == 3 && task.questions.count == 3)
      for question in task.questions {
        let line = try #require(lines[question.id])
        #expect(Set(line.keys) == ["id", "prompt", "options", "recordings"])
        #expect(line["prompt"] as? String == question.prompt)
        #expect(line["recordings"] as? [String] == [data.appendingPathComponent(question.id).path])
        let options = try #require(line["options"] as? [String])
        let listed = zip("ABCDEFGH", options).map { "\($0). \($1)" }.joined(separator: "\n")
        #expect(options.count == 8 && question.prompt.contains(listed))
      }
      // Those of a file of ids alone.
      var part = source
      part.ids = folder.appendingPathComponent("ids.txt")
      try Data("E3\n".utf8).write(to: folder.appendingPathComponent("ids.txt"))
      #expect(try Array(written(part, to: folder.appendingPathComponent("q.jsonl")).keys) == ["E3"])
    }
  }

  @Test func labelsAreWrittenWithTheQuestionsThatTheirProbabilitiesAreOf() throws {
    try withTemporaryFolder { folder in
      var source = TaskSource(.g12EC, data: try diagnosed(in: folder))
      source.form = .labels
      let lines = try written(source, to: folder.appendingPathComponent("q.jsonl"))
      let line = try #require(lines["E2"])
      #expect(Set(line.keys) == ["id", "prompt", "yesNoQuestions", "recordings"])
      let asked = try #require(line["yesNoQuestions"] as? [String: String])
      #expect(Set(asked.keys) == ["D0", "D1", "D2", "D3"] && asked["D1"] == "Does this ECG show diagnosis 1?")
      #expect((line["prompt"] as? String)?.contains("D0(diagnosis 0), D1(diagnosis 1)") == true)
    }
  }

  @Test func dialoguesAreWrittenWithoutTheirReferences() throws {
    try withTemporaryFolder { folder in
      let turns = [
        ["question": "Which rhythm?", "answer": "secret one"], ["question": "Sure?", "answer": "secret two"],
      ]
      let entry: [String: Any] = ["id": "d", "image": "arena/1.png", "conversations": turns]
      let data = folder.appendingPathComponent("arena.json")
      try JSONSerialization.data(withJSONObject: [entry, entry]).write(to: data)
      let file = folder.appendingPathComponent("q.jsonl")
      let lines = try written(TaskSource(.arena, data: data), to: file)
      #expect(Set(lines.keys) == ["d", "d#2"])
      #expect(lines["d"]?["prompt"] as? String == "Which rhythm?")
      #expect(lines["d"]?["followUps"] as? [String] == ["Sure?"])
      // Pictures are not needed to write the questions.
      #expect(lines["d"]?["images"] as? [String] == [folder.appendingPathComponent("arena/1.png").path])
      #expect(try !String(contentsOf: file, encoding: .utf8).contains("secret"))
    }
  }

  @Test func whatIsShownIsNamedWhereNoFileIsKnown() throws {
    try withTemporaryFolder { folder in
      let (questions, file) = (folder.appendingPathComponent("paraphrased"), folder.appendingPathComponent("q.jsonl"))
      try FileManager.default.createDirectory(at: questions, withIntermediateDirectories: true)
      try Data("template_id,classes\n26,\"['no', 'yes']\"\n".utf8)
        .write(to: folder.appendingPathComponent("answers_for_each_template.csv"))
      let entry =
        #"{"template_id": 26, "sample_id": 7, "question_type": "single-verify", "question": "Noise?", "answer": ["no"], "#
        + #""ecg_id": [3637]}"#
      try Data("[\(entry)]".utf8).write(to: questions.appendingPathComponent("test.json"))
      let line = try #require(try written(TaskSource(.ecgQA, data: folder), to: file)["7"])
      #expect(line["shown"] as? [String] == ["3637"] && line["options"] as? [String] == ["no", "yes"])
      #expect((line["prompt"] as? String)?.hasPrefix("Question: Noise?\nOptions: no, yes\n") == true)
      // Exams are named as `render` takes them.
      try Data(
        """
        exam_id,1dAVb,RBBB,LBBB,SB,ST,AF,patient_id,normal_ecg,trace_file
        11,False,True,False,False,False,False,1,False,exams_part0.hdf5

        """.utf8
      ).write(to: folder.appendingPathComponent("exams.csv"))
      let exam = try #require(try written(TaskSource(.code15, data: folder), to: file)["11"])
      #expect(exam["recordings"] as? [String] == [folder.appendingPathComponent("exams_part0.hdf5").path + "#11"])
    }
  }

  @Test func aFileThatCannotBeWrittenIsFoundBeforeTheDataAreRead() throws {
    try withTemporaryFolder { folder in
      let pipe = folder.appendingPathComponent("pipe")
      #expect(mkfifo(pipe.path, 0o600) == 0)
      let cases: [(file: URL, words: String)] = [
        (folder, "is a folder"), (pipe, "is no regular file"), (folder.appendingPathComponent("no/q"), "be written"),
      ]
      for (file, words) in cases {
        let source = TaskSource(.arena, data: folder.appendingPathComponent("none.json"))
        let error = #expect(throws: AgreedError.self) {
          try TaskQuestions(communicator: SingleRank(), source: source).write(to: file)
        }
        #expect(error?.error.kind == .inputOutput && error?.error.message.contains(words) == true)
      }
    }
  }

  /// Data sets advise in the words of a run's settings.
  @Test func adviceNamesTheOptionsOfThisCommand() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("empty.json")
      try Data("[]".utf8).write(to: file)
      var answered = TaskSource(.ecgQA, data: folder)
      answered.recordings = folder
      let cases: [(source: TaskSource, advice: String)] = [
        (TaskSource(.ptbXLSuper, data: folder), "set --data to the PTB-XL folder"), (answered, "set --recordings to"),
        (TaskSource(.cpsc2018, data: folder), "set --data to a folder of WFDB records"),
        (TaskSource(.choice, data: file), "check --data"),
      ]
      for (source, advice) in cases {
        let error = #expect(throws: UserError.self) { try source.load() }
        #expect(error?.kind == .badInput && error?.remedy.hasPrefix(advice) == true, "\(error?.remedy ?? "")")
      }
    }
  }
}
