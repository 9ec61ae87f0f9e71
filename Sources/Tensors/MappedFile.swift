import Foundation

/// A file's bytes mapped into memory, read-only: pages are loaded when they are touched, and all processes of a node that
/// map the same file share them.
///
/// Foundation's own `mappedIfSafe` reads the whole file on Linux. The file must not be shortened while it is mapped.
/// Safe to use from several threads: the memory is never written.
final class MappedFile: @unchecked Sendable {
  let bytes: UnsafeRawBufferPointer

  /// - Throws: `UserError` (input/output) naming the file when it cannot be opened or mapped.
  init(_ url: URL) throws {
    func failed() -> UserError {
      UserError(
        .inputOutput, "\(url.path) cannot be opened: \(String(cString: strerror(errno)))",
        remedy: "check the path and its permissions")
    }
    let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failed() }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failed() }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw UserError(.inputOutput, "\(url.path) cannot be opened: it is not a file", remedy: "check the path")
    }
    let count = Int(status.st_size)
    guard count > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard let base = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
      throw failed()
    }
    bytes = UnsafeRawBufferPointer(start: base, count: count)
  }

  deinit {
    if let base = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: base), bytes.count) }
  }
}
