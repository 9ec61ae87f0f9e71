import Foundation
import Tensors
import TestSupport
import Testing

@testable import EvlDist

/// The program as a user starts it: exit codes, messages, files.
@Suite(.serialized) struct CommandTests {
  struct Outcome {
    var code: Int32
    var output: String
    var errors: String

    /// What is refused and what to do, without the notes before it.
    var refusal: String { errors.range(of: "error: ").map { String(errors[$0.lowerBound...]) } ?? "" }
  }

  static func run(
    _ arguments: [String], by starter: [String] = [], input: String = "", in folder: URL? = nil
  ) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["timeout", "-k", "5", "300"] + starter + [MPIRun.program("evl-dist").path] + arguments
    if let folder { process.currentDirectoryURL = folder }
    let (standardInput, output, errors) = (Pipe(), Pipe(), Pipe())
    process.standardInput = standardInput
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    standardInput.fileHandleForWriting.write(Data(input.utf8))
    try standardInput.fileHandleForWriting.close()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    let messages = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Outcome(
      code: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
      errors: String(decoding: messages, as: UTF8.self))
  }

  @Test func helpNamesEveryCommandAndUsageErrorsEndWith64() throws {
    let help = try Self.run(["--help"])
    #expect(help.code == 0)
    for name in [
      "train", "teach", "ablate", "evaluate", "interpret", "render", "inspect", "verify", "export", "doctor", "bench",
      "loss",
      "forward",
      "tokenize",
      "config", "plan", "launch", "status", "report",
    ] {
      #expect(help.output.contains(name))
      #expect(try Self.run([name, "--help"]).code == 0)
    }
    #expect(try Self.run(["train", "--nonsense"]).code == 64)
    #expect(try Self.run(["evaluate", "--data", "x", "--task", "none", "--model", "m"]).code == 64)
  }

  @Test func configShowsOriginsAndRefusesUnknownKeysWithTheNearest() throws {
    let shown = try Self.run(["config", "--set", "train.steps=7"])
    #expect(shown.code == 0)
    #expect(shown.output.split(separator: "\n").contains { $0.hasPrefix("train.steps ") && $0.hasSuffix("--set") })
    let wrong = try Self.run(["config", "--set", "train.stepps=7"])
    #expect(wrong.code == 64 && wrong.errors.contains("did you mean train.steps?"))
    #expect(try Self.run(["train", "--set", "train.shards=5"]).code == 64)
    let incomplete = try Self.run(["config", "--set", "data.kind=ptb-xl"])
    #expect(
      incomplete.code == 64 && incomplete.output.contains("train.steps") && incomplete.errors.contains("data.path"))
    #expect(try Self.run(["train", "--config", "/nonexistent.yaml"]).code == 64)
  }

  @Test func wideKernelsAreChosenWhereTheLibraryMissesThem() {
    let wide: Set<String> = ["avx2", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"]
    func advice(_ flags: Set<String>, _ chosen: String, _ environment: [String: String] = [:]) -> String? {
      MatrixKernels.advice(flags: flags, chosen: chosen, environment: environment)[MatrixKernels.variable]
    }
    #expect(advice(wide, "Haswell") == "SkylakeX" && advice(wide, "Zen") == "SkylakeX")
    #expect(advice(wide, "SkylakeX") == nil && advice(wide, "Cooperlake") == nil)
    #expect(advice(["avx2"], "Haswell") == nil && advice(wide.subtracting(["avx512vl"]), "Haswell") == nil)
    #expect(advice(wide, "Haswell", [MatrixKernels.variable: "Haswell"]) == nil, "the user's choice stands")
  }

  @Test func waitingOpenMPThreadsSleepUnlessTheUserHasChosen() {
    func advice(_ environment: [String: String]) -> [String: String] {
      MatrixKernels.advice(flags: [], chosen: "Haswell", environment: environment)
    }
    #expect(advice([:]) == ["OMP_WAIT_POLICY": "passive"])
    #expect(advice(["OMP_WAIT_POLICY": "active"]).isEmpty && advice(["GOMP_SPINCOUNT": "1000"]).isEmpty)
  }

  @Test func exportSaysWhatTheOriginalLlavaNeeds() throws {
    #expect(try Self.run(["export", "--help"]).output.contains("tokenizer.json"))
  }

  @Test func dryRunStatesMemoryAndStepsAndWritesNothing() throws {
    try withTemporaryFolder { folder in
      let outcome = try Self.run(["train", "--dry-run"], in: folder)
      #expect(outcome.code == 0 && outcome.output.contains("memory per rank"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
  }

  /// Texts with line breaks travel as JSON strings; special tokens can be left out on the way back.
  @Test func tokenizeTakesTextsAsJSON() throws {
    try withTemporaryFolder { folder in
      try Fixtures.writeTeacherTokenizer(to: folder)
      let file = folder.appendingPathComponent("tokenizer.json").path
      let text = #""two\nlines <image>""# + "\n"
      let there = try Self.run(["tokenize", "--tokenizer", file, "--json"], input: text)
      #expect(there.code == 0)
      let back = ["tokenize", "--tokenizer", file, "--json", "--decode"]
      #expect(try Self.run(back, input: there.output).output == text)
      #expect(try Self.run(back + ["--without-special-tokens"], input: there.output).output == #""two\nlines ""# + "\n")
      #expect(try Self.run(["tokenize", "--tokenizer", file, "--json"], input: "two lines\n").code == 65)
    }
  }

  @Test func tokenizeGoesThereAndBack() throws {
    try withTemporaryFolder { folder in
      try Fixtures.model(in: folder)
      let there = try Self.run(
        ["tokenize", "--tokenizer", folder.path], input: "Does this ECG show hypertrophy?\n\nä€🫀\n")
      #expect(there.code == 0 && there.output.split(separator: "\n").count == 3)
      let back = try Self.run(["tokenize", "--tokenizer", folder.path, "--decode"], input: there.output)
      #expect(back.output == "Does this ECG show hypertrophy?\n\nä€🫀\n")
      #expect(try Self.run(["tokenize", "--tokenizer", folder.path, "--decode"], input: "[1, x]\n").code == 65)
      #expect(try Self.run(["tokenize", "--tokenizer", folder.path, "--decode"], input: "[999999]\n").code == 65)
    }
  }

  @Test func renderInterpretAndInspectReadARecord() throws {
    try withTemporaryFolder { folder in
      let record = try Fixtures.record(in: folder)
      let picture = folder.appendingPathComponent("x.png")
      #expect(try Self.run(["render", record.path, "-o", picture.path, "--width", "512", "--height", "512"]).code == 0)
      #expect(try Data(contentsOf: picture).starts(with: [0x89, 0x50, 0x4E, 0x47]))
      let model = folder.appendingPathComponent("model")
      try FileManager.default.createDirectory(at: model, withIntermediateDirectories: true)
      try Fixtures.model(in: model)
      let told = try Self.run(["interpret", "--model", model.path, record.path, "--tokens", "4"])
      #expect(told.code == 0 && told.output.contains("STTC") && told.output.contains("not a diagnosis"))
      let answered = try Self.run(
        [
          "interpret", "--model", model.path, record.path, "--question", "Is this a normal ECG?", "--tokens", "2",
          "--json",
        ])
      #expect(answered.code == 0 && answered.output.contains("\"question\" : \"Is this a normal ECG?\""))
      #expect(try Self.run(["inspect", record.path]).output.contains("aVR"))
      #expect(try Self.run(["inspect", model.path]).output.contains("visual tokens"))
      #expect(try Self.run(["inspect", folder.appendingPathComponent("none").path]).code == 74)
      let odd = folder.appendingPathComponent("a.png")
      try Data("x".utf8).write(to: odd)
      let unknown = try Self.run(["inspect", odd.path])
      #expect(unknown.code == 65 && unknown.errors.contains("teacher store"), "\(unknown)")
      #expect(try Self.run(["inspect", "synthetic:3"]).output.contains("aVR"))
    }
  }

  @Test func aTokenizerOfAnotherVocabularyThanTheModelIsRefused() throws {
    try withTemporaryFolder { folder in
      try Fixtures.model(in: folder)
      try Fixtures.writeTeacherTokenizer(to: folder)
      let outcome = try Self.run(["interpret", "--model", folder.path, try Fixtures.record(in: folder).path])
      #expect(outcome.code == 65 && outcome.errors.contains("vocabulary"))
    }
  }

  @Test(.enabled(if: SharedFiles.has("cases/losses"))) func lossReproducesAReferenceCase() throws {
    let path = "cases/losses/total_tiny.safetensors"
    try withTemporaryFolder { folder in
      let expected = try SafetensorsFile(contentsOf: SharedFiles.url(path))
      for precision in ["f32", "f64"] {
        let out = folder.appendingPathComponent("\(precision).safetensors")
        let outcome = try Self.run(["loss", SharedFiles.url(path).path, "--out", out.path, "--precision", precision])
        #expect(outcome.code == 0)
        let got = try SafetensorsFile(contentsOf: out)
        let names = expected.names.filter { $0.hasPrefix("out.") && $0.hasSuffix(".perseq") }
        #expect(names.count > 10)
        for name in names {
          let (a, b) = (try got.tensor(name, as: Double.self), try expected.tensor(name, as: Double.self))
          a.add(b, times: -1)
          #expect(
            a.sumOfSquares.squareRoot() <= (precision == "f32" ? 1e-4 : 1e-9) * b.sumOfSquares.squareRoot(), "\(name)")
        }
      }
      #expect(try Self.run(["loss", "/nonexistent", "--out", folder.path]).code == 74)
    }
  }
}
