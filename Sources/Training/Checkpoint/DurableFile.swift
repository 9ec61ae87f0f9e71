import Foundation
import Tensors

/// Makes what was written survive a power cut.
enum DurableFile {
  /// Flushes a file or a folder's entries to the disk.
  static func sync(_ url: URL) throws {
    let descriptor = open(url.path, O_RDONLY)
    guard descriptor >= 0 else {
      throw UserError(.inputOutput, "\(url.path) cannot be opened to sync: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else {
      throw UserError(.inputOutput, "\(url.path) cannot be synced: \(String(cString: strerror(errno)))")
    }
  }
}
