import Foundation
import TestSupport
import Testing

/// `ablate` as users meet it: runs queued over the ranks, found again after a stop, one table at the end.
@Suite(.serialized) struct AblationRunTests {
  private static let configuration = """
    ablation:
      seeds: [1, 2]
      compared_with: CE
      methods:
        - {name: CE, set: [objective.method=ce], paper: 64.1}
        - {name: EVL}
        - {name: vanilla KL, set: [objective.method=kl]}
        - {name: TinyBERT, set: [objective.method=tinybert, teacher.store=]}
      conditions:
        - {name: half, set: [train.labelled=0.5]}
      grids:
        - {fold: 8, seeds: [1], method: EVL, condition: half, chosen_for: [EVL], over: [{key: objective.alpha, values: [0.3, 0.6]}]}
      note: Said by the configuration.
    data: {records: 120, questions: {report: 0}}
    teacher: {steps: 2, variants: 2}
    train: {steps: 3, global_batch: 8, warmup: 1}
    evaluation: {replicates: 100, answer_tokens: 2}
    checkpoint: {every: 1, keep: 1}

    """

  private func arguments(_ folder: URL, _ name: String, _ more: [String] = []) throws -> [String] {
    let file = folder.appendingPathComponent("ablation.yaml")
    try Data(Self.configuration.utf8).write(to: file)
    // One store for all, which the first of them writes.
    let settings =
      [
        "run.folder=\(folder.path)/\(name)", "teacher.cache=\(folder.path)/teachers",
        "teacher.store=\(folder.path)/store",
      ] + more
    return ["ablate", "--config", file.path] + settings.flatMap { ["--set", $0] }
  }

