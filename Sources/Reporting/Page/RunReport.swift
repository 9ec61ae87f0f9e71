import Foundation
import Tensors

/// The report of one run, of several beside each other, or of an ablation, as one HTML file that stands alone: nothing in it is fetched
/// from elsewhere, nothing in it runs.
public struct RunReport {
  private let content: PageContent

  /// The page of one run.
  ///
  /// - Parameters:
  ///   - plans: what joins student and teacher, over recordings; or why that is not shown.
  ///   - program: name and version of the program that makes it.
  ///   - date: when.
  public init(
    _ run: ReportedRun, plans: Result<PlanExhibits, MissingExhibit>, program: String, date: Date = Date()
  ) {
    content = RunPage(run: run, plans: plans).content(colophon: Self.colophon([run.folder], program, date))
  }

  /// The page that compares runs with the first of them. - Precondition: there is one.
  public init(comparing runs: [ReportedRun], program: String, date: Date = Date()) {
    precondition(!runs.isEmpty, "no run to compare")
    content = ComparisonPage(runs: runs).content(colophon: Self.colophon(runs.map(\.folder), program, date))
  }

  /// The page of an ablation.
  public init(_ ablation: ReportedAblation, program: String, date: Date = Date()) {
    content = AblationPage(ablation: ablation).content(colophon: Self.colophon([ablation.folder], program, date))
  }

  private static func colophon(_ folders: [URL], _ program: String, _ date: Date) -> String {
    "Made by \(program) at \(ISO8601DateFormatter().string(from: date)) from "
      + folders.map(\.path).joined(separator: ", ") + "."
  }

  /// - Throws: `UserError` (internal fault) where the page's own template is broken.
  public func html() throws -> String { try PageTemplate().html(content) }

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
