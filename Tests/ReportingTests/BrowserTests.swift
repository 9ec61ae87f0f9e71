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

  /// The page of a run, of two, and of an ablation.
  private func page(_ kind: String, in folder: URL) throws -> String {
    func made(_ name: String) throws -> MadeRun {
      let run = MadeRun(folder: folder.appendingPathComponent(name))
      try run.write(settings: ["data.kind=wfdb", "data.path=/a/rather/long/path/that/has/few/places/to/break/in/it"])
      try run.writeResults()
      return run
    }
    let run = try made("a-long-name-of-a-run-that-has-no-place-to-break-in-it")
    switch kind {
    case "run": return try run.html()
    case "comparison":
      return try RunReport(comparing: [run.reported(), made("other").reported()], program: "evl-dist").html()
    default:
      let file = folder.appendingPathComponent("ablation.json")
      try Data(AblationPageTests.results("a method with a long name").utf8).write(to: file)
      return try RunReport(try #require(try ReportedAblation.read(folder)), program: "evl-dist").html()
    }
  }

  /// Opened in a frame as wide as a telephone and one as wide as a desk, by light and in the dark, the page is nowhere wider
  /// than it, its ground is as light or dark as the reader asks for, and the browser has nothing to say.
  @Test(.enabled(if: hasBrowser), arguments: [("run", 20), ("comparison", 10), ("ablation", 2)])
  func thePageFitsATelephoneAndTheConsoleIsEmpty(kind: String, drawings: Int) throws {
    try withTemporaryFolder { folder in
      try Data(try page(kind, in: folder).utf8).write(to: folder.appendingPathComponent("page.html"))
      for (width, isDark) in [(375, false), (1280, true)] {
        let frame = folder.appendingPathComponent("frame-\(width).html")
        try Data(
          """
          <iframe id="page" width="\(width)" height="900" src="page.html" onload="
            const root = this.contentDocument.documentElement;
            const ground = this.contentWindow.getComputedStyle(this.contentDocument.body).backgroundColor;
            document.title = 'width ' + root.scrollWidth + ', drawings ' + root.querySelectorAll('svg').length + ', ' + ground;
          "></iframe>
          """.utf8
        ).write(to: frame)
        let scheme = "--blink-settings=preferredColorScheme=\(isDark ? 0 : 1)"
        let shown = try open(frame, options: ["--dump-dom", "--window-size=1400,1000", scheme])
        #expect(shown.console.isEmpty, "\(shown.console)")
        let found = try #require(
          shown.document.firstMatch(of: /width (\d+), drawings (\d+), rgb\((\d+),/), "\(shown.document)")
        #expect(Int(found.1) == width && (Int(found.2) ?? 0) > drawings, "\(found.0)")
        #expect(isDark == ((Int(found.3) ?? 128) < 128), "\(found.0)")
      }
    }
  }

  /// On paper there are several pages, with the text on them.
  @Test(.enabled(if: hasBrowser)) func thePagePrints() throws {
    try withTemporaryFolder { folder in
      let (file, printed) = (folder.appendingPathComponent("page.html"), folder.appendingPathComponent("page.pdf"))
      try Data(try page("run", in: folder).utf8).write(to: file)
      _ = try open(file, options: ["--print-to-pdf=\(printed.path)", "--no-pdf-header-footer"])
      let pdf = String(decoding: try Data(contentsOf: printed), as: UTF8.self)
      #expect(pdf.hasPrefix("%PDF") && pdf.matches(of: /\/Type ?\/Page\b/).count > 1)
      #expect(pdf.contains("/Font"))
    }
  }
}
