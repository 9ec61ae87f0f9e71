import Foundation
import TestSupport
import Testing

/// Answers and questions as files: pipes, signals, what goes with what.
@Suite(.serialized) struct EvaluationInputTests {
  /// Four questions about pictures.
  private func questions(in folder: URL) throws -> URL {
    let entries = (0..<4).map { number -> [String: Any] in
      let question = "<image>\nQuestion \(number)?\nA. sinus rhythm\nB. fibrillation"
      return [
        "id": "q-\(number)", "image": "p\(number).png",
        "conversations": [["from": "human", "value": question], ["from": "gpt", "value": ["A", "B"][number % 2]]],
      ]
    }
    let file = folder.appendingPathComponent("questions.json")
    try JSONSerialization.data(withJSONObject: entries).write(to: file)
    return file
  }

  /// Opens a pipe once someone waits for what it holds; nil where nobody does within half a minute.
  private static func opened(_ pipe: String) -> Int32? {
    for _ in 0..<3000 {
      let end = open(pipe, O_WRONLY | O_NONBLOCK)
      if end >= 0 { return end }
      usleep(10_000)
    }
    return nil
  }

  /// No work is lost by an end, so that a signal ends the process as it ends any.
  @Test func aSignalEndsTheScoringOfPredictionsAtOnce() throws {
    try withTemporaryFolder { folder in
      let pipe = folder.appendingPathComponent("answers").path
      #expect(mkfifo(pipe, 0o600) == 0)
      Thread {
        guard let end = Self.opened(pipe) else { return }
        let scoring = MPIRun.process { _, words in
          words.first?.hasSuffix("evl-dist") == true && words.contains(pipe)
        }
        if let scoring {
          kill(scoring, SIGTERM)
          for _ in 0..<500 where kill(scoring, 0) == 0 { usleep(10_000) }
        }
        // Whoever still reads finds the pipe empty, and another code tells.
        close(end)
      }.start()
      let outcome = try MPIRun.run(command: [
        MPIRun.program("evl-dist").path, "evaluate", "--task", "choice", "--data", try questions(in: folder).path,
        "--predictions", pipe,
      ])
      // As timeout tells of it, or dies of it itself.
      #expect([128 + SIGTERM, SIGTERM].contains(outcome.code), "\(outcome)")
    }
  }

  /// A slip in a file's name costs neither questions nor answers.
  @Test func noFileOfTheSameCommandIsWrittenOver() throws {
    try withTemporaryFolder { folder in
      let data = try questions(in: folder).path
      let answers = folder.appendingPathComponent("answers.jsonl").path
      let lines = (0..<4).map { #"{"id": "q-\#($0)", "text": "A"}"# + "\n" }.joined()
      try Data(lines.utf8).write(to: URL(fileURLWithPath: answers))
      let link = folder.appendingPathComponent("link.json").path
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: data)
      for arguments in [
        ["--questions", data], ["--questions", link], ["--model", "none", "--save", data],
        ["--model", "none", "--save", answers, "--compare", folder.path + "/./answers.jsonl"],
        ["--model", "none", "--save", answers, "--export", answers], ["--predictions", answers, "--export", answers],
        ["--model", "none", "--save", answers, "--ids", answers],
      ] {
        let outcome = try CommandTests.run(["evaluate", "--task", "choice", "--data", data] + arguments)
        #expect(outcome.code == 64 && outcome.errors.contains("name the same file"), "\(arguments) \(outcome)")
      }
      let kept = try String(contentsOfFile: answers, encoding: .utf8)
      #expect(kept == lines)
      #expect(try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: data))) is [Any])
      let scored = ["evaluate", "--task", "choice", "--data", data, "--predictions", answers]
      #expect(try CommandTests.run(scored).code == 0)
    }
  }

