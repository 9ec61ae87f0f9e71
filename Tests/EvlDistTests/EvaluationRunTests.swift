import Foundation
import TestSupport
import Testing
import Training

/// Evaluation as users meet it: the closing table of a run, `evaluate` on PTB-XL, predictions saved and scored again.
@Suite(.serialized) struct EvaluationRunTests {
  private func values(_ file: URL) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
  }

  private func json(_ text: String) throws -> NSDictionary {
    NSDictionary(
      dictionary: try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]))
  }

  @Test func aRunEndsWithTheTableAndTheSameScoresOnAnyNumberOfRanks() throws {
    guard MPIRun.isPresent else { return }
    try withTemporaryFolder { folder in
      var results: [NSDictionary] = []
      for ranks in [1, 3] {
        let run = folder.appendingPathComponent("run-\(ranks)")
        let settings = [
          "data.records=80", "data.questions.report=0", "teacher.steps=2", "train.steps=2", "train.global_batch=8",
          "evaluation.replicates=100", "evaluation.answer_tokens=4", "run.folder=\(run.path)",
          "teacher.cache=\(folder.path)/teachers-\(ranks)",
        ]
        let outcome = try MPIRun.run(
          ranks: ranks, MPIRun.program("evl-dist"), ["train"] + settings.flatMap { ["--set", $0] }, seconds: 240)
        #expect(outcome.code == 0, "\(outcome.errors)")
        for words in ["macro AUC", "macro F1", "teacher ", "student before", "student after", "metrics.jsonl"] {
          #expect(outcome.output.contains(words), "\(words): \(outcome.output)")
        }
        var result = try values(run.appendingPathComponent("results.json"))
        result.removeValue(forKey: "folder")
        results.append(NSDictionary(dictionary: result))
        #expect(try CommandTests.run(["inspect", run.path]).output.contains("student after"))
        #expect(try CommandTests.run(["verify", run.path]).output.contains("sound, step 2"))
        let copy = folder.appendingPathComponent("copy-\(ranks)")
        #expect(try CommandTests.run(["export", run.path, copy.path]).code == 0)
        #expect(
          FileManager.default.contentsEqual(
            atPath: copy.appendingPathComponent("model.safetensors").path,
            andPath: run.appendingPathComponent("student/model.safetensors").path))
      }
      #expect(results[0] == results[1])
      let scores = try #require((results[0]["after"] as? [String: Any])?["probabilities"] as? [String: Any])
      #expect((scores["classes"] as? [Any])?.count == 5)
    }
  }

  /// The paper's view, and a teacher of the user's own, whose folder is read and never written to.
  @Test func imagesAreDistilledFromATeachersFolderThatStaysAsItIs() throws {
    try withTemporaryFolder { folder in
      let teacher = folder.appendingPathComponent("teacher")
      let blueprint = try ModelBlueprint(builtIn: .teacher, view: "image")
      try FileManager.default.createDirectory(at: teacher, withIntermediateDirectories: true)
      try blueprint.save(try blueprint.frozen(seed: 2), to: teacher)
      let before = try FileManager.default.contentsOfDirectory(atPath: teacher.path).sorted()
      let settings = [
        "data.view=image", "data.records=50", "train.steps=2", "train.global_batch=8", "evaluation.replicates=100",
        "evaluation.answer_tokens=4", "run.folder=\(folder.path)/run", "teacher.path=\(teacher.path)",
      ]
      let outcome = try CommandTests.run(["train"] + settings.flatMap { ["--set", $0] })
      #expect(outcome.code == 0 && outcome.output.contains("student after"), "\(outcome.errors)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: teacher.path).sorted() == before)
      let student = "\(folder.path)/run/student"
      #expect(try CommandTests.run(["interpret", "--model", student, "synthetic:3"]).code == 0)
    }
  }

  /// The first records of fold 9, in PTB-XL's layout.
  private func somePTBXL(in folder: URL, records: Int) throws -> URL {
    let source = SharedFiles.url("data/ptb-xl")
    let table = try String(contentsOf: source.appendingPathComponent("ptbxl_database.csv"), encoding: .utf8)
    let lines = table.split(separator: "\n", omittingEmptySubsequences: false)
    let columns = lines[0].split(separator: ",", omittingEmptySubsequences: false)
    let fold = try #require(columns.firstIndex(of: "strat_fold"))
    let fromEnd = columns.count - fold
    let chosen = lines.dropFirst().filter { line in
      let fields = line.split(separator: ",", omittingEmptySubsequences: false)
      return fields.count >= fromEnd && Double(fields[fields.count - fromEnd]) == 9
    }.prefix(records)
    try Data((lines.prefix(1) + chosen).joined(separator: "\n").utf8)
      .write(to: folder.appendingPathComponent("ptbxl_database.csv"))
    for name in ["scp_statements.csv", "records100"] {
      try FileManager.default.createSymbolicLink(
        at: folder.appendingPathComponent(name), withDestinationURL: source.appendingPathComponent(name))
    }
    return folder
  }

  @Test(.enabled(if: SharedFiles.has("data/ptb-xl")))
  func realRecordsAreScoredAlikeOnAnyNumberOfRanksAndFromSavedAnswers() throws {
    guard MPIRun.isPresent else { return }
    try withTemporaryFolder { folder in
      let model = folder.appendingPathComponent("model")
      try FileManager.default.createDirectory(at: model, withIntermediateDirectories: true)
      try Fixtures.model(in: model)
      let data = folder.appendingPathComponent("data")
      try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
      _ = try somePTBXL(in: data, records: 16)
      let common = ["evaluate", "--data", data.path, "--fold", "9", "--json"]
      let saved = folder.appendingPathComponent("answers.jsonl")
      var reports: [NSDictionary] = []
      for ranks in [1, 2] {
        let outcome = try MPIRun.run(
          ranks: ranks, MPIRun.program("evl-dist"), common + ["--model", model.path, "--save", saved.path], seconds: 240
        )
        #expect(outcome.code == 0, "\(outcome.errors)")
        reports.append(try json(outcome.output))
      }
      #expect(reports[0] == reports[1])
      #expect((reports[0]["records"] as? Int ?? 0) > 8)
      let again = try CommandTests.run(common + ["--predictions", saved.path])
      #expect(again.code == 0, "\(again.errors)")
      let rescored = try json(again.output)
      #expect(rescored == reports[0])
      let published = try CommandTests.run(
        ["evaluate", "--data", data.path, "--fold", "9", "--predictions", saved.path, "--scorer", "ecgbench"])
      #expect(published.code == 0 && published.output.contains("ECGBench"), "\(published.output)")
      #expect(try CommandTests.run(common + ["--model", folder.appendingPathComponent("none").path]).code == 74)
    }
  }

  /// Stops the evaluation that writes this log once it has more lines. Nothing comes on standard output before the end, so
  /// it is stopped from beside.
  private static func stop(after count: Int, lines log: URL) {
    let stopper = Thread {
      for _ in 0..<3000 {
        let lines = ((try? String(contentsOf: log, encoding: .utf8)) ?? "").split(separator: "\n").count
        if lines > count, let job = MPIRun.launcher(ofCommandWith: log.deletingPathExtension().path) {
          kill(job, SIGUSR1)
          return
        }
        usleep(10_000)
      }
    }
    stopper.start()
  }

  /// Diagnoses of recordings: probabilities and lists, the same on any ranks, after a stop, and scored again.
  @Test(.enabled(if: MPIRun.isPresent)) func aTaskOfLabelsIsResumedAndTheSameOnAnyRanks() throws {
    try withTemporaryFolder { folder in
      let model = folder.appendingPathComponent("model")
      try Fixtures.model(in: model)
      let data = folder.appendingPathComponent("records")
      try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
      let header = try String(
        contentsOf: Fixtures.record(in: data).appendingPathExtension("hea"), encoding: .utf8)
      for number in 0..<60 {
        let code = ["426783006", "164889003", "59118001,429622005", "10370003"][number % 4]
        try Data((header + "#Dx: \(code)\n").utf8).write(to: data.appendingPathComponent("r\(number).hea"))
      }
      try FileManager.default.removeItem(at: data.appendingPathComponent("made.hea"))
      let common = ["evaluate", "--task", "cpsc-2018", "--data", data.path, "--json"]
      func start(_ name: String, ranks: Int) throws -> MPIRun.Outcome {
        let save = folder.appendingPathComponent(name).path
        return try MPIRun.run(
          ranks: ranks, MPIRun.program("evl-dist"),
          common + ["--model", model.path, "--tokens", "40", "--save", save], seconds: 240)
      }
      let one = try start("one.jsonl", ranks: 1)
      #expect(one.code == 0, "\(one.errors)")
      let report = try json(one.output)
      #expect(report["records"] as? Int == 45 && report["task"] as? String == "cpsc-2018")
      #expect((report["positives"] as? [String: Int])?["STD"] == 15)
      #expect((report["remarks"] as? [String])?.contains { $0.hasPrefix("15 records show none") } == true)
      let log = folder.appendingPathComponent("two.jsonl.unfinished")
      Self.stop(after: 17, lines: log)
      let stopped = try start("two.jsonl", ranks: 1)
      #expect(stopped.code == 75, "\(stopped)")
      let two = try start("two.jsonl", ranks: 3)
      #expect(two.code == 0 && two.output == one.output && two.errors.contains("going on behind"), "\(two.errors)")
      let answers = try ["one.jsonl", "two.jsonl"].map { try Data(contentsOf: folder.appendingPathComponent($0)) }
      #expect(answers[0] == answers[1])
      let again = try CommandTests.run(common + ["--predictions", folder.appendingPathComponent("one.jsonl").path])
      #expect(again.code == 0 && again.output == one.output, "\(again)")
      for (options, code) in [(["--task", "g12ec", "--form", "labels"], Int32(65)), (["--form", "labels"], 64)] {
        let refused = try CommandTests.run(common.prefix(1) + options + ["--data", data.path, "--model", model.path])
        #expect(refused.code == code, "\(options): \(refused)")
      }
    }
  }

  /// Multiple choice about pictures: the same report and answers on any ranks, and after a stop.
  @Test(.enabled(if: MPIRun.isPresent)) func aTaskInWordsIsResumedAndTheSameOnAnyRanks() throws {
    try withTemporaryFolder { folder in
      let model = folder.appendingPathComponent("model")
      try Fixtures.model(in: model, view: "image")
      try Fixtures.record(in: folder)
      let entries = (0..<96).map { number -> [String: Any] in
        let question = "<image>\nQuestion \(number)?\nA. sinus rhythm\nB. fibrillation\nC. flutter\nD. block"
        return [
          "id": "q-\(number)", "image": "made",
          "conversations": [
            ["from": "human", "value": question], ["from": "gpt", "value": ["A", "B", "C", "D"][number % 4]],
          ],
        ]
      }
      let file = folder.appendingPathComponent("mmmu.json")
      try JSONSerialization.data(withJSONObject: entries).write(to: file)
      func start(_ name: String, ranks: Int, started: ((String) throws -> Void)? = nil) throws -> MPIRun.Outcome {
        try MPIRun.run(
          ranks: ranks, MPIRun.program("evl-dist"),
          [
            "evaluate", "--task", "mmmu-ecg", "--data", file.path, "--model", model.path, "--tokens", "40", "--save",
            folder.appendingPathComponent(name).path, "--json",
          ], seconds: 240, started: started)
      }
      let one = try start("one.jsonl", ranks: 1)
      #expect(one.code == 0, "\(one.errors)")
      let log = folder.appendingPathComponent("two.jsonl.unfinished")
      Self.stop(after: 17, lines: log)
      let stopped = try start("two.jsonl", ranks: 1)
      #expect(stopped.code == 75 && stopped.errors.contains("run the same command again to go on"), "\(stopped)")
      let kept = try String(contentsOf: log, encoding: .utf8).split(separator: "\n").count - 1
      #expect(kept >= 16 && kept < 96 && kept % 16 == 0)
      let two = try start("two.jsonl", ranks: 3)
      #expect(two.code == 0 && two.errors.contains("going on behind \(kept) answers"), "\(two.errors)")
      #expect(two.output == one.output && !FileManager.default.fileExists(atPath: log.path))
      let answers = try ["one.jsonl", "two.jsonl"].map { try Data(contentsOf: folder.appendingPathComponent($0)) }
      #expect(answers[0] == answers[1])
      let again = try CommandTests.run([
        "evaluate", "--task", "mmmu-ecg", "--data", file.path, "--predictions",
        folder.appendingPathComponent("one.jsonl").path, "--json",
      ])
      #expect(again.code == 0 && again.output == one.output, "\(again)")
    }
  }

  /// Dialogues, whose later questions stand behind the model's own answers: the same file on any ranks, and after a stop.
  @Test(.enabled(if: MPIRun.isPresent)) func dialoguesAreResumedAndTheSameOnAnyRanks() throws {
    try withTemporaryFolder { folder in
      let model = folder.appendingPathComponent("model")
      try Fixtures.model(in: model, view: "image")
      try Fixtures.record(in: folder)
      let entries = (0..<48).map { number -> [String: Any] in
        let turns = (0...number % 3).flatMap { turn in
          [
            ["from": "human", "value": "\(turn == 0 ? "<image>\n" : "")Question \(number), \(turn)?"],
            ["from": "gpt", "value": "Reference \(turn)"],
          ]
        }
        return ["id": "d-\(number)", "image": "made", "conversations": turns]
      }
      let file = folder.appendingPathComponent("arena.json")
      try JSONSerialization.data(withJSONObject: entries).write(to: file)
      func start(_ name: String, ranks: Int) throws -> MPIRun.Outcome {
        try MPIRun.run(
          ranks: ranks, MPIRun.program("evl-dist"),
          [
            "evaluate", "--task", "arena", "--data", file.path, "--model", model.path, "--tokens", "24", "--json",
            "--save", folder.appendingPathComponent(name).path, "--export",
            folder.appendingPathComponent("judge-" + name).path,
          ], seconds: 240)
      }
      func bytes(_ name: String) throws -> Data { try Data(contentsOf: folder.appendingPathComponent(name)) }
      let one = try start("one.jsonl", ranks: 1)
      #expect(one.code == 0, "\(one.errors)")
      let report = try json(one.output)
      #expect(report["dialogues"] as? Int == 48 && report["answers"] as? Int == 96)
      let log = folder.appendingPathComponent("three.jsonl.unfinished")
      Self.stop(after: 17, lines: log)
      let stopped = try start("three.jsonl", ranks: 1)
      #expect(stopped.code == 75, "\(stopped)")
      let kept = try String(contentsOf: log, encoding: .utf8).split(separator: "\n").count - 1
      #expect(kept >= 16 && kept < 48 && kept % 16 == 0, "\(kept)")
      let three = try start("three.jsonl", ranks: 3)
      #expect(three.code == 0 && three.errors.contains("going on behind \(kept) answers"), "\(three.errors)")
      #expect(three.output == one.output)
      #expect(try bytes("three.jsonl") == bytes("one.jsonl"))
      #expect(try bytes("judge-three.jsonl") == bytes("judge-one.jsonl"))
      let whole = try start("whole.jsonl", ranks: 3)
      #expect(whole.code == 0 && whole.output == one.output, "\(whole.errors)")
      #expect(try bytes("whole.jsonl") == bytes("one.jsonl"))
    }
  }

  @Test(.enabled(if: SharedFiles.has("data/ecg-qa") && SharedFiles.has("data/ptb-xl")))
  func ecgQAIsScoredByKindAndTellsOfItsLeaks() throws {
    try withTemporaryFolder { folder in
      let data = SharedFiles.url("data/ecg-qa")
      let list = try JSONSerialization.jsonObject(
        with: Data(contentsOf: data.appendingPathComponent("paraphrased/train.json")))
      let answers = try #require(list as? [[String: Any]]).map { entry in
        ["id": entry["sample_id"] ?? 0, "response": (entry["answer"] as? [String] ?? []).joined(separator: ", ")]
      }
      let file = folder.appendingPathComponent("truth.jsonl")
      try answers.reduce(into: Data()) { $0 += try JSONSerialization.data(withJSONObject: $1) + Data("\n".utf8) }
        .write(to: file)
      let common = [
        "evaluate", "--task", "ecg-qa", "--split", "train", "--data", data.path, "--predictions", file.path,
      ]
      let outcome = try CommandTests.run(common + ["--recordings", SharedFiles.url("data/ptb-xl").path, "--json"])
      let rows = try #require(try json(outcome.output)["rows"] as? [[String: Any]])
      #expect(rows.map { $0["group"] as? String } == ["", "comparison_irrelevant-query", "single-verify"])
      #expect(rows.map { ($0["value"] as? [String: Any])?["value"] as? Double } == [1, 1, 1])
      let notes = try #require(try json(outcome.output)["notes"] as? [String])
      #expect(notes.count == 3 && notes[0].contains("folds 1 to 8") && notes[1].contains("folds 9 and 10"))
      #expect(notes[2].contains("patients or pairs of these, which resamples draw"))
      // The published scorer never finds "None".
      let published = try json(CommandTests.run(common + ["--scorer", "ecgbench", "--json"]).output)
      let unnamed = try #require(published["notes"] as? [String])
      #expect(unnamed.contains("resamples draw recordings; with --recordings they draw patients"))
      #expect(!unnamed.contains { $0.contains("which resamples draw with all") }, "\(unnamed)")
      let values = try #require(published["rows"] as? [[String: Any]]).map {
        ($0["value"] as? [String: Any])?["value"] as? Double ?? 2
      }
      #expect(values[1] < 1 && values[2] == 1, "\(values)")
    }
  }

  /// Each rank's place on the map, under mpirun; and what is wrong with more threads than there are processors.
  @Test(.enabled(if: MPIRun.isPresent)) func doctorUnderMPIRunPrintsTheMap() throws {
    let processors = ProcessInfo.processInfo.activeProcessorCount
    let outcome = try MPIRun.run(
      ranks: 2, MPIRun.program("evl-dist"), ["doctor", "--threads", "\(processors)", "--json"],
      settings: ["OMPI_MCA_hwloc_base_binding_policy": "none"])
    #expect(outcome.code == 0, "\(outcome.errors)")
    let report = try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    let nodes = try #require(report["nodes"] as? [[String: Any]])
    let ranks = try #require(nodes.first?["ranks"] as? [[String: Any]])
    #expect(nodes.count == 1 && ranks.map { $0["rank"] as? Int } == [0, 1])
    #expect(ranks.allSatisfy { $0["threads"] as? Int == processors && ($0["processors"] as? String)?.isEmpty == false })
    let products = try #require(report["products"] as? [String: Any])
    let environment = ProcessInfo.processInfo.environment
    if environment["GOMP_SPINCOUNT"] == nil {
      let settings = products["settings"] as? [String: String]
      #expect(settings?["OMP_WAIT_POLICY"] == environment["OMP_WAIT_POLICY"] ?? "passive")
    }
    let threads = products["threads"] as? [String: Int]
    #expect(threads?.values.allSatisfy { $0 == processors } == true && threads?.count == 3)
    let warnings = try #require(report["warnings"] as? [String])
    #expect(warnings.contains { $0.contains("2 ranks with \(2 * processors) threads in all share") }, "\(warnings)")
  }

  /// Both ranks on the machine's first processor, as a wrong rank file would have it.
  @Test(.enabled(if: MPIRun.isPresent && ProcessInfo.processInfo.activeProcessorCount > 1))
  func doctorWarnsOfRanksThatMPIRunBoundToOneCore() throws {
    guard MPIRun.isOpenMPI("binding by environment variables") else { return }
    let outcome = try MPIRun.run(
      ranks: 2, MPIRun.program("evl-dist"), ["doctor"],
      settings: ["OMPI_MCA_hwloc_base_binding_policy": "core", "OMPI_MCA_hwloc_base_cpu_list": "0"])
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.lines.contains { $0.hasPrefix("warning: ") && $0.contains("share 1 processor (0); there are") })
  }

  /// A limit of OpenMP's own would change the bits without a word.
  @Test(.enabled(if: MPIRun.isPresent)) func trainRefusesThreadsThatALibraryDoesNotTake() throws {
    try withTemporaryFolder { folder in
      let outcome = try MPIRun.run(
        ranks: 1, MPIRun.program("evl-dist"), ["train", "--set", "train.threads=2"],
        settings: ["OMP_THREAD_LIMIT": "1"], folder: folder)
      #expect(outcome.code == 69)
      #expect(outcome.errors.contains("train.threads is 2, but oneDNN's OpenMP would use 1"), "\(outcome.errors)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
  }

  @Test func doctorAndBenchShowFiguresThatArePossible() throws {
    let doctor = try CommandTests.run(["doctor"])
    #expect(doctor.code == 0 && doctor.output.contains("GFLOP/s"), "\(doctor.output)")
    let bench = try CommandTests.run(["bench", "--repetitions", "1", "--json"])
    #expect(bench.code == 0, "\(bench.errors)")
    let results = try #require(try JSONSerialization.jsonObject(with: Data(bench.output.utf8)) as? [[String: Any]])
    #expect(results.count >= 4)
    for result in results {
      let figures = ["minimum", "median", "maximum"].compactMap { result[$0] as? Double }
      #expect(figures.count == 3 && figures == figures.sorted() && figures[0] > 0, "\(result)")
    }
  }
}
