import Foundation
import TestSupport
import Testing

/// What `interpret` prints, and what it refuses.
@Suite struct InterpretCommandTests {
  private func answer(_ arguments: [String]) throws -> [String: Any] {
    let outcome = try CommandTests.run(["interpret"] + arguments + ["--json"])
    #expect(outcome.code == 0, "\(outcome.errors)")
    return try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
  }

  @Test func theStreamedAnswerIsTheWholeOne() throws {
    try withTemporaryFolder { folder in
      try Fixtures.model(in: folder)
      let arguments = ["--model", folder.path, "synthetic:3", "--tokens", "12", "--question", "What is seen?"]
      let whole = try #require(try answer(arguments)["answer"] as? String)
      let shown = try CommandTests.run(["interpret"] + arguments)
      let told = whole.isEmpty ? "(no answer)" : whole
      #expect(shown.output == "synthetic-1-3: What is seen?\n  \(told)\nA research tool; not a diagnosis.\n")
    }
  }

  @Test func threadsDoNotChangeTheAnswerAndTimingsAreTold() throws {
    try withTemporaryFolder { folder in
      try Fixtures.model(in: folder)
      let arguments = ["--model", folder.path, "synthetic:4", "--tokens", "6", "--timings"]
      let (one, two) = (try answer(arguments + ["--threads", "1"]), try answer(arguments + ["--threads", "2"]))
      #expect(one["answer"] as? String == two["answer"] as? String)
      let timings = try #require(two["timings"] as? [String: Any])
      #expect(timings["threads"] as? Int == 2 && (timings["memoryBandwidth"] as? Double ?? 0) > 1e8)
      let shown = try CommandTests.run(["interpret"] + arguments).output
      #expect(shown.contains("model read in ") && shown.contains("STTC"))
    }
  }

