import Foundation
import Tensors

/// A file that a user names and that is read as a whole, once, so that it may be a pipe.
public struct InputFile: Sendable {
  public let url: URL

  public init(_ url: URL) { self.url = url }

  /// Whether it is a pipe, such as `/dev/stdin` behind one or a shell's `<(...)`: what one process has read of it no other
  /// can.
  public var isPipe: Bool { (try? kind) == S_IFIFO }

  /// Whether it is neither a regular file nor a folder: a pipe, a device.
  public var isSpecial: Bool { (try? kind).map { $0 != S_IFREG && $0 != S_IFDIR } ?? false }

  /// - Parameter remedy: which file is to be named.
  /// - Throws: `UserError` (input/output) for what is not there, a folder, or what the system does not let be read.
  public func data(remedy: String) throws -> Data {
    do {
      if try kind == S_IFDIR { throw UserError(.inputOutput, "\(url.path) is a folder", remedy: remedy) }
      // Foundation's Data reads regular files alone.
      return try FileHandle(forReadingFrom: url).readToEnd() ?? Data()
    } catch let error as POSIXError {
      let reason =
        [.ENOENT, .ENOTDIR].contains(error.code)
        ? "does not exist" : "cannot be read: \(String(cString: strerror(error.code.rawValue)))"
      throw UserError(.inputOutput, "\(url.path) \(reason)", remedy: remedy)
    } catch let error as UserError {
      throw error
    } catch {
      throw UserError(.inputOutput, "\(url.path) cannot be read: \(error.localizedDescription)", remedy: remedy)
    }
  }

  /// What lies there, or where a link there leads; of `S_IFMT`.
  private var kind: mode_t {
    get throws {
      var about = stat()
      guard stat(url.path, &about) == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
      return about.st_mode & S_IFMT
    }
  }
}
