import Foundation
import Tensors
import TestSupport
import Testing

@testable import Corpus

/// What is said of a file in the place of a store, and of one whose samples lack what its index names.
extension TeacherStoreTests {
  @Test func aFileInTheStoresPlaceIsRefused() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("store")
      try Data("x".utf8).write(to: file)
      let error = #expect(throws: UserError.self) { try TeacherStoreWriter(file, plan: Self.plan()).begin() }
      #expect(error?.kind == .usage && error?.message.contains("which is a file") == true)
    }
  }

  /// A start that was killed when it had its lock and no more; a folder of another use with that name stays what it is.
  @Test func aLockAloneIsNoOtherFolder() throws {
    try withTemporaryFolder { folder in
      let writer = TeacherStoreWriter(folder, plan: Self.plan())
      #expect(throws: UserError.self) {
        try writer.begin {
          try Data("{}".utf8).write(to: writer.work.appendingPathComponent("lock.json"))
          throw UserError(.internalFault, "killed")
        }
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: writer.work.path) == ["lock.json"])
      var isLocked = false
      try writer.begin { isLocked = true }
      #expect(isLocked)
    }
    try withTemporaryFolder { folder in
      let writer = TeacherStoreWriter(folder, plan: Self.plan())
      try FileManager.default.createDirectory(at: writer.work, withIntermediateDirectories: true)
      try Data("x".utf8).write(to: writer.work.appendingPathComponent("notes.txt"))
      let error = #expect(throws: UserError.self) { try writer.begin() }
      #expect(error?.kind == .usage && error?.message.contains("neither empty nor a teacher store") == true)
    }
  }

  @Test func statesThatTheIndexNamesAndSamplesLackAreDamage() throws {
    try withTemporaryFolder { folder in
      try finish(TeacherStoreWriter(folder, plan: Self.plan { $0.layers = [1] }))
      let error = #expect(throws: UserError.self) { try TeacherStore(folder).verify() }
      #expect(error?.kind == .badInput && error?.message.contains("is damaged") == true)
      #expect(
        error?.message.contains("hidden.1/a/MI") == true && error?.remedy.contains("copy the store again") == true)
    }
  }
}
