import Evaluation
import Foundation
import Tensors

/// A file that is written when all is done.
struct OutputFile {
  let url: URL

  /// Finds out before the work whether the file can be written, by a file beside it that is removed at once.
  /// - Throws: `UserError` (input/output) naming what is in the way.
  func check() throws {
    guard !url.isFolder else { throw UserError(.inputOutput, "\(url.path) is a folder", remedy: "name a file") }
    // It would be replaced, as /dev/stdout would.
    guard !InputFile(url).isSpecial else {
      throw UserError(.inputOutput, "\(url.path) is no regular file", remedy: "name a file that may be replaced")
    }
    let trial = url.deletingLastPathComponent().appendingPathComponent(".\(url.lastPathComponent).\(UUID().uuidString)")
    do { try Data().write(to: trial, options: .withoutOverwriting) } catch { throw Self.failure(url, error) }
    try? FileManager.default.removeItem(at: trial)
  }

  /// Replaces the file in one step. - Throws: `UserError` (input/output).
  func write(_ data: Data) throws {
    do { try data.write(to: url, options: .atomic) } catch { throw Self.failure(url, error) }
  }

  private static func failure(_ url: URL, _ error: any Error) -> UserError {
    UserError(
      .inputOutput, "\(url.path) cannot be written: \(error.localizedDescription)",
      remedy: "check that its folder is there, free space and permissions")
  }
}
