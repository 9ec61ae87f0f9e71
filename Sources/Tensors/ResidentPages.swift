import Foundation

/// Pages of memory that is kept but not needed for a while go back to the system.
enum ResidentPages {
  private static let size = max(4096, sysconf(Int32(_SC_PAGESIZE)))
  /// MADV_POPULATE_WRITE of Linux 5.14, which the C library of older systems does not name.
  private static let populate: Int32 = 23

  /// Gives back the pages that lie wholly inside; what they held is lost.
  static func release(_ memory: UnsafeMutableRawPointer, bytes: Int) { advise(memory, bytes, MADV_DONTNEED) }

  /// Takes pages for all of the memory at once, at half the cost of one after another when they are touched.
  static func restore(_ memory: UnsafeMutableRawPointer, bytes: Int) { advise(memory, bytes, populate) }

  /// A system that refuses either leaves the memory as it is, which costs memory or time and nothing else.
  private static func advise(_ memory: UnsafeMutableRawPointer, _ bytes: Int, _ advice: Int32) {
    let start = memory.alignedUp(toMultipleOf: size)
    let end = (memory + bytes).alignedDown(toMultipleOf: size)
    if start < end { madvise(start, end - start, advice) }
  }
}

extension Tensor {
  /// Gives the memory back to the system until `restorePages` or the next write; the contents are undefined from here on.
  ///
  /// Memory of the tensor's own alone: a pool's, a file's or another owner's stays as it is.
  public func releasePages() { withPages(ResidentPages.release) }

  /// Takes memory that was given back from the system again, for writing.
  public func restorePages() { withPages(ResidentPages.restore) }

  private func withPages(_ body: (UnsafeMutableRawPointer, Int) -> Void) {
    guard case .own = storage.home else { return }
    body(UnsafeMutableRawPointer(base), count * MemoryLayout<Element>.stride)
  }
}
