import Foundation
import Tensors

/// The report of runs as one HTML file that stands alone: nothing in it is fetched from elsewhere, nothing in it runs.
public struct RunReport {
  private let run: ReportedRun
  /// When and by what it is made.
  private let colophon: String

  /// - Parameters:
  ///   - program: name and version of the program that makes it.
  ///   - date: when.
  public init(_ run: ReportedRun, program: String, date: Date = Date()) {
    self.run = run
    colophon = "Made by \(program) at \(ISO8601DateFormatter().string(from: date)) from \(run.folder.path)."
  }

  /// - Throws: `UserError` (internal fault) where the page's own template is broken.
  public func html() throws -> String { try PageTemplate().html(RunPage(run: run).content(colophon: colophon)) }

  /// Writes the page, complete or not at all. - Throws: `UserError` (input/output) where it cannot be written.
  public func write(to file: URL) throws {
    let html = try html()
    do { try Data(html.utf8).write(to: file, options: .atomic) } catch {
      throw UserError(
        .inputOutput, "\(file.path) cannot be written: \(error.localizedDescription)",
        remedy: "name another file with -o")
    }
  }
}
