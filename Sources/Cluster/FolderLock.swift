import CMessagePassing
import Foundation
import Tensors

/// Keeps a second job out of a folder, on any host that sees it, without a lock of the file system, which network file
/// systems may not have.
///
/// The file says who holds it, and a counter that is rewritten every few seconds. On the holder's host its process is looked
/// for; elsewhere a lock whose counter stands still for half a minute of the observer's own clock is taken over, so that a
/// job that was requeued on another host is not shut out, and clocks that differ or are set back do not matter. Whoever
/// finds another's name in the lock has lost it.
public final class FolderLock: @unchecked Sendable {
  // Sendable because what changes is touched under the lock's own mutex.
  /// What the file holds.
  struct Holder: Codable, Equatable {
    var host: String
    /// Of the host's current start.
    var boot: String
    /// In which `process` has its meaning.
    var processes: String
    var process: Int32
    /// When that began, in ticks since the boot: another process may have its number by now. Absent in locks from before
    /// it was noted.
    var began: String?
    /// Of the batch system.
    var job: String?
    /// Tells this holder from any other.
    var token: String
    /// Counted up while the holder lives.
    var counter = 0

    static func own(environment: [String: String] = ProcessInfo.processInfo.environment) -> Holder {
      let files = SystemFiles(root: URL(fileURLWithPath: "/"))
      let namespace = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")
      return Holder(
        host: Peers.hostName(), boot: files.text("proc/sys/kernel/random/boot_id") ?? "?", processes: namespace ?? "?",
        process: getpid(), began: began(getpid()), job: environment["SLURM_JOB_ID"] ?? environment["PBS_JOBID"],
        token: UUID().uuidString)
    }

    /// Whether its process can be looked for from here.
    func isNeighbour(of other: Holder) -> Bool { (host, boot, processes) == (other.host, other.boot, other.processes) }

    /// Whether there is no such process any more, looked for from its own host.
    var isGone: Bool {
      mp_is_gone(process) || mp_is_zombie(process) || began.map { $0 != Self.began(process) } ?? false
    }

    /// The 22nd word of the process's `stat`; the second is a name in brackets.
    private static func began(_ process: Int32) -> String? {
      let text = SystemFiles(root: URL(fileURLWithPath: "/")).text("proc/\(process)/stat") ?? ""
      let words = text.split(separator: ")").last?.split(separator: " ") ?? []
      return words.count > 19 ? String(words[19]) : nil
    }

    var description: String { "process \(process) on \(host)" + (job.map { ", job \($0)" } ?? "") }
  }

  /// How the time passes; tests are quicker.
  struct Pace {
    /// Seconds between two rewrites of the counter.
    var beat = 5.0
    /// Seconds without one after which a lock is taken over.
    var patience = 30.0
  }

  public static let fileName = "lock.json"
  private let url: URL
  private let own: Holder
  private let mutex = NSLock()
  private var isHeld = true
  private var loss: UserError?

  private init(_ url: URL, _ own: Holder, pace: Pace) {
    self.url = url
    self.own = own
    HelperThread.start("folder lock", stackBytes: 512 << 10) { [weak self] in
      var counter = 0
      repeat {
        Thread.sleep(forTimeInterval: pace.beat)
        counter += 1
      } while self?.beat(counter) ?? false
    }
  }

  deinit { release() }

  /// Takes the lock of a folder that exists; waits where it must see whether another holder lives.
  ///
  /// - Parameter waiting: told, once, why it waits.
  /// - Throws: `UserError(.usage)` where another job holds it, `UserError(.inputOutput)` where it cannot be written.
  public static func take(_ folder: URL, waiting: (String) -> Void) throws -> FolderLock {
    try take(folder, own: .own(), pace: Pace(), waiting: waiting)
  }

  static func take(_ folder: URL, own: Holder, pace: Pace, waiting: (String) -> Void) throws -> FolderLock {
    switch try attempt(folder, own: own, pace: pace, waiting: waiting) {
    case .taken(let lock): return lock
    case .held(let holder):
      throw UserError(
        .usage, "\(folder.path) belongs to a job that is running: \(holder)",
        remedy: "wait for its end, stop it, or name another folder")
    }
  }

