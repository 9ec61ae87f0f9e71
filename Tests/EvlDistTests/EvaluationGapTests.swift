import Foundation
import TestSupport
import Testing

/// What `evaluate` does about what is missing, in the way, or another system's.
@Suite(.serialized) struct EvaluationGapTests {
  /// 40 questions about pictures, of which some show what is not there.
  private func questions(in folder: URL, missing: Set<Int>) throws -> URL {
    try Fixtures.record(in: folder)
    let entries = (0..<40).map { number -> [String: Any] in
      let question = "<image>\nQuestion \(number)?\nA. sinus rhythm\nB. fibrillation"
      return [
        "id": "q-\(number)", "image": missing.contains(number) ? "gone-\(number)" : "made",
        "conversations": [["from": "human", "value": question], ["from": "gpt", "value": ["A", "B"][number % 2]]],
      ]
    }
    let file = folder.appendingPathComponent("questions.json")
    try JSONSerialization.data(withJSONObject: entries).write(to: file)
    return file
  }

  private func json(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test(.enabled(if: MPIRun.isPresent)) func whatIsNotThereIsRefusedBeforeTheWorkOrSkippedAndCounted() throws {
    try withTemporaryFolder { folder in
      let model = folder.appendingPathComponent("model")
      try Fixtures.model(in: model)
      let data = try questions(in: folder, missing: [0, 17, 39])
      let saved = folder.appendingPathComponent("a.jsonl").path
      let common = ["evaluate", "--task", "choice", "--data", data.path, "--json"]
      let asking = common + ["--model", model.path, "--tokens", "4", "--save", saved]
      let refused = try CommandTests.run(asking)
      #expect(refused.code == 65 && refused.output.isEmpty, "\(refused)")
      #expect(refused.refusal.contains("3 of 40 questions show what is not there: q-0, q-17, q-39 (q-0: gone-0)"))
      #expect(refused.refusal.contains("--missing-images skip"))
      let reports = try [1, 3].map { ranks in
        let outcome = try MPIRun.run(
          ranks: ranks, MPIRun.program("evl-dist"), asking + ["--missing-images", "skip"], seconds: 240)
        #expect(outcome.code == 0, "\(outcome.errors)")
        return outcome.output
      }
      #expect(reports[0] == reports[1])
      let report = try json(reports[0])
      let notes = try #require(report["notes"] as? [String])
      #expect(report["items"] as? Int == 37)
      #expect(notes.contains { $0.hasPrefix("3 of 40 questions are left out") && $0.contains("q-17 (") }, "\(notes)")
      let again = try CommandTests.run(common + ["--predictions", saved, "--missing-images", "skip"])
      #expect(again.code == 0 && again.output == reports[0], "\(again)")
      // A file of predictions does not choose by itself what it is scored on, by any rules.
      let named = ["evaluate", "--task", "mmmu-ecg", "--data", data.path, "--json", "--predictions", saved]
      for (command, task) in [
        (common + ["--predictions", saved], "choice"), (named + ["--scorer", "ecgbench"], "mmmu-ecg"),
      ] {
        let chosen = try CommandTests.run(command)
        #expect(chosen.code == 65 && chosen.output.isEmpty, "\(chosen)")
        #expect(
          chosen.refusal.contains("3 of 40 questions of \(task) were skipped, not answered: q-0 ("), "\(chosen)")
        #expect(chosen.refusal.contains("--missing-images skip"))
      }
      let published = try CommandTests.run(common + ["--predictions", saved, "--scorer", "ecgbench"])
      #expect(published.code == 64 && published.refusal.contains("ECGBench scores three sets"), "\(published)")
      let none = try questions(in: folder, missing: Set(0..<40))
      let nothing = try CommandTests.run(
        ["evaluate", "--task", "choice", "--data", none.path, "--model", model.path, "--missing-images", "skip"])
      #expect(nothing.code == 65 && nothing.refusal.contains("none of the 40 questions"), "\(nothing)")
    }
  }

