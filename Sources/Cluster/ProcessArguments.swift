import Foundation

/// The words this process was started with.
public enum ProcessArguments {
  /// Name of the program first. Asked of the system: Swift's own list is empty where a preloaded library has changed the
  /// environment before the program began.
  public static var all: [String] {
    let line = FileManager.default.contents(atPath: "/proc/self/cmdline") ?? Data()
    let words = line.split(separator: 0, omittingEmptySubsequences: false).dropLast()
    return words.isEmpty ? CommandLine.arguments : words.map { String(decoding: $0, as: UTF8.self) }
  }
}
