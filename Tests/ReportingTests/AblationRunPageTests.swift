import Evaluation
import Foundation
import TestSupport
import Testing

@testable import Reporting

/// Runs of an ablation, whose students `ablate` evaluates: their pages, alone and beside each other.
@Suite struct AblationRunPageTests {
  private func made(_ path: String, in folder: URL, seed: UInt64 = 1, settings: [String] = []) throws -> MadeRun {
    let run = MadeRun(folder: folder.appendingPathComponent("made/runs/\(path)"), seed: seed)
    try run.write(settings: ["evaluation.enabled=false"] + settings)
    try run.writeAblationResults()
    return run
  }

  /// As versions wrote the answers that did not say which records are of one patient.
  private func forgetPatients(of run: MadeRun) throws {
    var answers = try AblationAnswers(in: run.folder)
    for index in answers.answers.indices { answers.answers[index].subject = nil }
    try answers.write(to: run.folder)
  }

  private func text(_ run: MadeRun) throws -> String { RunReportTests.expectASoundPage(try run.html()).text }

  private func html(_ runs: [MadeRun]) throws -> String {
    try RunReport(
      comparing: try runs.map { try $0.reported() }, program: "evl-dist", date: Date(timeIntervalSince1970: 0)
    ).html()
  }

  @Test func itsAnswersAreShownAsThoseOfAnyRun() throws {
    try withTemporaryFolder { folder in
      let run = try made("all/evl/seed-1", in: folder)
      let page = RunReportTests.expectASoundPage(try run.html())
      for id in ["auc-classes", "roc-0", "confusion-4", "answer-drawn-0-t"] {
        #expect(page.values("id").contains(id), "\(id)")
      }
      #expect(page.all("article").count == 6 && page.all("h1").first?.text == "all/evl/seed-1")
      #expect(!page.text.contains("keeps no answers") && !page.text.contains("ring: by the teacher"))
      // Answers that do not give the scores are left out, with what helps.
      var answers = try AblationAnswers(in: run.folder)
      answers.answers.removeFirst()
      try answers.write(to: run.folder)
      let left = try text(run)
      #expect(
        left.contains("answers.json is not of the evaluation") && left.contains("The run folder keeps no answers"))
      #expect(left.contains("the same ablate command evaluates the student") && !left.contains("train command"))
      try run.put("answers.json", Data("{".utf8))
      #expect(try text(run).contains("answers.json cannot be read"))
    }
  }

  @Test func whyItHasNoScoresIsSaid() throws {
    try withTemporaryFolder { folder in
      let run = try made("all/evl/seed-1", in: folder)
      try FileManager.default.removeItem(at: run.file("results.json"))
      #expect(try text(run).contains("results.json is missing or damaged"))
      try AblationAnswers(subset: "", seconds: 3, failure: "no <number> is left").write(to: run.folder)
      let failed = try text(run)
      #expect(failed.contains("the run came to nothing: no <number> is left") && failed.contains("Came to nothing."))
      // One that goes on is told by its command.
      try FileManager.default.removeItem(at: run.file("answers.json"))
      let start = try String(contentsOf: run.file("environment.json"), encoding: .utf8)
      try run.put("environment.json", Data(start.replacing("\"train\"", with: "\"ablate\"").utf8))
      let going = try text(run)
      #expect(going.contains("The same ablate command goes on") && !going.contains("evaluation.enabled is false"))
    }
  }

  @Test func twoAreComparedRecordByRecordByPatients() throws {
    try withTemporaryFolder { folder in
      let first = try made("all/evl/seed-1", in: folder)
      let second = try made("few/evl/seed-1", in: folder, seed: 2, settings: ["train.labelled=0.5"])
      let whole = try html([first, second])
      let page = RunReportTests.expectASoundPage(whole)
      for words in ["Differences to all/evl/seed-1", "few/evl/seed-1", "train.labelled"] {
        #expect(page.text.contains(words), "\(words)")
      }
      #expect(page.values("id").contains("roc-0") && !page.text.contains("keeps no answers"))
      // What one run does not say of the patients the other does; where none does, that is said.
      try forgetPatients(of: second)
      #expect(try html([first, second]) == whole)
      try forgetPatients(of: first)
      let older = RunReportTests.expectASoundPage(try html([first, second])).text
      #expect(older.contains("resamples draw records") && !page.text.contains("resamples draw records"))
    }
  }

  /// Kept once for all runs, a set for each fold and teacher, in the ablation's own folder.
  @Test func theTeachersAnswersAboutTheSameRecordsAreShown() throws {
    try withTemporaryFolder { folder in
      let home = folder.appendingPathComponent("made")
      let run = try made("all/evl/seed-1", in: folder)
      func keep(_ answers: [LabelAnswer], as name: String) throws {
        let place = home.appendingPathComponent("teacher/\(name)")
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        try AblationAnswers(subset: "made records", seconds: 1, answers).write(to: place)
      }
      let teacher = run.answers(0.35).map { answer in
        var answer = answer
        answer.text = "the teacher's words"
        return answer
      }
      // Of another fold.
      try keep(Array(teacher.dropFirst(40)), as: "a")
      try keep(teacher, as: "b")
      #expect(try run.reported().answers[.teacher] == nil, "no ablation holds the run")
      try AblationSchedule(home, runs: [run.folder], grids: []).write()
      let reported = try run.reported()
      #expect(reported.answers[.teacher]?.map(\.id) == reported.answers[.after]?.map(\.id))
      let page = try text(run)
      #expect(page.contains("ring: by the teacher") && page.contains("the teacher's words"))
      // A run that learns from no teacher has none.
      let other = try made("all/ce/seed-1", in: folder, settings: ["objective.method=ce"])
      #expect(try other.reported().answers[.teacher] == nil)
      // Which of two it is cannot be told; what is damaged is.
      try keep(teacher, as: "c")
      #expect(try run.reported().answers[.teacher] == nil)
      try Data("{".utf8).write(to: home.appendingPathComponent("teacher/c/answers.json"))
      let rest = try run.reported()
      #expect(rest.answers[.teacher] != nil && rest.problems.contains { $0.contains("teacher/c are damaged") })
    }
  }
}
