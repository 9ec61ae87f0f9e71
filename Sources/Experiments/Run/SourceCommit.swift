import Cluster
import Foundation
import Tensors

/// The commit of the sources that a program was built from.
///
/// It is told where it is certain, and nil otherwise:
/// - of a program in a build folder of a git checkout, whose sources are those of the checked-out commit and have not been
///   touched since the program was linked, so that it is built from them;
/// - of an installed program, by the file that CMake made when it had built it, which names the program by its SHA-256.
public struct SourceCommit: Encodable, Sendable {
  /// The commit's full hash; nil where it is not certain.
  public let hash: String?

  public static let unknown = SourceCommit(hash: nil)

  /// Of the running program.
  public static func current() -> SourceCommit {
    SourceCommit(hash: of(program: URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()))
  }

  /// The hash, or null.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(hash)
  }

  static func of(program: URL) -> String? { recorded(program) ?? checkedOut(program) }

  /// What the sources of a checkout are, and what decides how they are built.
  private static let sources = ["Sources", "Package.swift"]

  /// "COMMIT SHA256", in `share/evl-dist/commit` of the folder that the program is installed to.
  private static func recorded(_ program: URL) -> String? {
    let home = program.deletingLastPathComponent().deletingLastPathComponent()
    let text = try? String(contentsOf: home.appendingPathComponent("share/evl-dist/commit"), encoding: .utf8)
    let words = (text ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
    guard words.count == 2, (try? Digest.sha256(fileAt: program)) == words[1] else { return nil }
    return words[0]
  }

  private static func checkedOut(_ program: URL) -> String? {
    guard let root = checkout(of: program), let built = status(program.path)?.st_mtim,
      let touched = sources.map({ newestChange(root.appendingPathComponent($0)) }).reduce(nil, newer),
      isBefore(touched, built), git(["status", "--porcelain", "--untracked-files=all", "--"] + sources, in: root) == ""
    else { return nil }
    return git(["rev-parse", "HEAD"], in: root)
  }

  /// The folder above the program that holds the package.
  private static func checkout(of program: URL) -> URL? {
    let parts = program.pathComponents.dropLast()
    return (1..<max(1, parts.count)).reversed().lazy
      .map { URL(fileURLWithPath: NSString.path(withComponents: Array(parts.prefix($0)))) }
      .first { folder in
        (sources + [".git"]).allSatisfy {
          FileManager.default.fileExists(atPath: folder.appendingPathComponent($0).path)
        }
      }
  }

  /// The last change of a file, or of anything in a folder: of the inode, which no copy that keeps times hides.
  private static func newestChange(_ url: URL) -> timespec? {
    let below = FileManager.default.enumerator(atPath: url.path)?.compactMap { $0 as? String } ?? []
    return ([url.path] + below.map { url.appendingPathComponent($0).path }).map { status($0)?.st_ctim }
      .reduce(nil, newer)
  }

  private static func newer(_ a: timespec?, _ b: timespec?) -> timespec? {
    guard let a, let b else { return a ?? b }
    return isBefore(a, b) ? b : a
  }

  private static func isBefore(_ a: timespec, _ b: timespec) -> Bool {
    (a.tv_sec, a.tv_nsec) < (b.tv_sec, b.tv_nsec)
  }

  private static func status(_ path: String) -> stat? {
    var status = stat()
    return lstat(path, &status) == 0 ? status : nil
  }

  /// What git prints; nil where it fails, is missing or takes longer than 5 s.
  private static func git(_ arguments: [String], in root: URL) -> String? {
    SystemCommand.output(of: ["git", "--no-optional-locks", "-C", root.path] + arguments, within: 5)
  }
}