  /// What came of trying to take a lock.
  public enum Attempt {
    case taken(FolderLock)
    /// By a job that lives.
    case held(by: String)
  }

  /// As `take`, and tells of a holder that lives. - Throws: `UserError(.inputOutput)` where it cannot be written.
  public static func attempt(_ folder: URL, waiting: (String) -> Void) throws -> Attempt {
    try attempt(folder, own: .own(), pace: Pace(), waiting: waiting)
  }

  private static func attempt(_ folder: URL, own: Holder, pace: Pace, waiting: (String) -> Void) throws -> Attempt {
    let url = folder.appendingPathComponent(fileName)
    while true {
      if try create(url, own) {
        removeLeftovers(in: folder)
        return .taken(FolderLock(url, own, pace: pace))
      }
      guard let seen = try read(url) else { continue }
      let holder = try? JSONDecoder().decode(Holder.self, from: seen)
      let name = holder?.description ?? "someone unknown"
      if let holder, holder.isNeighbour(of: own) {
        guard holder.isGone else { return .held(by: name) }
      } else {
        waiting("\(url.path) is held by \(name); waiting \(Int(pace.patience)) s for a sign of life")
        if isAlive(url, seen, patience: pace.patience) { return .held(by: name) }
      }
      takeAway(url, seen, patience: pace.patience)
    }
  }

