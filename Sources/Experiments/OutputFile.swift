import Evaluation
import Foundation
import Tensors

/// A file that is written when all is done.
public struct OutputFile {
  let url: URL

  public init(url: URL) { self.url = url }

  /// Finds out before the work whether the file can be written, by a file beside it that is removed at once.
  /// - Throws: `UserError` (input/output) naming what is in the way.
  public func check() throws {
    guard !url.isFolder else { throw UserError(.inputOutput, "\(url.path) is a folder", remedy: "name a file") }
    // It would be replaced, as /dev/stdout would.
    guard !InputFile(url).isSpecial else {
      throw UserError(.inputOutput, "\(url.path) is no regular file", remedy: "name a file that may be replaced")
    }
    let trial = url.deletingLastPathComponent().appendingPathComponent(".\(url.lastPathComponent).\(UUID().uuidString)")
    do { try Data().write(to: trial, options: .withoutOverwriting) } catch { throw Self.failure(url, error) }
    try? FileManager.default.removeItem(at: trial)
  }

  /// Refuses to write a file over another that is read or written by the same command.
  ///
  /// - Parameters:
  ///   - outputs: by the names of their options; nil where one is not given.
  ///   - inputs: files that are only read.
  /// - Throws: `UserError` (usage) naming both.
  public static func requireApart(_ outputs: KeyValuePairs<String, URL?>, from inputs: KeyValuePairs<String, URL?>)
    throws
  {
    var taken = inputs.compactMap { name, url in url.map { (name, place(of: $0)) } }
    for (name, url) in outputs {
      guard let url else { continue }
      let place = place(of: url)
      if let other = taken.first(where: { $0.1 == place }) {
        throw UserError(
          .usage, "\(name) and \(other.0) name the same file, \(url.path), which would be written over",
          remedy: "name another file for \(name)")
      }
      taken.append((name, place))
    }
  }

  /// Refuses to write a page over what a run or an ablation wrote: of the files in their folders pages alone may be replaced.
  /// - Throws: `UserError` (usage) naming the file.
  public func requireNone(ofFilesIn folders: [URL]) throws {
    let path = url.standardizedFileURL.resolvingSymlinksInPath()
    let isWithin = folders.contains { folder in
      path.path.hasPrefix(folder.standardizedFileURL.resolvingSymlinksInPath().path + "/")
    }
    guard isWithin, FileManager.default.fileExists(atPath: path.path), path.pathExtension.lowercased() != "html" else {
      return
    }
    throw UserError(
      .usage, "\(url.path) is a file of the run, which would be written over",
      remedy: "name a file that ends in .html, or one elsewhere")
  }

  /// What is the same for two names of one file.
  private static func place(of url: URL) -> String {
    let resolved = url.standardizedFileURL.resolvingSymlinksInPath()
    let attributes = try? FileManager.default.attributesOfItem(atPath: resolved.path)
    guard let attributes, let device = attributes[.systemNumber] as? Int,
      let number = attributes[.systemFileNumber] as? Int
    else { return resolved.path }
    return "\(device) \(number)"
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
