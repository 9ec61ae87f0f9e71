import CVectorKernels
import Dispatch

/// How fast memory is read: the bound of whatever passes over more data than the caches hold.
public enum MemoryBandwidth {
  /// Bytes read, several times the largest cache.
  private static let bytes = 1 << 28

  /// Best of several plain passes over memory of this program, in bytes a second.
  ///
  /// - Parameter threads: that read at once, at least one.
  /// - Complexity: a quarter of a gigabyte of memory, read six times.
  public static func measure(threads: Int) -> Double {
    let count = bytes / MemoryLayout<UInt64>.stride
    let memory = UnsafeMutablePointer<UInt64>.allocate(capacity: count)
    defer { memory.deallocate() }
    // Pages that were never written are all one page of zeros.
    memory.initialize(repeating: 1, count: count)
    let team = ThreadTeam(threads: threads)
    let fastest = (0..<6).map { _ in
      let start = DispatchTime.now().uptimeNanoseconds
      team.share(count) { range in
        // An even number of ones cancels out; the result keeps the loop from being removed.
        precondition(evl_stream_read(range.count, memory + range.lowerBound) == UInt64(range.count & 1))
      }
      return DispatchTime.now().uptimeNanoseconds - start
    }.min()
    return Double(bytes) / (1e-9 * Double(max(1, fastest ?? 1)))
  }
}
