import Foundation

/// Memory of this process as the kernel counts it: what is resident, pages shared with other processes included.
public enum ProcessMemory {
  /// Bytes resident now.
  public static var resident: Int { field("VmRSS:") }
  /// The most bytes that were ever resident.
  public static var peak: Int { field("VmHWM:") }

  /// A line of /proc/self/status, which gives kB; 0 where the kernel has none.
  private static func field(_ name: String) -> Int {
    guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name) }),
      let kilobytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) })
    else { return 0 }
    return 1024 * kilobytes
  }
}

extension Communicator {
  /// Collective: the most bytes that were ever resident, of the largest rank, and of the ranks of one node together,
  /// where pages they share are counted once a rank.
  public func peakMemory() throws -> (rank: Int, node: Int) {
    var nodes = [Int64](repeating: 0, count: nodeCount)
    nodes[node] = Int64(ProcessMemory.peak)
    return (try maximum(ProcessMemory.peak), Int(try sum(nodes).max() ?? 0))
  }
}