  /// Removes what processes that were killed while they wrote left in the folder.
  private static func removeLeftovers(in folder: URL) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    // The second are Foundation's, of files that are replaced as a whole.
    for name in names where name.hasPrefix(fileName + ".") || name.hasPrefix(".dat.nosync") {
      unlink(folder.appendingPathComponent(name).path)
    }
  }

  /// What an observer can tell of a folder's job.
  public enum Sighting: Sendable, Equatable {
    /// No job holds the folder.
    case free
    /// Its process is there, or its counter moves.
    case alive(String)
    /// Its process is gone.
    case dead(String)
    /// On another host, and its counter stood still while the observer looked.
    case silent(String)
  }

  /// Looks whether a folder's job lives, without touching anything.
  ///
  /// - Parameter patience: seconds to wait for a sign from another host; longer than a beat.
  public static func look(at folder: URL, patience: Double = 8) -> Sighting {
    look(at: folder, from: .own(), patience: patience)
  }

  static func look(at folder: URL, from own: Holder, patience: Double) -> Sighting {
    let url = folder.appendingPathComponent(fileName)
    guard let seen = try? Data(contentsOf: url) else { return .free }
    guard let holder = try? JSONDecoder().decode(Holder.self, from: seen) else { return .silent("someone unknown") }
    if holder.isNeighbour(of: own) {
      return holder.isGone ? .dead(holder.description) : .alive(holder.description)
    }
    if isAlive(url, seen, patience: patience) { return .alive(holder.description) }
    return FileManager.default.fileExists(atPath: url.path) ? .silent(holder.description) : .free
  }

  /// Whether the file, or the time of its last change, becomes another one while the observer waits.
  private static func isAlive(_ url: URL, _ seen: Data, patience: Double) -> Bool {
    let start = Stopwatch.now
    let touched = lastChange(url)
    while Stopwatch.now - start < patience {
      Thread.sleep(forTimeInterval: min(0.5, patience / 10))
      // What cannot be read at this moment may be in the next.
      guard FileManager.default.fileExists(atPath: url.path) else { return false }
      if let now = try? Data(contentsOf: url), now != seen || lastChange(url) != touched { return true }
    }
    return false
  }

  /// By the file server's clock; only told from another.
  private static func lastChange(_ url: URL) -> Date? {
    (try? FileManager.default.attributesOfItem(atPath: url.path))?[.modificationDate] as? Date
  }

  /// The file's bytes; nil where it is gone. - Throws: `UserError(.inputOutput)` where it cannot be read.
  private static func read(_ url: URL) throws -> Data? {
    do { return try Data(contentsOf: url) } catch {
      guard FileManager.default.fileExists(atPath: url.path) else { return nil }
      throw UserError(
        .inputOutput, "\(url.path) cannot be read: \(error.localizedDescription)",
        remedy: "check whose job holds the folder, or remove the file where none does")
    }
  }

  /// Puts the file in its place where there is none. - Returns: whether it did.
  private static func create(_ url: URL, _ own: Holder) throws -> Bool {
    let fresh = url.appendingPathExtension(own.token)
    defer { unlink(fresh.path) }
    do { try JSONEncoder().encode(own).write(to: fresh) } catch {
      throw UserError(
        .inputOutput, "\(url.path) cannot be written: \(error.localizedDescription)",
        remedy: "check free space and permissions, or choose another run.folder")
    }
    if link(fresh.path, url.path) == 0 { return true }
    // Its answer may be lost on the way from a server.
    if errno == EEXIST { return (try? Data(contentsOf: url)) == (try? Data(contentsOf: fresh)) }
    // Removed with what others left.
    if errno == ENOENT { return false }
    // A file system without hard links.
    let file = open(url.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard file >= 0 else {
      if errno == EEXIST { return false }
      throw UserError(.inputOutput, "\(url.path) cannot be written: \(String(cString: strerror(errno)))")
    }
    close(file)
    guard rename(fresh.path, url.path) == 0 else {
      throw UserError(.inputOutput, "\(url.path) cannot be written: \(String(cString: strerror(errno)))")
    }
    return true
  }

  /// Removes a dead holder's file, and no other that may lie there by now: of all who saw it dead one may, who makes a
  /// second name for it.
  private static func takeAway(_ url: URL, _ seen: Data, patience: Double) {
    let mark = url.appendingPathExtension("dead-\(Digest.sha256(seen).prefix(16))")
    let start = Stopwatch.now
    while link(url.path, mark.path) != 0 {
      // Gone already; or a file system without hard links, where those who come at one moment may still meet.
      guard errno == EEXIST else {
        if errno != ENOENT, (try? Data(contentsOf: url)) == seen { unlink(url.path) }
        return
      }
      Thread.sleep(forTimeInterval: 0.02)
      // Whoever made it was killed in between.
      if Stopwatch.now - start > patience { unlink(mark.path) }
    }
    if (try? Data(contentsOf: mark)) == seen { unlink(url.path) }
    unlink(mark.path)
  }

  /// Rewrites the counter. - Returns: whether to go on.
  private func beat(_ counter: Int) -> Bool {
    mutex.withLock {
      guard isHeld, loss == nil else { return false }
      guard isOwn() else { return false }
      var holder = own
      holder.counter = counter
      let fresh = url.appendingPathExtension(own.token)
      if (try? JSONEncoder().encode(holder).write(to: fresh)) == nil || rename(fresh.path, url.path) != 0 {
        unlink(fresh.path)
        // A full disk still takes a new time, which is a sign of life, too.
        utimes(url.path, nil)
      }
      return true
    }
  }

  /// Whether the file names this holder; notes who took it otherwise.
  private func isOwn() -> Bool {
    guard let data = try? Data(contentsOf: url) else { return loss == nil }
    let holder = try? JSONDecoder().decode(Holder.self, from: data)
    if holder?.token == own.token { return true }
    loss = UserError(
      .rankLost,
      "the lock \(url.path) was taken over by \(holder?.description ?? "someone unknown") while this job stood still",
      remedy: "the other job goes on; nothing of this one's last checkpoint is lost")
    return false
  }

  /// Whether the counter's last rewrite found that another job has taken the folder over; reads nothing, and waits for
  /// nothing.
  public var isLost: Bool {
    guard mutex.try() else { return false }
    defer { mutex.unlock() }
    return loss != nil
  }

  /// Throws where another job has taken the folder over: nothing more may be written there.
  public func check() throws {
    try mutex.withLock {
      if loss == nil, isHeld { _ = isOwn() }
      if let loss { throw loss }
    }
  }

  /// Gives the folder free.
  public func release() {
    mutex.withLock {
      guard isHeld else { return }
      isHeld = false
      if loss == nil, isOwn() { unlink(url.path) }
    }
  }
}
