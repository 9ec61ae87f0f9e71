import Cardiology
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Corpus

@Suite struct PTBXLDatasetTests {
  private static let database = """
    ecg_id,report,scp_codes,strat_fold,filename_lr
    7,"sinusrhythmus, normales ekg","{'NORM': 100.0, 'SR': 0.0}",1,records100/00000/00007_lr
    8,,"{'SR': 0.0}",2,records100/00000/00008_lr
    9,infarkt,"{'IMI': 0.0, 'LVH': 35.0, 'SR': 0.0}",10,records100/00000/00009_lr

    """
  private static let statements = """
    ,description,diagnostic,diagnostic_class
    NORM,normal ECG,1.0,NORM
    IMI,inferior myocardial infarction,1.0,MI
    LVH,left ventricular hypertrophy,1.0,HYP
    SR,sinus rhythm,,

    """

  private func withFolder(
    database: String = database, statements: String = statements, _ body: (URL) throws -> Void
  ) throws {
    try withTemporaryFolder { folder in
      try Data(database.utf8).write(to: folder.appendingPathComponent("ptbxl_database.csv"))
      try Data(statements.utf8).write(to: folder.appendingPathComponent("scp_statements.csv"))
      try body(folder)
    }
  }

  @Test func everyLikelihoodCountsAndRecordsWithoutSuperclassAreLeftOut() throws {
    try withFolder { folder in
      let dataset = try PTBXLDataset(path: folder)
      #expect(dataset.samples.map(\.id) == ["7", "9"])
      #expect(dataset.samples.map(\.index) == [0, 1])
      #expect(dataset.samples.map(\.superclasses) == [[.NORM], [.MI, .HYP]])
      #expect(dataset.samples.map(\.fold) == [1, 10])
      #expect(dataset.samples[0].report == "sinusrhythmus, normales ekg")
      #expect(dataset.recordsWithoutSuperclass == 1)
      #expect(dataset.remarks.count == 1)
      #expect(try dataset.samples(inFolds: [10]).map(\.id) == ["9"])
      #expect(throws: UserError.self) { try dataset.samples(inFolds: [3, 4]) }
    }
  }

  @Test func folderFaultsAreOneClearMessage() throws {
    try withTemporaryFolder { folder in
      let error = #expect(throws: UserError.self) { try PTBXLDataset(path: folder) }
      #expect(error?.message.contains("ptbxl_database.csv") == true)
      #expect(error?.remedy.contains("data.path") == true)
    }
    let faults: [(String, String, String)] = [
      (Self.database.replacing("strat_fold", with: "fold"), Self.statements, "\"strat_fold\""),
      (Self.database.replacing("'SR': 0.0}\",1", with: "'SR' 0.0}\",1"), Self.statements, "line 2"),
      (Self.database.replacing(",10,", with: ",11,"), Self.statements, "line 4"),
      (Self.database.replacing("9,infarkt", with: "7,infarkt"), Self.statements, "twice"),
      (Self.database, Self.statements.replacing("1.0,MI", with: "1.0,XX"), "XX"),
      (Self.database, Self.statements.replacing("1.0", with: "0.0"), "no record"),
    ]
    for (database, statements, part) in faults {
      try withFolder(database: database, statements: statements) { folder in
        let error = #expect(throws: UserError.self) { try PTBXLDataset(path: folder) }
        #expect(error?.kind == .badInput)
        #expect(error?.message.contains(part) == true, "\(String(describing: error))")
      }
    }
  }

