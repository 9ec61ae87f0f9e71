import Foundation
import TestSupport

/// A folder with made-up programs (mpirun, apt-get, ...) that stand in front of the real ones on the PATH, so that the
/// scripts of launch/ can be watched without a cluster and without touching this machine.
struct Stage {
  struct Outcome {
    var code: Int32
    var output: String
    var errors: String

    var errorLines: [String] { errors.split(separator: "\n").map(String.init) }
  }

  static let launch = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("launch")

  let folder: URL
  private let path: String

  /// With `borrowed`, only the made-up programs and those of the system named there are found; without it, all.
  init(in folder: URL, borrowed: [String]? = nil) throws {
    self.folder = folder
    let programs = folder.appendingPathComponent("programs")
    try FileManager.default.createDirectory(at: programs, withIntermediateDirectories: true)
    for name in borrowed ?? [] {
      let source = ["/usr/bin", "/bin"].map { "\($0)/\(name)" }.first { FileManager.default.fileExists(atPath: $0) }
      guard let source else { continue }
      try FileManager.default.createSymbolicLink(
        at: programs.appendingPathComponent(name), withDestinationURL: URL(fileURLWithPath: source))
    }
    path = programs.path + (borrowed == nil ? ":/usr/bin:/bin" : "")
  }

  /// Puts a made-up program on the PATH.
  @discardableResult
  func program(_ name: String, _ script: String) throws -> URL {
    try file("programs/\(name)", "#!/bin/bash\n" + script)
  }

  /// Writes a program at a path below the stage's folder.
  @discardableResult
  func file(_ name: String, _ text: String) throws -> URL {
    let url = folder.appendingPathComponent(name)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    // A link to a borrowed program is replaced, never written through.
    try? FileManager.default.removeItem(at: url)
    try Data(text.utf8).write(to: url)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: url.path)
    return url
  }

  func text(_ name: String) -> String {
    (try? String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)) ?? ""
  }

  /// Runs a script in the stage's folder and waits for its end, a minute at most.
  ///
  /// - Parameter started: called with the process once the file `started` exists in the stage's folder.
  func run(
    _ script: URL, _ arguments: [String] = [], settings: [String: String] = [:],
    started: ((Process) -> Void)? = nil
  ) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.arguments = ["--foreground", "-k", "2", "60", "/bin/bash", script.path] + arguments
    process.currentDirectoryURL = folder
    process.environment = ["PATH": path, "HOME": folder.path, "STAGE": folder.path].merging(settings) { $1 }
    process.standardInput = FileHandle.nullDevice
    let output = folder.appendingPathComponent("output")
    let errors = folder.appendingPathComponent("errors")
    try Data().write(to: output)
    try Data().write(to: errors)
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    try withoutBlockedSignals { try process.run() }
    if let started {
      let mark = folder.appendingPathComponent("started").path
      while process.isRunning, !FileManager.default.fileExists(atPath: mark) { usleep(10_000) }
      started(process)
    }
    process.waitUntilExit()
    return Outcome(code: process.terminationStatus, output: text("output"), errors: text("errors"))
  }

  /// timeout hands on the signals that it gets, except that it takes SIGTERM for its own end, too; so the script itself
  /// is signalled.
  static func send(_ signal: Int32, to process: Process) {
    let children = "/proc/\(process.processIdentifier)/task/\(process.processIdentifier)/children"
    let text = (try? String(contentsOfFile: children, encoding: .utf8)) ?? ""
    for child in text.split(separator: " ").compactMap({ pid_t($0) }) { kill(child, signal) }
  }

  /// A child inherits the signal mask, and the threads that run tests block every signal.
  private func withoutBlockedSignals<T>(_ body: () throws -> T) rethrows -> T {
    var none = sigset_t()
    var before = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    return try body()
  }
}

/// A stage in a fresh folder that is removed afterwards.
func withStage<T>(borrowed: [String]? = nil, _ body: (Stage) throws -> T) throws -> T {
  try withTemporaryFolder { try body(Stage(in: $0, borrowed: borrowed)) }
}
