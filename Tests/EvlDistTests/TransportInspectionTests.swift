import Cardiology
import Foundation
import TestSupport
import Testing

/// `inspect --transport` on small runs: the numbers, the picture, and what it refuses.
@Suite(.serialized) struct TransportInspectionTests {
  /// Trains a few steps in the folder "runs" beside a teacher that all runs there share.
  private func train(_ name: String, in folder: URL, _ more: [String] = []) throws {
    let settings =
      [
        "data.view=image", "data.records=90", "data.questions.report=0", "teacher.steps=2", "train.steps=2",
        "train.global_batch=8", "train.warmup=1", "evaluation.enabled=false", "evaluation.replicates=100",
        "run.folder=runs/\(name)",
      ] + more
    let outcome = try CommandTests.run(["train"] + settings.flatMap { ["--set", $0] }, in: folder)
    #expect(outcome.code == 0, "\(outcome.errors)")
  }

  private func inspect(_ arguments: [String], in folder: URL) throws -> CommandTests.Outcome {
    try CommandTests.run(["inspect", "--transport"] + arguments, in: folder)
  }

  private func object(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test func confusionIsComparedWithARunWithoutTheTermAndDrawn() throws {
    try withTemporaryFolder { folder in
      try train("with", in: folder)
      try train("without", in: folder, ["objective.transport.weight=0"])
      try train("answers", in: folder, ["objective.method=ce"])
      let shown = try inspect(
        ["runs/with", "--against", "runs/without", "--records", "2", "--json", "-o", "x.png"], in: folder)
      #expect(shown.code == 0, "\(shown.errors)")
      let report = try object(shown.output)
      // Eleven leads hold 1/16 of the image each, lead II with its rhythm strip 5/16.
      #expect(report["uniform"] as? Double == 1 - (11 + 25) / 256.0)
      #expect(report["records"] as? Int == 2 && report["comparison"] as? String == "without")
      let rows = try #require(report["rows"] as? [[String: Any]])
      #expect(rows.compactMap { $0["plan"] as? String } == ["learned", "fitted", "attention"])
      for row in rows {
        let isLearned = row["plan"] as? String == "learned"
        #expect((row["compared"] == nil) == isLearned && (row["difference"] == nil) == isLearned)
        for side in [row["with"], row["compared"]].compactMap({ $0 as? [String: Any] }) {
          let mean = try #require(side["mean"] as? [String: Any])
          let values = ["low", "value", "high"].compactMap { mean[$0] as? Double }
          #expect(values.count == 3 && values == values.sorted() && values[0] > 0 && values[2] < 1, "\(row)")
          #expect(side["leftOut"] as? Double == 0)
        }
      }
      for (plan, mass) in try #require(report["mass"] as? [String: [[Double]]]) {
        #expect(abs(mass.joined().reduce(0, +) - 1) < 0.01, "\(plan)")
        // Each of the student's leads has its share of the tokens, so its share of the mass.
        #expect(mass.enumerated().allSatisfy { abs($1.reduce(0, +) - ($0 == 1 ? 5 : 1) / 16.0) < 0.01 }, "\(plan)")
      }
      try expectAPicture(folder.appendingPathComponent("x.png"))

      let plain = try inspect(["runs/with", "--against", "runs/answers", "--records", "1"], in: folder)
      #expect(plain.code == 0 && plain.output.contains("picture: transport.png"), "\(plain.errors)")
      #expect(plain.output.contains("without") && plain.output.contains("0.859"))
      try expectAPicture(folder.appendingPathComponent("transport.png"))
      try expectPages(in: folder)
      try refusals(in: folder)
    }
  }