  @Test func recordFaultsNameTheFile() throws {
    try withFolder { folder in
      let dataset = try PTBXLDataset(path: folder)
      let sample = dataset.samples[0]
      let cache = RecordCache(dataset)
      func message() -> String {
        do {
          _ = try cache.record(sample)
          return ""
        } catch {
          #expect((error as? UserError)?.remedy.isEmpty == false)
          return "\(error)"
        }
      }
      #expect(message().contains("00007_lr.hea"))
      try writeRecord("records100/00000/00007_lr", in: folder, invalidAt: 5)
      #expect(message().contains("00007_lr"))
      #expect(message().contains("aVR"))
      try writeRecord("records100/00000/00007_lr", in: folder)
      let dat = folder.appendingPathComponent("records100/00000/00007_lr.dat")
      let bytes = try Data(contentsOf: dat)
      try bytes.prefix(20_001).write(to: dat)
      #expect(message().contains("00007_lr.dat"))
      try FileManager.default.removeItem(at: dat)
      #expect(message().contains("00007_lr.dat"))
      try bytes.write(to: dat)
      #expect(message() == "")
    }
  }

  @Test(.enabled(if: SharedFiles.has("data/ptb-xl"))) func theRealSubsetHasTheKnownCounts() throws {
    let dataset = try PTBXLDataset(path: SharedFiles.url("data/ptb-xl"))
    #expect(dataset.samples.count + dataset.recordsWithoutSuperclass == 2_664)
    #expect(dataset.samples.allSatisfy { (1...9).contains($0.fold) })
    #expect(Set(dataset.samples.flatMap { $0.superclasses }) == Set(Superclass.allCases))
    #expect(dataset.samples[0].superclasses == [.NORM])
    let record = try RecordCache(dataset).record(dataset.samples[0])
    #expect(record.leads == Lead.allCases)
    #expect(record.sampleCount == 1000)
    #expect(record.signal[0][0] == -0.119)
  }
}

@Suite struct WFDBFolderDatasetTests {
  @Test func recordsAreFoundBelowTheFolderInOrder() throws {
    try withTemporaryFolder { folder in
      for name in ["b", "sub/c", "a"] { try writeRecord(name, in: folder) }
      let dataset = try WFDBFolderDataset(path: folder)
      #expect(dataset.samples.map(\.id) == ["a", "b", "sub/c"])
      #expect(dataset.samples.allSatisfy { $0.superclasses.isEmpty && (1...10).contains($0.fold) })
      #expect(try dataset.record(dataset.samples[2]).sampleCount == 1000)
      #expect(dataset.samples[0].questions.isEmpty)
    }
  }

  @Test func recordsAreFoundBehindALink() throws {
    try withTemporaryFolder { folder in
      let link = folder.appendingPathComponent("link")
      let place = folder.appendingPathComponent("real")
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(at: link, withDestinationURL: place)
      try writeRecord("a", in: place)
      #expect(try WFDBFolderDataset.records(in: link) == WFDBFolderDataset.records(in: place))
    }
  }

  @Test func labelsComeFromTheTable() throws {
    try withTemporaryFolder { folder in
      for name in ["a", "b"] { try writeRecord(name, in: folder) }
      let table = "record,superclasses,fold\na,MI;HYP,4\nz,NORM,1\n"
      try Data(table.utf8).write(to: folder.appendingPathComponent("labels.csv"))
      let dataset = try WFDBFolderDataset(path: folder)
      #expect(dataset.samples[0].superclasses == [.MI, .HYP])
      #expect(dataset.samples[0].fold == 4)
      #expect(dataset.remarks.count == 2)
      try Data("record,superclasses\na,MII\n".utf8).write(to: folder.appendingPathComponent("labels.csv"))
      let error = #expect(throws: UserError.self) { try WFDBFolderDataset(path: folder) }
      #expect(error?.message.contains("MII") == true)
    }
  }

  @Test func emptyAndMissingFoldersAreRefused() throws {
    try withTemporaryFolder { folder in
      let empty = #expect(throws: UserError.self) { try WFDBFolderDataset(path: folder) }
      #expect(empty?.kind == .badInput && empty?.message.contains("no WFDB header") == true)
      let missing = #expect(throws: UserError.self) {
        try WFDBFolderDataset(path: folder.appendingPathComponent("none"))
      }
      #expect(missing?.kind == .inputOutput && missing?.message.hasSuffix("none: no such folder") == true)
    }
  }
}
