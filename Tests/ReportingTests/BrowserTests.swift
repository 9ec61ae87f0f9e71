import Foundation
import TestSupport
import Testing

@testable import Reporting

/// The page in a browser, where one is installed.
@Suite(.serialized) struct BrowserTests {
  /// Debian's chromium, or another build of it.
  private static let browser = ["chromium", "chromium-browser", "google-chrome"].lazy
    .flatMap { name in
      (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(name)" }
    }.first { FileManager.default.isExecutableFile(atPath: $0) }

  private static var hasBrowser: Bool {
    if browser == nil { print("skipped: no chromium is installed, in which the report page could be opened") }
    return browser != nil
  }

  /// What the browser makes of a file, and what it says of it.
  private func open(_ file: URL, options: [String]) throws -> (document: String, console: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let profile = file.deletingLastPathComponent().appendingPathComponent("profile")
    process.arguments =
      [
        "timeout", "-k", "5", "120", Self.browser ?? "", "--headless", "--no-sandbox", "--disable-gpu",
        "--disable-dev-shm-usage", "--hide-scrollbars", "--allow-file-access-from-files", "--enable-logging=stderr",
        "--user-data-dir=\(profile.path)",
      ] + options + [file.absoluteString]
    let (output, errors) = (Pipe(), file.deletingLastPathComponent().appendingPathComponent("console"))
    try Data().write(to: errors)
    process.standardOutput = output
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    let document = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let console = try String(decoding: Data(contentsOf: errors), as: UTF8.self).split(separator: "\n")
      .filter { $0.contains("CONSOLE") }
    return (String(decoding: document, as: UTF8.self), console.joined(separator: "\n"))
  }

  /// Opened in a frame as wide as a telephone and one as wide as a desk, the page is nowhere wider than it, and the browser
  /// has nothing to say.
  @Test(.enabled(if: hasBrowser)) func thePageFitsATelephoneAndTheConsoleIsEmpty() throws {
    try withTemporaryFolder { folder in
      let made = MadeRun(folder: folder.appendingPathComponent("a-long-name-of-a-run-that-has-no-place-to-break-in-it"))
      try made.write(settings: ["data.kind=wfdb", "data.path=/a/rather/long/path/that/has/few/places/to/break/in/it"])
      try made.writeResults()
      try Data(try made.html().utf8).write(to: folder.appendingPathComponent("page.html"))
      for width in [375, 1280] {
        let frame = folder.appendingPathComponent("frame-\(width).html")
        try Data(
          """
          <iframe id="page" width="\(width)" height="900" src="page.html" onload="
            const root = this.contentDocument.documentElement;
            document.title = 'width ' + root.scrollWidth + ', drawings ' + root.querySelectorAll('svg').length;
          "></iframe>
          """.utf8
        ).write(to: frame)
        let shown = try open(frame, options: ["--dump-dom", "--window-size=1400,1000"])
        #expect(shown.console.isEmpty, "\(shown.console)")
        let found = try #require(shown.document.firstMatch(of: /width (\d+), drawings (\d+)/), "\(shown.document)")
        #expect(Int(found.1) == width && (Int(found.2) ?? 0) > 20, "\(found.0)")
      }
    }
  }
}