  /// The results without what a clock had a hand in.
  private func results(_ folder: URL, _ name: String) throws -> String {
    let file = folder.appendingPathComponent("\(name)/ablation.json")
    return try String(contentsOf: file, encoding: .utf8).replacing(/"seconds" : \[[^\]]*\]/, with: "\"seconds\" : []")
  }

  private func ablate(_ ranks: Int, _ arguments: [String]) throws -> MPIRun.Outcome {
    try MPIRun.run(ranks: ranks, MPIRun.program("evl-dist"), arguments, seconds: 400)
  }

  private func expectOutline(_ arguments: [String], _ words: [String]) throws {
    let outline = try CommandTests.run(arguments + ["--dry-run"])
    #expect(outline.code == 0, "\(outline)")
    for words in ["grid of EVL", "2 runs", "6 runs", "vanilla KL is left out: "] + words {
      #expect(outline.output.contains(words), "\(words): \(outline.output)")
    }
  }

  @Test func theResultsAreTheSameOnOneRankQueuedOverThreeAndTogetherOnTwo() throws {
    guard MPIRun.isPresent else { return }
    try withTemporaryFolder { folder in
      let asking = try arguments(folder, "one", [])
      let before = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      try expectOutline(asking, ["8 of 8 runs", "is written first", "told once the teacher store is there"])
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == before)
      for (ranks, name, more) in [(1, "one", []), (3, "queued", []), (2, "together", ["ablation.together=true"])] {
        let outcome = try ablate(ranks, try arguments(folder, name, more))
        #expect(outcome.code == 0, "\(outcome.errors)")
        for words in [
          "half: train.labelled=0.5", "minus CE", "EVL", "64.1", "chosen", "Said by", "two or more superclasses",
          "[6 of 6]", "left out", "grid", "evaluating the teacher on", "\nteacher ",
          "resamples of records (paired) together",
          "Values chosen by a grid: EVL by 2 combinations (half, seeds 1)", "As configured: CE",
          "at the edge of objective.alpha",
        ] {
          #expect(outcome.output.contains(words), "\(words): \(outcome.output)")
        }
        #expect(outcome.errors.contains("vanilla KL is left out: objective.method kl needs one vocabulary"))
        #expect(
          try CommandTests.run(["verify", "\(folder.path)/\(name)/runs/half/evl/seed-2"]).output.contains("step 3"))
      }
      let one = try results(folder, "one")
      #expect(one.contains("\"skipped\"") && one.contains("\"pValue\""))
      let values = try #require(try JSONSerialization.jsonObject(with: Data(one.utf8)) as? [String: Any])
      let origin = try #require(values["origin"] as? [String: Any])
      #expect((origin["program"] as? String)?.hasPrefix("evl-dist") == true, "\(origin)")
      #expect((origin["programs"] as? [String])?.count == 1, "\(origin)")
      let configuration = try #require(origin["configuration"] as? [String: String])
      #expect(configuration["train.steps"] == "3" && configuration["run.folder"] == nil)
      let teacher = try #require(values["teacher"] as? [String: Any])
      #expect((teacher["scores"] as? [[String: Any]])?.first?["metric"] as? String == "macro AUC")
      #expect(try results(folder, "queued") == one)
      #expect(try results(folder, "together") == one)

      try expectOutline(
        asking, ["0 of 8 runs", "6 done", "is there", "seconds of a run that is done, mean", "memory per rank, half  "])
      // Started again, nothing is done again.
      let again = try ablate(2, try arguments(folder, "one"))
      #expect(again.code == 0 && !again.output.contains("runs to be done"), "\(again.output)")
      #expect(!again.output.contains("evaluating the teacher") && again.output.contains("\nteacher "))
      #expect(try results(folder, "one") == one)
      try expectPages(of: folder.appendingPathComponent("one/runs/half/evl"))
      try expectRefusals(in: folder)
      // With another setting, what is there is not taken for it.
      let other = try ablate(1, try arguments(folder, "one", ["train.learning_rate=0.001"]))
      #expect(
        other.code == 64 && other.errors.contains("train.learning_rate: 0.002 then, 0.001 now"), "\(other.errors)")
    }
  }

  /// A run's page has its answers, and its plans by the teacher that the store names; two are compared by record.
  private func expectPages(of runs: URL) throws {
    let seeds = [1, 2].map { runs.appendingPathComponent("seed-\($0)") }
    let told = try CommandTests.run(["report", seeds[0].path, "--records", "1"])
    #expect(told.code == 0, "\(told.errors)")
    let page = try String(contentsOf: seeds[0].appendingPathComponent("report.html"), encoding: .utf8)
    #expect(page.contains("id=\"answer-drawn-0-t\"") && page.contains("id=\"plan-0-0\""))
    #expect(page.contains("<h1>half/evl/seed-1</h1>") && !page.contains("keeps no answers"))
    let compared = try CommandTests.run(["report"] + seeds.map(\.path))
    #expect(compared.code == 0, "\(compared.errors)")
    let beside = try String(contentsOf: runs.appendingPathComponent("report.html"), encoding: .utf8)
    #expect(beside.contains("Differences to seed-1") && !beside.contains("resamples draw records"))
  }

  /// How far it is, is told; two ablations have no page together, and one without results none yet.
  private func expectRefusals(in folder: URL) throws {
    let status = try CommandTests.run(["status", "one"], in: folder)
    for words in [
      "state       finished", "grids       2 of 2 done", "runs        6 of 6 done", "newest      runs/half/",
    ] {
      #expect(status.output.contains(words), "\(words): \(status)")
    }
    let both = try CommandTests.run(["report", "one", "queued"], in: folder)
    #expect(both.code == 64 && both.errors.contains("one ablation at a time"), "\(both)")
    try FileManager.default.removeItem(at: folder.appendingPathComponent("queued/ablation.json"))
    let unfinished = try CommandTests.run(["report", "queued"], in: folder)
    #expect(unfinished.code == 65, "\(unfinished)")
    for words in [
      "queued holds an ablation", "6 of 6 runs are done, 2 of 2 of its grids are done", "same ablate command again",
    ] {
      #expect(unfinished.errors.contains(words), "\(words): \(unfinished.errors)")
    }
    let run = try CommandTests.run(["report", "queued/runs/half/evl/seed-1", "queued"], in: folder)
    #expect(run.code == 64 && run.errors.contains("one ablation at a time"), "\(run)")
    let page = try CommandTests.run(["report", "one"], in: folder)
    #expect(page.code == 0, "\(page)")
  }

  @Test func aStoppedAblationGoesOnToTheSameResults() throws {
    guard MPIRun.isPresent else { return }
    try withTemporaryFolder { folder in
      let steps = ["train.steps=10", "ablation.teacher=false"]
      let whole = try ablate(2, try arguments(folder, "whole", steps))
      #expect(whole.code == 0, "\(whole.errors)")
      let words = try arguments(folder, "stopped", steps)
      var stops = 0
      for wait in [0.1, 0.4, 0.8] {
        let outcome = try MPIRun.run(
          command: MPIRun.launcher + ["-n", "2", MPIRun.program("evl-dist").path] + words, seconds: 400
        ) { _ in
          Thread.sleep(forTimeInterval: wait)
          let launcher = MPIRun.process { _, found in
            found.contains("run.folder=\(folder.path)/stopped") && found.first?.hasSuffix("evl-dist") != true
              && found.first != "timeout"
          }
          if let launcher { kill(launcher, SIGUSR1) }
        }
        #expect(outcome.code == 75 || outcome.code == 0, "\(outcome.code): \(outcome.errors)")
        if outcome.code == 75 { stops += 1 }
      }
      #expect(stops > 0, "the job was too quick to be stopped")
      #expect(try ablate(1, words).code == 0)
      #expect(try results(folder, "stopped") == results(folder, "whole"))
    }
  }

  /// Numbers that run over end their own run, whoever did it, and nothing else.
  @Test func aRunThatDivergesIsToldOfAndTheOthersGoOn() throws {
    guard MPIRun.isPresent else { return }
    try withTemporaryFolder { folder in
      let more = [
        "ablation.methods=[{name: CE, set: [objective.method=ce]}, {name: wild, set: [objective.method=ce, train.learning_rate=1e30]}]",
        "ablation.grids=null", "train.steps=12",
      ]
      for (ranks, name) in [(1, "one"), (2, "two")] {
        let outcome = try ablate(ranks, try arguments(folder, name, more))
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("half, wild, seed 1: came to nothing"), "\(outcome.output)")
        #expect(outcome.output.contains("half, wild, seed 2: "), "\(outcome.output)")
      }
      #expect(try results(folder, "two") == results(folder, "one"))
      #expect(try results(folder, "one").contains("\"failures\" : [\n            \"seed 1: "))
    }
  }

  @Test func whatCannotBeAblatedIsRefused() throws {
    try withTemporaryFolder { folder in
      let none = try CommandTests.run(try arguments(folder, "x", ["evaluation.enabled=false"]))
      #expect(none.code == 64 && none.errors.contains("evaluates none"), "\(none.errors)")
      let unknown = try CommandTests.run(try arguments(folder, "x", ["ablation.seed=[1]"]))
      #expect(unknown.code == 64 && unknown.errors.contains("unknown key ablation.seed"), "\(unknown.errors)")
      let quick = try CommandTests.run(["ablate", "--config", "configs/quick-start.yaml"])
      #expect(quick.code == 64, "\(quick.errors)")
    }
  }
}
