import Foundation
import Tensors
import TestSupport
import Testing

@testable import Experiments

@Suite struct SourceCommitTests {
  private func git(_ arguments: [String], in folder: URL) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    process.arguments = ["git", "-C", folder.path] + who + arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// A checkout with one commit and the program built from it.
  private func built(in root: URL) throws -> (program: URL, commit: String) {
    let program = root.appendingPathComponent(".build/release/evl-dist")
    for folder in [root.appendingPathComponent("Sources/A"), program.deletingLastPathComponent()] {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }
    for (path, text) in ["Sources/A/a.swift": "1", "Package.swift": "2", "README.md": "3", ".gitignore": ".build\n"] {
      try Data(text.utf8).write(to: root.appendingPathComponent(path))
    }
    _ = try git(["init", "--quiet"], in: root)
    _ = try git(["add", "."], in: root)
    _ = try git(["commit", "--quiet", "--message", "first"], in: root)
    try link(program)
    return (program, try git(["rev-parse", "HEAD"], in: root))
  }

  private func link(_ program: URL) throws {
    // Longer than a tick of the file system's clock.
    usleep(20_000)
    try Data("program".utf8).write(to: program)
  }

  @Test func aProgramBuiltFromTheCheckedOutSourcesIsOfThatCommit() throws {
    try withTemporaryFolder { root in
      let (program, commit) = try built(in: root)
      #expect(commit.count == 40 && SourceCommit.of(program: program) == commit)
      // What is no source does not matter.
      try Data("4".utf8).write(to: root.appendingPathComponent("README.md"))
      #expect(SourceCommit.of(program: program) == commit)
    }
  }

  @Test func changedSourcesAreOfNoCommit() throws {
    try withTemporaryFolder { root in
      let (program, commit) = try built(in: root)
      let source = root.appendingPathComponent("Sources/A/a.swift")
      try Data("changed".utf8).write(to: source)
      try link(program)
      #expect(SourceCommit.of(program: program) == nil)
      // The same text as the commit's again, but not what the program was built from.
      try Data("1".utf8).write(to: source)
      #expect(SourceCommit.of(program: program) == nil)
      try link(program)
      #expect(SourceCommit.of(program: program) == commit)
      try Data("new".utf8).write(to: root.appendingPathComponent("Sources/A/b.swift"))
      try link(program)
      #expect(SourceCommit.of(program: program) == nil)
    }
  }

  /// A file whose times were set back, as copies do that keep times.
  @Test func sourcesThatCameLaterAreNoticedWhateverTheirTimes() throws {
    try withTemporaryFolder { root in
      let (program, _) = try built(in: root)
      usleep(20_000)
      let source = root.appendingPathComponent("Sources/A/a.swift")
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: 1e9)], ofItemAtPath: source.path)
      #expect(SourceCommit.of(program: program) == nil)
    }
  }

  @Test func anInstalledProgramIsNamedByItsDigest() throws {
    try withTemporaryFolder { prefix in
      let program = prefix.appendingPathComponent("bin/evl-dist")
      let record = prefix.appendingPathComponent("share/evl-dist/commit")
      for file in [program, record] {
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      }
      try link(program)
      #expect(SourceCommit.of(program: program) == nil)
      try Data("abc \(try Digest.sha256(fileAt: program))\n".utf8).write(to: record)
      #expect(SourceCommit.of(program: program) == "abc")
      try Data("another".utf8).write(to: program)
      #expect(SourceCommit.of(program: program) == nil)
    }
  }

  @Test func anUnknownCommitIsNull() throws {
    #expect(String(decoding: try JSONEncoder().encode([SourceCommit.unknown]), as: UTF8.self) == "[null]")
  }
}