  /// The page that `render` draws, read back as a picture by a model of the image view.
  @Test func picturesAreReadByModelsOfTheImageView() throws {
    try withTemporaryFolder { folder in
      let picture = folder.appendingPathComponent("page.png").path
      #expect(
        try CommandTests.run(["render", "synthetic:3", "-o", picture, "--width", "512", "--height", "512"]).code == 0)
      let seeing = folder.appendingPathComponent("seeing")
      try Fixtures.model(in: seeing, view: "image")
      let read = try answer(["--model", seeing.path, picture, "--tokens", "3"])
      #expect(read["record"] as? String == "page" && (read["probabilities"] as? [String: Double])?.count == 5)
      let signal = folder.appendingPathComponent("signal")
      try Fixtures.model(in: signal)
      let refused = try CommandTests.run(["interpret", "--model", signal.path, picture])
      #expect(refused.code == 64 && refused.errors.contains("is a picture"))
      let missing = try CommandTests.run(["interpret", "--model", seeing.path, folder.path + "/none.jpg"])
      #expect(missing.code == 74 && missing.errors.contains("none.jpg"))
      try Data("no picture".utf8).write(to: folder.appendingPathComponent("damaged.PNG"))
      let damaged = try CommandTests.run(["interpret", "--model", seeing.path, folder.path + "/damaged.PNG"])
      #expect(damaged.code == 65 && damaged.errors.contains("neither PNG nor JPEG"))
      let whole = try Data(contentsOf: URL(fileURLWithPath: picture))
      try whole.prefix(whole.count / 2).write(to: folder.appendingPathComponent("half.png"))
      let half = try CommandTests.run(["interpret", "--model", seeing.path, folder.path + "/half.png"])
      #expect(half.code == 65 && half.output.isEmpty, "\(half)")
    }
  }

  /// A file's first bytes tell a picture and a header a record, whatever they are called.
  @Test func theNameOfAPictureTellsNothing() throws {
    try withTemporaryFolder { folder in
      let picture = folder.appendingPathComponent("page.png")
      let drawn = ["render", "synthetic:3", "-o", picture.path, "--width", "512", "--height", "512"]
      #expect(try CommandTests.run(drawn).code == 0)
      let seeing = folder.appendingPathComponent("seeing")
      try Fixtures.model(in: seeing, view: "image")
      func read(_ path: String) throws -> [String: Any] { try answer(["--model", seeing.path, path, "--tokens", "3"]) }
      let expected = try #require(try read(picture.path)["probabilities"] as? [String: Double])
      for name in ["page", "page.PIC", "page.dat", "made.bin"] {
        let other = folder.appendingPathComponent(name)
        try FileManager.default.copyItem(at: picture, to: other)
        #expect(try read(other.path)["probabilities"] as? [String: Double] == expected, "\(name)")
      }
      let record = try Fixtures.record(in: folder)
      let told = try CommandTests.run(["interpret", "--model", seeing.path, record.path + ".dat", "--tokens", "2"])
      #expect(told.code == 0 && told.output.hasPrefix("made: "), "\(told)")
      try Data("ECG".utf8).write(to: folder.appendingPathComponent("text"))
      let neither = try CommandTests.run(["interpret", "--model", seeing.path, folder.path + "/text"])
      #expect(neither.code != 0 && neither.output.isEmpty && neither.errors.contains("text"), "\(neither)")
    }
  }

  /// Nothing is printed of an answer that cannot be given.
  @Test func errorsComeBeforeTheQuestion() throws {
    try withTemporaryFolder { folder in
      try Fixtures.model(in: folder)
      let file = folder.appendingPathComponent("config.json")
      var object = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any] ?? [:]
      var text = object["text_config"] as? [String: Any] ?? [:]
      text["model_type"] = "mistral"
      text["sliding_window"] = 8
      object["text_config"] = text
      try JSONSerialization.data(withJSONObject: object).write(to: file)
      let refused = try CommandTests.run(["interpret", "--model", folder.path, "synthetic:3"])
      #expect(refused.code == 65 && refused.errors.contains("sliding window"), "\(refused)")
      #expect(refused.output.isEmpty)
    }
  }

  /// Cut, the question would lack the opening of its answer.
  @Test func aQuestionThatDoesNotFitIsRefused() throws {
    guard SharedFiles.has("cases/models/tiny_llava") else { return }
    let model = SharedFiles.url("cases/models/tiny_llava").path
    func ask(_ words: Int) throws -> CommandTests.Outcome {
      let question = "Is it normal?" + String(repeating: " why", count: words)
      return try CommandTests.run([
        "interpret", "--model", model, "synthetic:3", "--tokens", "2", "--question", question,
      ])
    }
    let fits = try ask(20)
    #expect(fits.code == 0, "\(fits)")
    let refused = try ask(5000)
    #expect(refused.code == 65 && refused.output.isEmpty, "\(refused)")
    for words in ["Is it normal?", "tokens", "4096 fit", "tokens fewer"] {
      #expect(refused.errors.contains(words), "\(refused.errors)")
    }
    #expect(refused.errors.count < 500, "\(refused.errors)")
  }

  @Test(arguments: [
    ["--threads", "0"], ["--threads", "5000"], ["--threads", "x"], ["--tokens", "0"], ["--tokens", "-1"],
    ["--question", " "], ["--chat-template", "alpaca"],
  ]) func optionsThatMeanNothingAreRefused(option: [String]) throws {
    let outcome = try CommandTests.run(["interpret", "--model", "none", "synthetic:1"] + option)
    #expect(outcome.code == 64)
  }

  @Test func theBenchmarkOfGenerationTellsItsShareOfTheMemory() throws {
    let outcome = try CommandTests.run(["bench", "generation", "--repetitions", "1", "--threads", "1"])
    #expect(outcome.code == 0 && outcome.output.contains("memory read by 1 thread"))
    #expect(outcome.output.contains("further tokens, bf16 weights") && outcome.output.contains("% of the memory's"))
    #expect(try CommandTests.run(["bench", "matrix", "--threads", "2"]).code == 64)
    #expect(try CommandTests.run(["bench", "generation", "--threads", "0"]).code == 64)
    #expect(try CommandTests.run(["bench", "losses", "--shape", "x"]).code == 64)
  }
}
