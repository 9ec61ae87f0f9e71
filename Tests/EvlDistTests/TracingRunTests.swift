import Foundation
import TestSupport
import Testing

/// Exams of CODE-15% as users meet them: evaluated, drawn, inspected and interpreted.
@Suite(.serialized) struct TracingRunTests {
  private static let columns = "exam_id,1dAVb,RBBB,LBBB,SB,ST,AF,patient_id,normal_ecg,trace_file\n"

  /// Twelve exams of 3 s, with rows of zeros around them.
  private func exams(in folder: URL, labelled: Bool) throws {
    let none = [[Float]](repeating: [Float](repeating: 0, count: 12), count: 40)
    try TracingFixture.bytes(
      (0..<12).map { exam in
        let beats = (0..<1200).map { sample in
          (0..<12).map { lead in Float((sample + 30 * exam) % 320 < 20 ? 1 + lead % 3 : 0) * 0.4 + 0.01 }
        }
        return (id: 500 + exam, samples: none + beats + none)
      }
    ).write(to: folder.appendingPathComponent("exams_part0.hdf5"))
    let rows = (0..<12).map { exam -> String in
      let flags = (0..<6).map { $0 == exam % 6 && exam > 3 ? "True" : "False" }
      let known = flags + ["\(exam / 2)", exam > 3 ? "False" : "True"]
      let open = [String](repeating: "", count: 8)
      return "\(500 + exam),\((labelled ? known : open).joined(separator: ",")),exams_part0.hdf5\n"
    }
    try Data((Self.columns + rows.joined()).utf8).write(to: folder.appendingPathComponent("exams.csv"))
  }

  @Test(.enabled(if: MPIRun.isPresent)) func labelledExamsAreScoredAlikeOnAnyNumberOfRanks() throws {
    try withTemporaryFolder { folder in
      let model = folder.appendingPathComponent("model")
      try Fixtures.model(in: model)
      try exams(in: folder, labelled: true)
      let common = ["evaluate", "--task", "code-15", "--data", folder.path, "--json"]
      let saved = folder.appendingPathComponent("answers.jsonl").path
      let reports = try [1, 3].map { ranks in
        let outcome = try MPIRun.run(
          ranks: ranks, MPIRun.program("evl-dist"),
          common + ["--model", model.path, "--tokens", "12", "--save", saved], seconds: 240)
        #expect(outcome.code == 0, "\(outcome.errors)")
        return outcome.output
      }
      #expect(reports[0] == reports[1])
      let report = try #require(
        try JSONSerialization.jsonObject(with: Data(reports[0].utf8)) as? [String: Any])
      #expect(report["records"] as? Int == 12)
      #expect((report["positives"] as? [String: Int])?["NORM"] == 4)
      #expect((report["remarks"] as? [String])?.contains { $0.contains("12 records of 6 patients") } == true)
      let probabilities = try #require(report["probabilities"] as? [String: Any])
      #expect((probabilities["classes"] as? [Any])?.count == 8)
      let again = try CommandTests.run(common + ["--predictions", saved])
      #expect(again.code == 0 && again.output == reports[0], "\(again)")
      try somePredictionsAreOfSomeExams(common + ["--predictions", saved], in: folder)
      let shown = try CommandTests.run(["inspect", folder.path])
      #expect(shown.code == 0 && shown.output.contains("CODE-15%") && shown.output.contains("ABNORMAL"), "\(shown)")
    }
  }

  /// Exams that a file names are scored alone, and without the tracings the table is enough.
  private func somePredictionsAreOfSomeExams(_ scoring: [String], in folder: URL) throws {
    func report(_ more: [String]) throws -> [String: Any] {
      let outcome = try CommandTests.run(scoring + more)
      #expect(outcome.code == 0, "\(outcome)")
      return try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    }
    let ids = folder.appendingPathComponent("ids.txt")
    try Data("501\n505\r\n\n 511 \n".utf8).write(to: ids)
    let chosen = try report(["--ids", ids.path])
    let remarks = try #require(chosen["remarks"] as? [String])
    #expect(chosen["records"] as? Int == 3)
    #expect(
      remarks.contains { $0.hasPrefix("3 of 12 recordings are asked about, those that ids.txt names") }, "\(remarks)")
    #expect(remarks.contains { $0.hasPrefix("9 predictions are about what is left out") }, "\(remarks)")
    let tracings = folder.appendingPathComponent("exams_part0.hdf5")
    let aside = folder.appendingPathComponent("aside")
    try FileManager.default.moveItem(at: tracings, to: aside)
    let table = try report([])
    #expect(table["records"] as? Int == 12)
    #expect((table["remarks"] as? [String])?.first?.contains("no tracings are in the folder") == true)
    try FileManager.default.moveItem(at: aside, to: tracings)
    let wrong: [(text: String, words: String)] = [
      ("501\n77\nx\n", "2 of 3 ids are of no recording of code-15"), ("501\n502\n501\n", "more than once: 501"),
      ("\n", "holds no id"),
    ]
    for (text, words) in wrong {
      try Data(text.utf8).write(to: ids)
      let refused = try CommandTests.run(scoring + ["--ids", ids.path])
      #expect(refused.code == 65 && refused.refusal.contains(words), "\(refused)")
    }
    let none = try CommandTests.run(scoring + ["--ids", "\(folder.path)/none.txt"])
    #expect(none.code == 74 && none.refusal.contains("none.txt"), "\(none)")
  }

  @Test func oneExamIsDrawnInspectedAndInterpreted() throws {
    try withTemporaryFolder { folder in
      try exams(in: folder, labelled: false)
      let file = folder.appendingPathComponent("exams_part0.hdf5").path
      let picture = folder.appendingPathComponent("page.png").path
      let drawn = try CommandTests.run(["render", file + "#503", "-o", picture])
      #expect(drawn.code == 0 && drawn.output.contains("503, 3.0 s at 400.0 Hz"), "\(drawn)")
      let listed = try CommandTests.run(["inspect", file])
      #expect(listed.code == 0 && listed.output.contains("12 exams of 1280 samples at 400 Hz"), "\(listed)")
      #expect(listed.output.contains("exams_part0.hdf5#500"))
      let model = folder.appendingPathComponent("model")
      try Fixtures.model(in: model)
      let read = try CommandTests.run(["interpret", "--model", model.path, file + "#511", "--tokens", "4"])
      #expect(read.code == 0 && read.output.contains("511: "), "\(read)")
      #expect(try CommandTests.run(["render", file, "-o", picture]).code == 64)
      for name in [file + "#12", file + "#", folder.path + "/none.hdf5#1"] {
        let refused = try CommandTests.run(["render", name, "-o", picture])
        #expect(refused.code == (name.contains("none") ? 74 : 65), "\(name): \(refused)")
      }
      let open = try CommandTests.run(["evaluate", "--task", "code-15", "--data", folder.path, "--model", model.path])
      #expect(open.code == 65 && open.errors.contains("none of its 12 exams has all of the columns"), "\(open)")
    }
  }
}