  @Test func anExamOfZerosEndsTheEvaluationOrIsSkipped() throws {
    try withTemporaryFolder { folder in
      let model = folder.appendingPathComponent("model")
      try Fixtures.model(in: model)
      try TracingFixture.bytes(
        (0..<4).map { exam in
          (
            id: exam,
            samples: (0..<800).map { sample in
              [Float](repeating: exam == 2 ? 0 : Float(sample % 300 < 20 ? 1 : 0) + 0.01, count: 12)
            }
          )
        }
      ).write(to: folder.appendingPathComponent("exams_part0.hdf5"))
      let rows = (0..<4).map {
        "\($0),\($0 == 3 ? "True" : "False"),False,False,False,False,False,\($0),False,exams_part0.hdf5\n"
      }
      try Data(("exam_id,1dAVb,RBBB,LBBB,SB,ST,AF,patient_id,normal_ecg,trace_file\n" + rows.joined()).utf8)
        .write(to: folder.appendingPathComponent("exams.csv"))
      let asking = ["evaluate", "--task", "code-15", "--data", folder.path, "--model", model.path, "--tokens", "2"]
      let refused = try CommandTests.run(asking)
      #expect(refused.code == 65 && refused.refusal.contains("zero throughout"), "\(refused)")
      #expect(refused.refusal.contains("--missing-images skip"))
      let skipped = try CommandTests.run(asking + ["--missing-images", "skip", "--json"])
      #expect(skipped.code == 0, "\(skipped)")
      let report = try json(skipped.output)
      #expect(report["records"] as? Int == 3)
      #expect((report["remarks"] as? [String])?.contains { $0.hasPrefix("1 of 4 questions are left out") } == true)
    }
  }

  @Test func whatIsInTheWayIsFoundBeforeTheWork() throws {
    try withTemporaryFolder { folder in
      let model = folder.appendingPathComponent("model")
      try Fixtures.model(in: model)
      let data = try questions(in: folder, missing: [])
      let asking = ["evaluate", "--task", "choice", "--data", data.path, "--model", model.path, "--tokens", "1"]
      let cases: [(more: [String], code: Int32, words: String)] = [
        (["--save", folder.path], 74, "is a folder"),
        (["--save", "\(folder.path)/no/such/a.jsonl"], 74, "cannot be written"),
        (["--export", "\(folder.path)/e.jsonl"], 64, "--export is for reports and dialogues"),
        (["--compare", "\(folder.path)/none.jsonl"], 74, "none.jsonl"), (["--compare", model.path], 64, "--save FILE"),
        (["--compare", data.path], 65, "questions.json"),
      ]
      for (more, code, words) in cases {
        let outcome = try CommandTests.run(asking + more)
        #expect(outcome.code == code && outcome.refusal.contains(words), "\(more): \(outcome)")
      }
      let unused: [(options: [String], named: String)] = [
        (["--fold", "9"], "--fold: not for choice on a file of conversations"), (["--split", "test"], "--split"),
        (["--wording", "template"], "--wording"), (["--recordings", folder.path], "--recordings"),
      ]
      for (options, named) in unused {
        let outcome = try CommandTests.run(asking + options)
        #expect(outcome.code == 64 && outcome.refusal.contains(named), "\(options): \(outcome)")
      }
      let scoring = ["evaluate", "--task", "choice", "--data", data.path, "--predictions", data.path]
      for options in [["--tokens", "4"], ["--images", folder.path]] {
        let outcome = try CommandTests.run(scoring + options)
        #expect(outcome.code == 64 && outcome.errors.contains("\(options[0]) is for --model"), "\(outcome)")
      }
      // The log of another evaluation stays as it is.
      let log = folder.appendingPathComponent("a.jsonl.unfinished")
      let bytes = Data("{\"fingerprint\":\"another\"}\n{\"question_id\":\"x\",\"text\":\"y\"}\n".utf8)
      try bytes.write(to: log)
      let outcome = try CommandTests.run(asking + ["--save", "\(folder.path)/a.jsonl"])
      #expect(outcome.code == 64 && outcome.refusal.contains("another evaluation"), "\(outcome)")
      #expect(try Data(contentsOf: log) == bytes)
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(!names.contains { $0.hasPrefix(".") }, "\(names)")
    }
  }