  /// The page draws the plans of the same runs, over the leads.
  private func expectPages(in folder: URL) throws {
    for (run, plans) in [("with", 2), ("without", 1), ("answers", 0)] {
      let told = try CommandTests.run(["report", "runs/\(run)", "--records", "1"], in: folder)
      #expect(told.code == 0, "\(told.errors)")
      let page = try String(contentsOf: folder.appendingPathComponent("runs/\(run)/report.html"), encoding: .utf8)
      for place in 0..<2 { #expect(page.contains("id=\"plan-0-\(place)\"") == (place < plans), "\(run)") }
      #expect(page.contains("Lead confusion") == (plans > 0))
      #expect(page.contains("without the transport and alignment terms") == (plans == 0))
    }
  }

  /// Tokens of raw signal that hold one lead each have leads as those of a picture have.
  @Test func singleLeadTokensAreComparedAndDrawn() throws {
    try withTemporaryFolder { folder in
      try train("with", in: folder, ["data.view=leads"])
      try train("without", in: folder, ["data.view=leads", "objective.transport.weight=0"])
      try train("picture", in: folder, ["objective.transport.weight=0"])
      let shown = try inspect(
        ["runs/with", "--against", "runs/without", "--records", "2", "--json", "-o", "x.png"], in: folder)
      #expect(shown.code == 0, "\(shown.errors)")
      let report = try object(shown.output)
      // Ten leads have 4 of 64 places, II and V1 with their strips 12.
      #expect(report["uniform"] as? Double == 1 - Double(10 * 16 + 2 * 144) / 4096)
      for (plan, mass) in try #require(report["mass"] as? [String: [[Double]]]) {
        let shares = mass.map { $0.reduce(0, +) * 64 }
        #expect(shares.indices.allSatisfy { abs(shares[$0] - ([1, 6].contains($0) ? 12 : 4)) < 0.01 }, "\(plan)")
      }
      try expectAPicture(folder.appendingPathComponent("x.png"))
      #expect(try CommandTests.run(["report", "runs/with", "--records", "1"], in: folder).code == 0)
      let page = try String(contentsOf: folder.appendingPathComponent("runs/with/report.html"), encoding: .utf8)
      #expect(page.contains("Lead confusion") && page.contains("id=\"plan-0-1\""))
      let other = try inspect(["runs/with", "--against", "runs/picture"], in: folder)
      #expect(other.code == 64 && other.errors.contains("another view"), "\(other)")
    }
  }

  private func refusals(in folder: URL) throws {
    func refuse(_ code: Int32, _ words: String, _ arguments: [String]) throws {
      let outcome = try inspect(arguments, in: folder)
      #expect(outcome.code == code && outcome.errors.contains(words), "\(arguments): \(outcome)")
    }
    try refuse(64, "without the transport term", ["runs/without"])
    try refuse(64, "without the transport term", ["runs/answers"])
    try refuse(64, "with the transport term too", ["runs/with", "--against", "runs/with"])
    try refuse(64, "--records", ["runs/with", "--records", "0"])
    try refuse(64, ".png", ["runs/with", "-o", "x.jpg"])
    try refuse(74, "does not exist", ["runs/none"])
    try refuse(65, "no trained run", ["runs"])
    try refuse(65, "WFDB record", ["runs/with", "--record", "x.csv"])
    try refuse(74, "cannot be written", ["runs/with", "--records", "1", "-o", "none/x.png"])
    #expect(try CommandTests.run(["inspect", "runs/with", "--records", "2"], in: folder).code == 64)

    try train("signals", in: folder, ["data.view=signal"])
    try refuse(64, "data.view=leads or image", ["runs/signals"])
    try train("other", in: folder, ["objective.transport.weight=0", "teacher.steps=3"])
    try refuse(64, "another teacher", ["runs/with", "--against", "runs/other"])
  }

  @Test func anyRecordingIsDrawnFromACheckpointAndTheTeacherIsFoundFromAnotherFolder() throws {
    try withTemporaryFolder { folder in
      try train("with", in: folder, ["train.steps=4", "checkpoint.every=2"])
      let checkpoint = folder.appendingPathComponent("runs/with/checkpoints/step-00000002").path
      let elsewhere = folder.appendingPathComponent("elsewhere")
      try FileManager.default.createDirectory(at: elsewhere, withIntermediateDirectories: true)
      let recording = try Fixtures.record(in: elsewhere)
      for (record, role) in [
        ("synthetic-7", "fold "), ("synthetic:7", "fold "), ("synthetic:7:9", "not of the run's data"),
        (recording.path, "not of the run's data"),
      ] {
        let shown = try inspect([checkpoint, "--record", record, "--records", "1", "--json"], in: elsewhere)
        #expect(shown.code == 0, "\(shown.errors)")
        let report = try object(shown.output)
        #expect((report["recordRole"] as? String)?.hasPrefix(role) == true, "\(record)")
        #expect((report["with"] as? [String: Any])?["step"] as? Int == 2)
        #expect((report["compared"] as? [String: Any])?["step"] as? Int == 0)
        #expect(report["comparison"] as? String == "untrained")
      }

      // A damaged newest checkpoint is passed by and named; without its teacher a run cannot be looked into.
      let newest = folder.appendingPathComponent("runs/with/checkpoints/step-00000004")
      try Data("damaged".utf8).write(to: newest.appendingPathComponent("model.safetensors"))
      let older = try inspect(["runs/with", "--records", "1"], in: folder)
      #expect(older.code == 0 && older.output.contains("step 2") && older.output.contains("step-00000004"))
      #expect(try inspect([newest.path], in: folder).code == 65)
      try FileManager.default.removeItem(at: folder.appendingPathComponent("runs/teachers"))
      let orphan = try inspect(["runs/with"], in: folder)
      #expect(orphan.code == 65 && orphan.errors.contains("teacher"), "\(orphan)")
    }
  }

