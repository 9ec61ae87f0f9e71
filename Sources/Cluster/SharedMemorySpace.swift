import Foundation

/// The room of /dev/shm, where the ranks of a node keep what they share.
public struct SharedMemorySpace: Codable, Sendable, Equatable {
  public var bytes: Int
  public var free: Int

  public init(bytes: Int, free: Int) {
    self.bytes = bytes
    self.free = free
  }

  /// That of this host; nil where there is no such folder.
  public static func current(folder: String = "/dev/shm") -> SharedMemorySpace? {
    var space = statvfs()
    guard statvfs(folder, &space) == 0 else { return nil }
    let block = Int(space.f_frsize)
    return SharedMemorySpace(bytes: Int(space.f_blocks) * block, free: Int(space.f_bavail) * block)
  }

  /// What to do where a run needs more than is free; nil where it fits.
  public func warning(needed: Int) -> String? {
    guard needed > free else { return nil }
    // A tenth more than needed, in whole gigabytes.
    let gigabytes = (bytes - free + needed + needed / 10) / 1_000_000_000 + 1
    return
      "/dev/shm has \(Self.text(free)) free of \(Self.text(bytes)), a run needs \(Self.text(needed)) on this node and "
      + "would keep copies in each rank's own memory; enlarge it: docker run --shm-size=\(gigabytes)g, an emptyDir of "
      + "medium Memory at /dev/shm in Kubernetes, or as root: mount -o remount,size=\(gigabytes)G /dev/shm"
  }

  /// Bytes for people, in decimal units.
  public static func text(_ bytes: Int) -> String {
    bytes < 1_000_000_000
      ? String(format: "%.0f MB", Double(bytes) / 1e6) : String(format: "%.1f GB", Double(bytes) / 1e9)
  }
}