  @Test func twoSystemsAreComparedFromTheirFiles() throws {
    try withTemporaryFolder { folder in
      let data = try questions(in: folder, missing: [])
      func write(_ name: String, _ answers: [(Int, String)]) throws -> String {
        let lines = answers.map { "{\"id\": \"q-\($0.0)\", \"response\": \"Answer: \($0.1)\"}\n" }
        let file = folder.appendingPathComponent(name)
        try Data(lines.joined().utf8).write(to: file)
        return file.path
      }
      let right = try write("right.jsonl", (0..<40).map { ($0, ["A", "B"][$0 % 2]) })
      let some = try write("some.jsonl", (0..<30).map { ($0, "A") })
      let common = ["evaluate", "--task", "choice", "--data", data.path, "--predictions", right]
      let partly = ["evaluate", "--task", "choice", "--data", data.path, "--predictions", some]
      let refused = try CommandTests.run(partly)
      #expect(refused.code == 65 && refused.refusal.contains("10 of 40 questions of choice have no prediction: q-30"))
      #expect(refused.refusal.contains("--missing-predictions skip"), "\(refused)")
      let skipped = try CommandTests.run(partly + ["--missing-predictions", "skip", "--json"])
      let part = try json(skipped.output)
      #expect(part["items"] as? Int == 30)
      #expect((part["notes"] as? [String])?.contains { $0.hasPrefix("10 of 40 questions have no prediction") } == true)
      let outcome = try CommandTests.run(common + ["--compare", some, "--json"])
      #expect(outcome.code == 0, "\(outcome)")
      let comparison = try #require(try json(outcome.output)["comparison"] as? [String: Any])
      #expect(comparison["items"] as? Int == 30 && (comparison["onlyFirst"] as? [String])?.count == 10)
      let rows = try #require(comparison["differences"] as? [[String: Any]])
      let difference = try #require(rows.first?["difference"] as? [String: Any])
      #expect((difference["difference"] as? [String: Any])?["value"] as? Double == 0.5)
      let table = try CommandTests.run(common + ["--compare", some])
      #expect(table.output.contains("on the 30 questions that both answer"), "\(table)")
      #expect(table.output.contains("10 questions are answered here alone: q-30, q-31"))
      // A run's own answers, and a task without scores.
      let run = folder.appendingPathComponent("run")
      try FileManager.default.createDirectory(at: run, withIntermediateDirectories: true)
      try FileManager.default.copyItem(
        at: URL(fileURLWithPath: some), to: run.appendingPathComponent("answers-after.jsonl"))
      #expect(try CommandTests.run(common + ["--compare", run.path]).code == 0)
      // A run of an ablation keeps them in another form, or why it has none.
      try FileManager.default.removeItem(at: run.appendingPathComponent("answers-after.jsonl"))
      func keep(_ more: String) throws {
        let texts = (0..<30).map { #"{"id":"q-\#($0)","truth":[],"probabilities":[],"text":"Answer: A"}"# }
        let answers = #"{"subset":"","seconds":1,"answers":[\#(texts.joined(separator: ","))]\#(more)}"#
        try Data(answers.utf8).write(to: run.appendingPathComponent("answers.json"))
      }
      try keep("")
      let ablated = try CommandTests.run(common + ["--compare", run.path, "--json"])
      #expect(ablated.code == 0, "\(ablated)")
      let same = try #require(try json(ablated.output)["comparison"] as? [String: Any])
      let row = try #require((same["differences"] as? [[String: Any]])?.first)
      let paired = try #require(row["difference"] as? [String: Any])
      #expect(same["items"] as? Int == 30 && (paired["difference"] as? [String: Any])?["value"] as? Double == 0.5)
      try keep(#","failure":"numbers ran over""#)
      let failed = try CommandTests.run(common + ["--compare", run.path])
      #expect(failed.code == 64 && failed.errors.contains("came to nothing: numbers ran over"), "\(failed)")
      let arena = try CommandTests.run([
        "evaluate", "--task", "arena", "--data", data.path, "--predictions", right, "--compare", some, "--export",
        "\(folder.path)/e.jsonl",
      ])
      #expect(arena.code == 64 && arena.errors.contains("no score here to compare"), "\(arena)")
      let asked = try CommandTests.run([
        "evaluate", "--task", "choice", "--data", data.path, "--model", "m", "--missing-predictions", "skip",
      ])
      #expect(asked.code == 64 && asked.errors.contains("--missing-predictions is for --predictions"), "\(asked)")
      let seeded = try CommandTests.run([
        "evaluate", "--task", "arena", "--data", data.path, "--predictions", right, "--seed", "2", "--export",
        "\(folder.path)/e.jsonl",
      ])
      #expect(seeded.code == 64 && seeded.errors.contains("--seed is for scores"), "\(seeded)")
    }
  }

  @Test(.enabled(if: SharedFiles.has("data/ptb-xl")))
  func recordsOfPTBXLThatAreLeftOutAreNamedAndReportsAreScoredWithoutThem() throws {
    try withTemporaryFolder { folder in
      let data = SharedFiles.url("data/ptb-xl").path
      let table = try String(contentsOfFile: data + "/ptbxl_database.csv", encoding: .utf8)
      // Every id of the table that is a record's, of fold 9 or not.
      let ids = table.split(separator: "\n").compactMap { Int($0.prefix { $0 != "," }) }
      func answers(_ ids: [Int], _ body: (Int) -> String) throws -> String {
        let file = folder.appendingPathComponent("\(UUID().uuidString).jsonl")
        try Data(ids.map { "{\"id\": \($0), \"text\": \"\(body($0))\"}\n" }.joined().utf8).write(to: file)
        return file.path
      }
      func evaluate(_ task: String, _ file: String) throws -> CommandTests.Outcome {
        try CommandTests.run([
          "evaluate", "--task", task, "--data", data, "--fold", "9", "--json", "--predictions", file,
        ])
      }
      // The refusal of too many names those of other folds; fold 9 alone is taken.
      let fold = try folds(ofTable: table)
      let nine = ids.filter { fold[$0] == 9 }
      #expect(nine.count == 333)
      let all = try evaluate("ptb-xl-super", try answers(nine) { _ in "NORM" })
      #expect(all.code == 0, "\(all.errors)")
      let report = try json(all.output)
      let remarks = try #require(report["remarks"] as? [String])
      let left = try #require(report["recordsWithoutSuperclass"] as? Int)
      #expect(left > 0 && (report["records"] as? Int ?? 0) + left == 333)
      #expect(remarks.contains { $0.hasPrefix("\(left) records without a superclass are left out: ") }, "\(remarks)")
      #expect(remarks.contains { $0.contains("patients, which resamples draw") })
      #expect(remarks.contains { $0.hasPrefix("\(left) predictions are about what is left out") })
      let stray = try evaluate("ptb-xl-super", try answers(ids.filter { fold[$0] != 8 }) { _ in "NORM" })
      #expect(stray.code == 65 && stray.errors.contains("answer no question"), "\(stray)")
      let reports = try evaluate("ptb-xl-report", try answers(nine) { _ in "sinus rhythm" })
      #expect(reports.code == 0, "\(reports.errors)")
      let scored = try json(reports.output)
      #expect((scored["items"] as? Int ?? 0) > 333 - left, "those without a superclass have reports, too")
      let measures = try #require(scored["rows"] as? [[String: Any]]).compactMap { $0["measure"] as? String }
      #expect(measures == ["token F1", "ROUGE-L", "statement F1", "label F1, micro", "label F1, macro"])
    }
  }

  private func folds(ofTable table: String) throws -> [Int: Int] {
    let lines = table.split(separator: "\n")
    let columns = lines[0].split(separator: ",", omittingEmptySubsequences: false)
    let fromEnd = columns.count - (try #require(columns.firstIndex(of: "strat_fold")))
    let pairs = lines.dropFirst().compactMap { line -> (Int, Int)? in
      let fields = line.split(separator: ",", omittingEmptySubsequences: false)
      guard let id = Int(fields[0]), fields.count >= fromEnd, let fold = Int(fields[fields.count - fromEnd]) else {
        return nil
      }
      return (id, fold)
    }
    return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
  }
}
