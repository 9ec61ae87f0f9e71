import Foundation
import Tensors

/// The memory of a host, and what a container may have of it.
public struct MemoryLimits: Codable, Sendable, Equatable {
  /// Bytes of the host.
  public var bytes: Int
  /// The tightest limit of the control groups; nil where there is none.
  public var limit: Int?

  public init(bytes: Int, limit: Int?) {
    self.bytes = bytes
    self.limit = limit
  }
}

/// Memory that this host, or the container, has left.
struct HostMemory {
  private let root: URL

  /// - Parameter root: "/", or a folder that stands in for it.
  init(root: URL = URL(fileURLWithPath: "/")) { self.root = root }

  /// Bytes that can still be taken without swapping: the least of the host's and those of its control groups, files in
  /// the cache counted as free; nil where the system does not tell.
  var available: Int? {
    let groups = ControlGroups("memory", root: root)
    let limits =
      groups.unified.map { left($0, limit: Self.limit, use: "memory.current", cache: "inactive_file") }
      + groups.separate.map {
        left($0, limit: Self.separateLimit, use: "memory.usage_in_bytes", cache: "total_inactive_file")
      }
    return ([bytes("MemAvailable")] + limits).compactMap { $0 }.min()
  }

  /// What there is at all; nil where the system does not tell.
  var limits: MemoryLimits? {
    guard let total = bytes("MemTotal") else { return nil }
    let groups = ControlGroups("memory", root: root)
    let limits =
      groups.unified.map { SystemFiles(root: $0).text(Self.limit) }
      + groups.separate.map { SystemFiles(root: $0).text(Self.separateLimit) }
    // Version 1 has a huge number for none.
    let tightest = limits.compactMap { $0.flatMap { Int($0) } }.min()
    return MemoryLimits(bytes: total, limit: tightest.flatMap { $0 < total ? $0 : nil })
  }

  /// Files of the control groups, version 2 and 1.
  private static let limit = "memory.max"
  private static let separateLimit = "memory.limit_in_bytes"

  private func bytes(_ name: String) -> Int? {
    SystemFiles(root: root).field(name, of: "proc/meminfo")
      .flatMap { $0.split(separator: " ").first }.flatMap { Int($0) }.map { 1024 * $0 }
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
