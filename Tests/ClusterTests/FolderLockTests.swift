import Foundation
import Tensors
import TestSupport
import Testing

@testable import Cluster

@Suite struct FolderLockTests {
  private let pace = FolderLock.Pace(beat: 0.05, patience: 0.6)

  private func take(
    _ folder: URL, host: String = "here", process: Int32 = getpid(), waiting: (String) -> Void = { _ in }
  ) throws -> FolderLock {
    try FolderLock.take(folder, own: holder(host: host, process: process), pace: pace, waiting: waiting)
  }

  private func holder(host: String, process: Int32 = getpid()) -> FolderLock.Holder {
    FolderLock.Holder(
      host: host, boot: "b", processes: "p", process: process, job: host == "here" ? nil : "17",
      token: UUID().uuidString)
  }

  private func write(_ holder: FolderLock.Holder, in folder: URL) throws {
    try JSONEncoder().encode(holder).write(to: folder.appendingPathComponent(FolderLock.fileName))
  }

  private func names(_ folder: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path)
  }

  @Test func aHeldFolderIsRefusedAndAReleasedOneIsNot() throws {
    try withTemporaryFolder { folder in
      let lock = try take(folder)
      #expect { _ = try take(folder) } throws: {
        UserError.from($0).kind == .usage && "\($0)".contains("running: process \(getpid()) on here")
      }
      try lock.check()
      lock.release()
      let next = try take(folder)
      #expect(try names(folder) == [FolderLock.fileName])
      next.release()
      #expect(try names(folder).isEmpty)
    }
  }

  @Test func anotherHostsLiveLockIsRefusedAfterItsNextSign() throws {
    try withTemporaryFolder { folder in
      let lock = try take(folder, host: "there")
      var told: [String] = []
      #expect { _ = try take(folder, waiting: { told.append($0) }) } throws: {
        UserError.from($0).kind == .usage && "\($0)".contains("on there, job 17")
      }
      #expect(told.count == 1 && told[0].contains("is held by process \(getpid()) on there, job 17; waiting"))
      try lock.check()
      lock.release()
    }
  }

  /// The number of a holder that was killed may be another process's by now.
  @Test func aRecycledProcessNumberIsNoHolder() throws {
    try withTemporaryFolder { folder in
      let own = FolderLock.Holder.own()
      #expect(own.began.flatMap { Int($0) } ?? 0 > 0)
      var dead = own
      (dead.token, dead.began) = (UUID().uuidString, "1")
      try write(dead, in: folder)
      try Data().write(to: folder.appendingPathComponent("lock.json.left"))
      let lock = try FolderLock.take(folder, waiting: { _ in })
      #expect(try names(folder) == [FolderLock.fileName])
      #expect { _ = try FolderLock.take(folder, waiting: { _ in }) } throws: { UserError.from($0).kind == .usage }
      lock.release()
    }
  }

  /// The holder was killed on its host, or its counter stands still elsewhere, or the file is damaged.
  @Test func aDeadHoldersLockIsTakenOver() throws {
    try withTemporaryFolder { folder in
      try write(holder(host: "here", process: 1 << 30), in: folder)
      var told = 0
      try take(folder, waiting: { _ in told += 1 }).release()
      #expect(told == 0)
      try write(holder(host: "there"), in: folder)
      let start = Date()
      try take(folder, waiting: { _ in told += 1 }).release()
      #expect(told == 1 && Date().timeIntervalSince(start) >= 0.6)
      try Data("{".utf8).write(to: folder.appendingPathComponent(FolderLock.fileName))
      try take(folder, waiting: { _ in told += 1 }).release()
      #expect(try told == 2 && names(folder).isEmpty)
    }
  }

  @Test func anObserverTellsTheLivingFromTheDead() throws {
    try withTemporaryFolder { folder in
      func look() -> FolderLock.Sighting { FolderLock.look(at: folder, from: holder(host: "here"), patience: 0.4) }
      #expect(look() == .free)
      let own = try take(folder)
      #expect(look() == .alive("process \(getpid()) on here"))
      own.release()
      let other = try take(folder, host: "there")
      #expect(look() == .alive("process \(getpid()) on there, job 17"))
      other.release()
      try write(holder(host: "there"), in: folder)
      #expect(look() == .silent("process \(getpid()) on there, job 17"))
      try write(holder(host: "here", process: 1 << 30), in: folder)
      #expect(look() == .dead("process \(1 << 30) on here"))
      try Data("{".utf8).write(to: folder.appendingPathComponent(FolderLock.fileName))
      #expect(look() == .silent("someone unknown"))
    }
  }

  /// A job that stood still while another took its folder over finds out, and leaves the other's lock alone.
  @Test func whoeverLosesTheLockIsTold() throws {
    try withTemporaryFolder { folder in
      let lock = try take(folder)
      var other = holder(host: "there")
      other.counter = 3
      try write(other, in: folder)
      for _ in 0..<100 where !lock.isLost { usleep(20_000) }
      #expect(lock.isLost)
      #expect { try lock.check() } throws: {
        UserError.from($0).kind == .rankLost && "\($0)".contains("was taken over by process \(getpid()) on there")
      }
      usleep(200_000)
      lock.release()
      let left = try JSONDecoder().decode(
        FolderLock.Holder.self, from: Data(contentsOf: folder.appendingPathComponent(FolderLock.fileName)))
      #expect(left == other)
    }
  }

  /// On a full disk the counter cannot be rewritten, but the file's time can.
  @Test func aNewTimeOfTheFileIsASignOfLife() throws {
    try withTemporaryFolder { folder in
      try write(holder(host: "there"), in: folder)
      let file = folder.appendingPathComponent(FolderLock.fileName)
      let own = holder(host: "here")
      Thread.detachNewThread {
        for second in 1...10 {
          usleep(50_000)
          try? FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: Double(second))], ofItemAtPath: file.path)
        }
      }
      #expect(
        FolderLock.look(at: folder, from: own, patience: pace.patience)
          == .alive("process \(getpid()) on there, job 17"))
    }
  }

  @Test func aFullDiskTakesNoLockAway() throws {
    guard let disk = SmallDisk(bytes: 1 << 20) else { return }
    let lock = try take(disk.folder, host: "there")
    disk.resize(disk.used)
    #expect {
      _ = try FolderLock.take(disk.folder, own: holder(host: "here"), pace: pace, waiting: { _ in })
    } throws: { UserError.from($0).message.contains("cannot be written") }
    #expect(
      FolderLock.look(at: disk.folder, from: holder(host: "here"), patience: pace.patience)
        == .alive("process \(getpid()) on there, job 17"))
    lock.release()
  }

  /// Many start at once on a folder whose holder is dead: one gets it.
  @Test func oneOfManyGetsTheLock() throws {
    for round in 0..<10 {
      try withTemporaryFolder { folder in
        if round % 2 == 0 { try write(holder(host: "here", process: 1 << 30), in: folder) }
        let outcomes = try SimulatedRanks.run(8) { communicator -> Bool in
          let lock = try? take(folder)
          try communicator.barrier()
          lock?.release()
          return lock != nil
        }
        #expect(try outcomes.count { $0 } == 1 && names(folder).isEmpty, "\(outcomes)")
      }
    }
  }
}
