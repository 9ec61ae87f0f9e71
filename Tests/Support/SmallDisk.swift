import Foundation

/// A file system of its own, in memory, that can be made as full and as unwritable as a disk can be; gone with the object.
public final class SmallDisk {
  public let folder: URL
  private static let page = 4096

  /// - Parameter bytes: of the whole disk, rounded up to pages.
  public init?(bytes: Int) {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("evl-dist-disk-\(UUID().uuidString)")
    guard (try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)) != nil,
      Self.run(["mount", "-t", "tmpfs", "-o", "size=\(bytes)", "tmpfs", folder.path])
    else {
      try? FileManager.default.removeItem(at: folder)
      print("skipped: a tmpfs cannot be mounted here (root is needed, or a container forbids it)")
      return nil
    }
  }

  deinit {
    _ = Self.run(["umount", "-l", folder.path])
    try? FileManager.default.removeItem(at: folder)
  }

  /// Bytes in use.
  public var used: Int {
    var about = statvfs()
    guard statvfs(folder.path, &about) == 0 else { return 0 }
    return Int(about.f_blocks - about.f_bfree) * Self.page
  }

  /// Changes the size of the whole disk. - Returns: whether the system did it; it does not below what is in use.
  @discardableResult public func resize(_ bytes: Int) -> Bool {
    Self.run(["mount", "-o", "remount,size=\(bytes)", folder.path])
  }

  @discardableResult public func makeReadOnly(_ isReadOnly: Bool) -> Bool {
    Self.run(["mount", "-o", "remount,\(isReadOnly ? "ro" : "rw")", folder.path])
  }

  private static func run(_ command: [String]) -> Bool {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.standardError = FileHandle.nullDevice
    return (try? process.run()).map { process.waitUntilExit() } != nil && process.terminationStatus == 0
  }
}
