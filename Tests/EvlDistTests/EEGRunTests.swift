import Foundation
import TestSupport
import Testing

/// The program on an EEG: epochs around events in place of ECGs.
@Suite(.serialized) struct EEGRunTests {
  private static let small = [
    "data.kind=eeg", "data.augmentation.shift=0", "data.questions.report=0", "teacher.steps=2", "train.steps=3",
    "train.global_batch=8", "train.warmup=1", "evaluation.fold=5", "evaluation.train_folds=[1,2,3,4]",
    "evaluation.replicates=100", "evaluation.answer_tokens=8",
  ]

  private func arguments(_ command: String, _ folder: URL, _ name: String, _ more: [String]) -> [String] {
    let settings =
      ["run.folder=\(folder.path)/\(name)", "teacher.cache=\(folder.path)/teachers"] + Self.small + more
    return [command] + settings.flatMap { ["--set", $0] }
  }

  private func results(_ folder: URL, _ name: String) throws -> [String: Any] {
    let data = try Data(contentsOf: folder.appendingPathComponent("\(name)/results.json"))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  /// Trains on a recording, and holds what the run says of itself against it.
  private func train(_ recording: URL, subset: String, records: Int) throws {
    guard MPIRun.isPresent else { return }
    try withTemporaryFolder { folder in
      let outcome = try MPIRun.run(
        ranks: 2, MPIRun.program("evl-dist"),
        arguments("train", folder, "run", ["data.path=\(recording.path)"]), seconds: 300)
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("at the border of two folds") || outcome.errors.contains("at the border"))
      let results = try results(folder, "run")
      #expect(results["subset"] as? String == subset)
      for model in ["teacher", "before", "after"] {
        let report = try #require(results[model] as? [String: Any])
        #expect(report["task"] as? String == "eeg-events" && report["records"] as? Int == records)
        let positives = try #require(report["positives"] as? [String: Int])
        #expect(positives.keys.sorted() == ["response", "stimulus"] && positives.values.reduce(0, +) == records)
        let scores = try #require(report["probabilities"] as? [String: Any])
        let area = try #require(scores["macroAUC"] as? [String: Any])
        #expect(area["value"] is Double && area["low"] is Double && area["high"] is Double)
        #expect(report["text"] != nil && report["ecgBench"] == nil)
      }
      let metrics = try String(contentsOf: folder.appendingPathComponent("run/metrics.jsonl"), encoding: .utf8)
      for term in ["ce", "mhca", "ot", "rel"] { #expect(metrics.contains("\"\(term)\""), "\(term)") }
      // The page shows the questions of this data set and no others.
      let page = try CommandTests.run(["report", "\(folder.path)/run"])
      #expect(page.code == 0, "\(page.errors)")
      let html = try String(contentsOf: folder.appendingPathComponent("run/report.html"), encoding: .utf8)
      #expect(html.contains("Which event is this EEG around") && html.contains("stimulus"))
      #expect(html.contains("was trained on an EEG, and plans are drawn over ECGs"))
      #expect(!html.contains("appropriate diagnosis") && !html.contains("is damaged"))
    }
  }

  @Test func aMadeRecordingIsTrainedOnAndEvaluated() throws {
    try withTemporaryFolder { folder in
      let fixture = EEGFixture(seconds: 100)
      try train(try fixture.write(to: folder), subset: "EEG rest, fold 5", records: 9)
    }
  }

  @Test(.enabled(if: SharedFiles.has("data/eeg"))) func theRealRecordingIsTrainedOnAndEvaluated() throws {
    try train(
      SharedFiles.url("data/eeg/eeglab_tutorial_32ch_128hz.edf"), subset: "EEG eeglab_tutorial_32ch_128hz, fold 5",
      records: 30)
  }

  @Test func anAblationOverFoldsScoresEveryEpochOnceByModelsThatHaveNotSeenIt() throws {
    guard MPIRun.isPresent else { return }
    try withTemporaryFolder { folder in
      let recording = try EEGFixture(seconds: 60).write(to: folder)
      let file = folder.appendingPathComponent("eeg.yaml")
      try Data(
        """
        ablation:
          seeds: [1, 2]
          compared_with: CE
          folds: [1, 2, 3]
          methods: [{name: CE, set: [objective.method=ce]}, {name: EVL}]

        """.utf8
      ).write(to: file)
      func ablate(_ name: String, ranks: Int, _ more: [String] = []) throws -> MPIRun.Outcome {
        let given = arguments("ablate", folder, name, ["data.path=\(recording.path)", "data.eeg.folds=3"] + more)
        return try MPIRun.run(
          ranks: ranks, MPIRun.program("evl-dist"), given + ["--config", file.path], seconds: 400)
      }
      let outcome = try ablate("a", ranks: 2)
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("folds 1, 2, 3, each by models trained on the others"), "\(outcome.output)")
      #expect(outcome.output.contains("[12 of 12]"), "\(outcome.output)")
      var answered: [String] = []
      for fold in 1...3 {
        let run = folder.appendingPathComponent("a/fold-\(fold)/runs/all/evl/seed-2")
        let settings = try String(contentsOf: run.appendingPathComponent("config.yaml"), encoding: .utf8)
        #expect(settings.contains("fold: \(fold)\n"))
        let json = try JSONSerialization.jsonObject(
          with: try Data(contentsOf: run.appendingPathComponent("answers.json")))
        let answers = try #require((json as? [String: Any])?["answers"] as? [[String: Any]])
        answered += answers.compactMap { $0["id"] as? String }
      }
      let table = try JSONSerialization.jsonObject(
        with: try Data(contentsOf: folder.appendingPathComponent("a/ablation.json")))
      let records = try #require((table as? [String: Any])?["records"] as? Int)
      #expect(answered.count == records && Set(answered).count == records && records > 20)
      // Each fold has a teacher and a store of its own.
      let teachers = try FileManager.default.contentsOfDirectory(atPath: folder.appendingPathComponent("teachers").path)
      #expect(teachers.count == 3)

      let stored = try ablate("b", ranks: 1, ["teacher.store=\(folder.path)/store"])
      #expect(stored.code == 64 && stored.errors.contains("ablation.folds and teacher.store"), "\(stored.errors)")
    }
  }