  /// A store holds no model that could be shown a recording, but says which one it is of, and that is found.
  @Test func aRunTaughtByAStoreIsShownWithTheTeacherThatTheStoreIsOf() throws {
    try withTemporaryFolder { folder in
      let settings = [
        "data.view=image", "data.records=90", "data.questions.report=0", "teacher.steps=2", "train.global_batch=8",
        "train.steps=2", "train.warmup=1", "teacher.store=stores/made", "run.folder=runs/taught",
      ]
      let taught = try CommandTests.run(["teach"] + settings.flatMap { ["--set", $0] }, in: folder)
      #expect(taught.code == 0, "\(taught.errors)")
      // As those of an ablation: a run folder by its whole path, store and teacher where the command was started.
      let far = folder.appendingPathComponent("far")
      try train("stored", in: folder, ["teacher.store=stores/made", "run.folder=\(far.path)"])
      try train("plain", in: folder, ["teacher.store=stores/made", "objective.transport.weight=0"])
      let elsewhere = folder.appendingPathComponent("elsewhere")
      try FileManager.default.createDirectory(at: elsewhere, withIntermediateDirectories: true)
      let shown = try inspect([far.path, "--against", "../runs/plain", "--records", "1"], in: elsewhere)
      #expect(shown.code == 0, "\(shown.errors)")
      let told = try CommandTests.run(["report", far.path, "--records", "1"], in: elsewhere)
      #expect(told.code == 0, "\(told.errors)")
      let page = try String(contentsOf: far.appendingPathComponent("report.html"), encoding: .utf8)
      #expect(page.contains("id=\"plan-0-1\"") && page.contains("Lead confusion"))
      // The same teacher beside the run itself.
      try train("live", in: folder)
      let beside = try inspect(["runs/live", "--against", "runs/plain", "--records", "1"], in: folder)
      #expect(beside.code == 0, "\(beside.errors)")
      try expectWhatIsGoneIsNamed(far, in: folder)
    }
  }

  /// Without its store, with another in its place, and without the teacher.
  private func expectWhatIsGoneIsNamed(_ run: URL, in folder: URL) throws {
    func refuse(_ words: String) throws {
      let outcome = try inspect([run.path], in: folder)
      #expect(outcome.code == 65, "\(outcome)")
      for word in [words, "teacher store stores/made", "--set teacher.store=", "teacher.path"] {
        #expect(outcome.errors.contains(word), "\(word): \(outcome.errors)")
      }
    }
    let index = folder.appendingPathComponent("stores/made/index.json")
    let whole = try String(contentsOf: index, encoding: .utf8)
    try Data(whole.replacing("\"built-in teacher\"", with: "\"another\"").utf8).write(to: index)
    try refuse("is not the one that far learned from")
    try FileManager.default.removeItem(at: index)
    try refuse("cannot be read")
    try Data(whole.utf8).write(to: index)
    #expect(try inspect([run.path, "--records", "1"], in: folder).code == 0)
    try FileManager.default.removeItem(at: folder.appendingPathComponent("runs/teachers"))
    try refuse("is not in runs/teachers")
    let report = try CommandTests.run(["report", run.path], in: folder)
    let page = try String(contentsOf: run.appendingPathComponent("report.html"), encoding: .utf8)
    #expect(report.code == 0 && page.contains("is not in runs/teachers") && !page.contains("id=\"plan-0-0\""))
    // What is said to do instead works.
    let config = run.appendingPathComponent("config.yaml").path
    let again = try CommandTests.run(
      ["train", "--config", config, "--set", "teacher.store=", "--set", "run.folder=runs/again"], in: folder)
    #expect(again.code == 0, "\(again.errors)")
    #expect(try inspect(["runs/again", "--records", "1"], in: folder).code == 0)
  }

  /// A picture of many colours, with marks of both kinds of arrow.
  private func expectAPicture(_ file: URL) throws {
    let image = try RasterImage.readPNG(file)
    var colours: Set<Int> = []
    for y in stride(from: 0, to: image.height, by: 3) {
      for x in stride(from: 0, to: image.width, by: 3) {
        let (red, green, blue) = image[x, y]
        colours.insert(Int(red) << 16 | Int(green) << 8 | Int(blue))
      }
    }
    #expect(image.width > 1500 && image.height > 1500 && colours.count > 500)
  }
}
