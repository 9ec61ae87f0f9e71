import Foundation
import Tensors
import TestSupport
import Testing

@testable import Corpus

@Suite struct CODE15Tests {
  private static let header =
    "exam_id,age,is_male,nn_predicted_age,1dAVb,RBBB,LBBB,SB,ST,AF,patient_id,death,timey,normal_ecg,trace_file"

  private func folder(_ rows: [String], ids: [Int] = [1, 2, 3], in folder: URL) throws -> CODE15Dataset {
    try TracingFixture.bytes(
      ids.map { id in (id: id, samples: (0..<40).map { sample in (0..<12).map { Float(id) + Float(sample + $0) / 50 } })
      }
    ).write(to: folder.appendingPathComponent("exams_part0.hdf5"))
    try Data(([Self.header] + rows).joined(separator: "\n").utf8)
      .write(to: folder.appendingPathComponent("exams.csv"))
    return try CODE15Dataset(path: folder)
  }

  private func row(_ id: String, _ flags: String = "False,True,False,False,False,False", normal: String = "False")
    -> String
  {
    "\(id),50,True,51.5,\(flags),77,,,\(normal),exams_part0.hdf5"
  }

  @Test func labelsAreTheDiagnosesAndNormalOrAbnormal() throws {
    try withTemporaryFolder { place in
      let dataset = try folder(
        [
          row("2"), row("1", "False,False,False,False,False,False", normal: "True"), row("3", "1,0,0,0.0,1.0,0"),
        ], in: place)
      #expect(dataset.exams.map(\.id) == ["2", "1", "3"])
      #expect(dataset.exams.map(\.labels) == [["RBBB", "ABNORMAL"], ["NORM"], ["1dAVb", "ST", "ABNORMAL"]])
      #expect(dataset.exams.allSatisfy { $0.patient == "77" } && dataset.remarks.isEmpty)
      #expect(try dataset.record(dataset.exams[0]).signal[0][0] == 2)
    }
  }

  @Test func whatIsNotFilledInOrNotThereIsCounted() throws {
    try withTemporaryFolder { place in
      let dataset = try folder(
        [row("1", ",,,,,"), row("2", normal: ""), row("3"), row("4"), row("5").replacing("part0", with: "part1")],
        in: place)
      #expect(dataset.exams.map(\.id) == ["1", "2", "3"])
      #expect(dataset.exams.map { $0.labels == nil } == [true, true, false])
      #expect(dataset.untraced == ["4", "5"] && dataset.remarks[0].hasSuffix("left out: 4, 5"))
      #expect(dataset.emptyColumns.isEmpty && dataset.remarks.count == 2)
      #expect(dataset.remarks[0].contains("2 of 5 exams") && dataset.remarks[1].contains("2 of 3 exams"))
    }
  }

  @Test func aTableAloneStandsForItsExamsWhereNoTracingIsNeeded() throws {
    try withTemporaryFolder { place in
      let rows = [row("1"), row("2", ",,,,,"), row("9").replacing("part0", with: "part1")]
      let whole = try folder(rows, in: place)
      // With some tracings the exams are the same as those that can be shown.
      let partly = try CODE15Dataset(path: place, needsTracings: false)
      #expect(partly.exams == whole.exams && partly.exams.map(\.id) == ["1", "2"] && partly.remarks == whole.remarks)
      try FileManager.default.removeItem(at: place.appendingPathComponent("exams_part0.hdf5"))
      let refused = #expect(throws: UserError.self) { try CODE15Dataset(path: place) }
      #expect(refused?.message.contains("none of the 3 exams") == true)
      let table = try CODE15Dataset(path: place, needsTracings: false)
      #expect(
        table.exams.map(\.id) == ["1", "2", "9"] && table.exams.map { $0.labels == nil } == [false, true, false])
      #expect(table.exams[0].labels == whole.exams[0].labels && table.exams[0].patient == "77")
      #expect(table.remarks.count == 2 && table.remarks[0].contains("no tracings are in the folder"))
      #expect(table.remarks[1].contains("1 of 3 exams"))
      #expect(throws: UserError.self) { try table.record(table.exams[0]) }
    }
  }

  @Test func aTableThatCannotBeReadIsNamedByItsLine() throws {
    for (rows, words) in [
      ([row("1"), row("1")], "line 3: exam_id 1 occurs twice"), ([row("x")], "line 2: exam_id \"x\""),
      ([row("1", "maybe,False,False,False,False,False")], "line 2: 1dAVb is neither"),
      ([row("9")], "none of the 1 exams"), ([], "holds no exam"),
    ] {
      try withTemporaryFolder { place in
        let error = #expect(throws: UserError.self) { try folder(rows, in: place) }
        #expect(error?.kind == .badInput && error?.message.contains(words) == true, "\(error?.message ?? "")")
      }
    }
    try withTemporaryFolder { place in
      #expect(throws: UserError.self) { try CODE15Dataset(path: place) }
      #expect(throws: UserError.self) { try CODE15Dataset(path: place.appendingPathComponent("none")) }
    }
  }

  @Test(.enabled(if: SharedFiles.has("data/code-15"))) func theRealTableLeavesAllDiagnosesOpen() throws {
    let dataset = try CODE15Dataset(path: SharedFiles.url("data/code-15"))
    #expect(dataset.exams.count == 92)
    #expect(dataset.exams.filter { $0.labels != nil }.isEmpty && dataset.emptyColumns.count == 7)
    #expect(dataset.remarks == ["CODE-15%: the diagnoses of 92 of 92 exams are not filled in"])
  }
}