  /// A report that did not reach its file does not pass for one that did.
  @Test func aFullDiskUnderTheReportIsNoSuccess() throws {
    try withTemporaryFolder { folder in
      let answers = folder.appendingPathComponent("answers.jsonl")
      let lines = (0..<4).map { #"{"id": "q-\#($0)", "text": "A"}"# + "\n" }.joined()
      try Data(lines.utf8).write(to: answers)
      let scored = [
        "evaluate", "--task", "choice", "--data", try questions(in: folder).path, "--predictions", answers.path,
      ]
      for arguments in [["config"], scored, scored + ["--json"]] {
        let outcome = try CommandTests.run(arguments, by: ["sh", "-c", #"exec "$0" "$@" > /dev/full"#])
        #expect(outcome.code == 74 && outcome.errors.contains("standard output cannot be written"), "\(outcome)")
      }
    }
  }

  @Test func questionsAreWrittenAskedAndTheirAnswersScoredFromAPipe() throws {
    try withTemporaryFolder { folder in
      let data = try questions(in: folder)
      let file = folder.appendingPathComponent("asked.jsonl")
      let common = ["evaluate", "--task", "choice", "--data", data.path]
      let writing = common + ["--questions", file.path]
      let outcome = try CommandTests.run(writing)
      #expect(outcome.code == 0 && outcome.output == "\(file.path): 4 questions of choice\n", "\(outcome)")
      let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map { line in
        try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      }
      #expect(lines.count == 4)
      #expect(lines[1]["prompt"] as? String == "Question 1?\nA. sinus rhythm\nB. fibrillation")
      #expect(lines[1]["images"] as? [String] == [folder.appendingPathComponent("p1.png").path])
      let answers = try lines.map { line in
        let id = try #require(line["id"] as? String)
        return "{\"id\": \"\(id)\", \"response\": \"Answer: A\"}\n"
      }
      let scored = try CommandTests.run(common + ["--predictions", "/dev/stdin"], input: answers.joined())
      #expect(scored.code == 0 && scored.output.contains("accuracy                      4  0.500"), "\(scored)")
      let refused: [(more: [String], code: Int32, words: String)] = [
        (["--model", "m"], 64, "give one of --model, --predictions and --questions"),
        (["--predictions", "p"], 64, "give one of --model, --predictions and --questions"),
        (["--compare", "p", "--json", "--seed", "2"], 64, "--compare, --seed, --json: not for --questions"),
        (["--tokens", "4"], 64, "--tokens is for --model"), (["--save", "s"], 64, "--save is for --model"),
        (["--split", "test"], 64, "--split: not for choice"),
      ]
      for (more, code, words) in refused {
        let outcome = try CommandTests.run(writing + more)
        #expect(outcome.code == code && outcome.errors.contains(words), "\(more): \(outcome)")
      }
      for (name, words) in [(folder.path, "is a folder"), ("\(folder.path)/no/q.jsonl", "cannot be written")] {
        let outcome = try CommandTests.run(common + ["--questions", name])
        #expect(outcome.code == 74 && outcome.refusal.contains(words), "\(outcome)")
      }
    }
  }

  @Test func foldersAndMissingFilesAreCalledSo() throws {
    try withTemporaryFolder { folder in
      let common = ["evaluate", "--task", "choice", "--data", try questions(in: folder).path, "--predictions"]
      let none = "\(folder.path)/none.jsonl"
      for (name, words) in [(folder.path, "is a folder"), (none, "\(none) does not exist")] {
        let outcome = try CommandTests.run(common + [name])
        #expect(outcome.code == 74 && outcome.refusal.contains(words), "\(outcome)")
      }
    }
  }

  /// Each of several ranks would read a part of what comes.
  @Test(.enabled(if: MPIRun.isPresent)) func severalRanksRefuseAPipe() throws {
    try withTemporaryFolder { folder in
      let pipe = folder.appendingPathComponent("answers").path
      #expect(mkfifo(pipe, 0o600) == 0)
      let outcome = try MPIRun.run(
        ranks: 2, MPIRun.program("evl-dist"),
        ["evaluate", "--task", "choice", "--data", try questions(in: folder).path, "--predictions", pipe])
      #expect(outcome.code == 64 && outcome.errors.contains("is a pipe, which 2 ranks cannot read"), "\(outcome)")
    }
  }
}
