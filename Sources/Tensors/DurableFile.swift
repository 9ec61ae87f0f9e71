import Foundation

/// Makes what was written survive a power cut.
public enum DurableFile {
  /// Flushes a file or a folder's entries to the disk.
  public static func sync(_ url: URL) throws {
    let descriptor = open(url.path, O_RDONLY)
    guard descriptor >= 0 else {
      throw UserError(.inputOutput, "\(url.path) cannot be opened to sync: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else {
      throw UserError(.inputOutput, "\(url.path) cannot be synced: \(String(cString: strerror(errno)))")
    }
  }

  /// Writes a file beside its place, synced, and moves it there in one rename: under its name it is complete.
  ///
  /// - Parameter write: writes the file it is given; what it threw is thrown, and nothing is left.
  public static func replace(_ url: URL, write: (URL) throws -> Void) throws {
    let temporary = url.appendingPathExtension("partial")
    do {
      try write(temporary)
      try sync(temporary)
      guard rename(temporary.path, url.path) == 0 else {
        throw UserError(.inputOutput, "\(url.path) cannot be written: \(String(cString: strerror(errno)))")
      }
      try sync(url.deletingLastPathComponent())
    } catch {
      try? FileManager.default.removeItem(at: temporary)
      throw error
    }
  }
}
