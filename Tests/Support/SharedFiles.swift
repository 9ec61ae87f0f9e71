import Foundation

/// Real recordings and reference cases that live beside the checkout in `../shared`; tests that need them skip without.
public enum SharedFiles {
  /// The folder beside the checkout, or the one named by EVL_SHARED.
  public static var root: URL {
    if let path = ProcessInfo.processInfo.environment["EVL_SHARED"] { return URL(fileURLWithPath: path) }
    return URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("shared")
  }

  /// Whether the named file or folder is present; prints a clear line when it is not.
  public static func has(_ path: String) -> Bool {
    let present = FileManager.default.fileExists(atPath: root.appendingPathComponent(path).path)
    if !present { print("skipped: ../shared/\(path) is missing (set EVL_SHARED to the folder that holds it)") }
    return present
  }

  public static func url(_ path: String) -> URL { root.appendingPathComponent(path) }
}

/// A fresh folder that is removed when the test is over.
public func withTemporaryFolder<T>(_ body: (URL) throws -> T) throws -> T {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("evl-test-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}
