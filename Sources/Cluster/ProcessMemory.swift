import Foundation

/// Memory of this process as the kernel counts it.
public enum ProcessMemory {
  private static let files = SystemFiles(root: URL(fileURLWithPath: "/"))

  /// Bytes resident now, pages shared with other processes included.
  public static var resident: Int { field("VmRSS", of: "status") }
  /// The most bytes that were ever resident, likewise.
  public static var peak: Int { field("VmHWM", of: "status") }
  /// Bytes resident now, where a page that n processes share counts as 1/n (proportional set size).
  public static var proportional: Int { field("Pss", of: "smaps_rollup") }

  /// The same of the one mapping that holds an address; 0 where the kernel does not tell.
  static func proportional(at address: UnsafeRawPointer) -> Int {
    guard let text = files.text("proc/self/smaps") else { return 0 }
    let place = UInt(bitPattern: address)
    var isInside = false
    for line in text.split(separator: "\n") {
      if isInside, line.hasPrefix("Pss:") {
        return 1024 * (line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0)
      }
      let bounds = line.prefix { $0 != " " }.split(separator: "-").map { UInt($0, radix: 16) }
      if bounds.count == 2, let low = bounds[0], let high = bounds[1] { isInside = low <= place && place < high }
    }
    return 0
  }

  /// A line of a file in /proc/self, which gives kB; 0 where the kernel has none.
  private static func field(_ name: String, of file: String) -> Int {
    guard let value = files.field(name, of: "proc/self/\(file)"),
      let kilobytes = value.split(separator: " ").first.flatMap({ Int($0) })
    else { return 0 }
    return 1024 * kilobytes
  }
}

extension Communicator {
  /// Collective: the most bytes that were ever resident in a rank, what it shares included, and the bytes that the ranks of
  /// a node have resident now, what they share counted once; the largest rank's and the largest node's.
  public func memoryUse() throws -> (largestRank: Int, node: Int) {
    var nodes = [Int64](repeating: 0, count: nodeCount)
    nodes[node] = Int64(ProcessMemory.proportional)
    return (try maximum(ProcessMemory.peak), Int(try sum(nodes).max() ?? 0))
  }
}
