import Foundation
import Tensors

/// Memory that this host, or the container, has left.
struct HostMemory {
  private let root: URL

  /// - Parameter root: "/", or a folder that stands in for it.
  init(root: URL = URL(fileURLWithPath: "/")) { self.root = root }

  /// Bytes that can still be taken without swapping: the least of the host's and those of its control groups, files in
  /// the cache counted as free; nil where the system does not tell.
  var available: Int? {
    let host = SystemFiles(root: root).field("MemAvailable", of: "proc/meminfo")
      .flatMap { $0.split(separator: " ").first }.flatMap { Int($0) }.map { 1024 * $0 }
    let groups = ControlGroups("memory", root: root)
    let limits =
      groups.unified.map { left($0, limit: "memory.max", use: "memory.current", cache: "inactive_file") }
      + groups.separate.map {
        left($0, limit: "memory.limit_in_bytes", use: "memory.usage_in_bytes", cache: "total_inactive_file")
      }
    return ([host] + limits).compactMap { $0 }.min()
  }

  private func left(_ folder: URL, limit: String, use: String, cache: String) -> Int? {
    let files = SystemFiles(root: folder)
    guard let limit = files.text(limit).flatMap({ Int($0) }), let use = files.text(use).flatMap({ Int($0) }) else {
      return nil
    }
    let reclaimable = files.text("memory.stat")?.split(whereSeparator: \.isNewline).first { $0.hasPrefix(cache + " ") }
      .flatMap { Int($0.dropFirst(cache.count + 1)) }
    return max(0, limit - use + (reclaimable ?? 0))
  }

  /// Refuses what would end by the system's killing of a process in mid-step.
  ///
  /// - Throws: `UserError(.unavailable)`.
  func check(bytes: Int) throws {
    guard let available, bytes > available else { return }
    func text(_ bytes: Int) -> String { String(format: "%.2f GB", Double(bytes) / 1e9) }
    throw UserError(
      .unavailable,
      "weights, gradient, optimizer and buckets take \(text(bytes)) on \(Peers.hostName()), which has \(text(available)) "
        + "left",
      remedy:
        "use a smaller model, train.lora.rank, a host with more memory, or a container with a higher limit; evl-dist "
        + "train --dry-run tells what a run needs")
  }
}