  @Test func whatCannotBeTrainedOnIsRefusedBeforeAnythingIsWritten() throws {
    try withTemporaryFolder { folder in
      let recording = try EEGFixture(seconds: 60).write(to: folder)
      let cases: [(settings: [String], code: Int32, words: String)] = [
        (["data.path=\(recording.path)", "data.augmentation.shift=1"], 64, "data.kind eeg needs 0"),
        (["data.path=\(recording.path)", "data.view=image"], 64, "the signal view alone"),
        (["data.path=\(recording.path)", "data.eeg.channels=[Fz, Cz]"], 64, "names 2 electrodes"),
        (["data.path=\(folder.path)/none.edf"], 74, "none.edf"),
        (["data.path=\(folder.path)/rest_events.csv"], 65, "not an EDF file"),
        (["data.path=\(recording.path)", "data.eeg.response=button"], 65, "\"button\""),
        (["data.path=\(recording.path)", "evaluation.fold=9"], 65, "the folds present are 1, 2, 3, 4, 5"),
      ]
      for (settings, code, words) in cases {
        let outcome = try CommandTests.run(arguments("train", folder, "no", settings))
        #expect(outcome.code == code && outcome.errors.contains(words), "\(outcome.code): \(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("no/config.yaml").path))
      }
      let seen = try CommandTests.run(["inspect", recording.path])
      #expect(seen.code == 0 && seen.output.contains("EEG Oz") && seen.output.contains("60.0 s, no annotations"))
    }
  }
}
