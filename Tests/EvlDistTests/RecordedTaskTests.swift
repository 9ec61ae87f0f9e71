import Foundation
import TestSupport
import Testing

/// Tasks on real recordings, asked of a model over ranks.
@Suite(.serialized) struct RecordedTaskTests {
  struct Asked: Sendable, CustomTestStringConvertible {
    var task: String
    /// Folders of the shared data behind their options.
    var folders: [(option: String, folder: String)]
    var more: [String] = []
    var count: Int
    /// Of these, questions about two ECGs, which a model of one is not asked.
    var unread = 0

    var testDescription: String { task }
  }

  static let asked = [
    Asked(
      task: "ecg-qa", folders: [("--data", "data/ecg-qa"), ("--recordings", "data/ptb-xl")],
      more: ["--split", "train"], count: 40, unread: 6),
    Asked(task: "ptb-xl-report", folders: [("--data", "data/ptb-xl")], more: ["--fold", "9"], count: 12),
    Asked(task: "csn", folders: [("--data", "data/cinc-2021/Chapman-Ningbo")], count: 12),
    Asked(task: "g12ec", folders: [("--data", "data/cinc-2021/G12EC")], more: ["--form", "labels"], count: 12),
    Asked(task: "cpsc-2018", folders: [("--data", "data/cinc-2021/CPSC2018")], count: 2),
  ]

  @Test(.enabled(if: MPIRun.isPresent), arguments: asked)
  func aModelsAnswersAndScoresAreTheSameOnAnyNumberOfRanks(_ asked: Asked) throws {
    guard asked.folders.allSatisfy({ SharedFiles.has($0.folder) }) else { return }
    try withTemporaryFolder { folder in
      let model = folder.appendingPathComponent("model")
      try FileManager.default.createDirectory(at: model, withIntermediateDirectories: true)
      try Fixtures.model(in: model)
      var data = asked.folders.flatMap { [$0.option, SharedFiles.url($0.folder).path] }
      if asked.task == "ecg-qa" { data[1] = try someQuestions(of: asked.count, in: folder) }
      var common = ["evaluate", "--task", asked.task, "--json"] + data + asked.more
      if asked.task != "ecg-qa" { common += ["--ids", try someIDs(common, of: asked.count, in: folder)] }
      func answered(on ranks: Int) throws -> (report: String, saved: Data) {
        let saved = folder.appendingPathComponent("answers-\(ranks).jsonl")
        let outcome = try MPIRun.run(
          ranks: ranks, MPIRun.program("evl-dist"),
          common + ["--model", model.path, "--tokens", "8", "--save", saved.path],
          seconds: 240)
        #expect(outcome.code == 0, "\(outcome.errors)")
        return (outcome.output, try Data(contentsOf: saved))
      }
      let (one, three) = (try answered(on: 1), try answered(on: 3))
      #expect(!one.report.isEmpty && one.report == three.report)
      #expect(one.saved == three.saved)
      #expect(String(decoding: one.saved, as: UTF8.self).split(separator: "\n").count == asked.count - asked.unread)
      let scoring = common + ["--predictions", folder.appendingPathComponent("answers-3.jsonl").path]
      let again = try CommandTests.run(scoring + (asked.unread > 0 ? ["--missing-predictions", "skip"] : []))
      #expect(again.code == 0, "\(again)")
      let told = "\(asked.unread) of \(asked.count)"
      #expect(asked.unread > 0 ? again.output.contains(told) : again.output == one.report)
    }
  }

  /// ECG-QA's folder with some questions of its training split alone, of which some show two ECGs.
  private func someQuestions(of count: Int, in folder: URL) throws -> String {
    let source = SharedFiles.url("data/ecg-qa")
    let data = folder.appendingPathComponent("ecg-qa/paraphrased")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    let questions = try JSONSerialization.jsonObject(
      with: Data(contentsOf: source.appendingPathComponent("paraphrased/train.json")))
    let all = try #require(questions as? [Any])
    let some = (0..<count).map { all[$0 * all.count / count] }
    try JSONSerialization.data(withJSONObject: some).write(to: data.appendingPathComponent("train.json"))
    for name in ["answers.csv", "answers_for_each_template.csv", "train_ecgs.tsv"] {
      try FileManager.default.createSymbolicLink(
        at: folder.appendingPathComponent("ecg-qa/\(name)"), withDestinationURL: source.appendingPathComponent(name))
    }
    return folder.appendingPathComponent("ecg-qa").path
  }

  /// A file that names some of the recordings asked about.
  private func someIDs(_ common: [String], of count: Int, in folder: URL) throws -> String {
    let questions = folder.appendingPathComponent("questions.jsonl")
    let outcome = try CommandTests.run(common.filter { $0 != "--json" } + ["--questions", questions.path])
    #expect(outcome.code == 0, "\(outcome)")
    let ids = try String(contentsOf: questions, encoding: .utf8).split(separator: "\n").prefix(count).map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])["id"] as? String ?? ""
    }
    let file = folder.appendingPathComponent("ids.txt")
    try Data(ids.joined(separator: "\n").utf8).write(to: file)
    return file.path
  }
}
