import ArgumentParser

/// The `--threads` of commands that run alone.
enum ThreadsOption {
  /// More than any machine has.
  private static let most = 4096

  /// - Throws: `ValidationError` for a number that is none of threads.
  static func check(_ threads: Int?) throws {
    guard (1...most).contains(threads ?? 1) else { throw ValidationError("--threads is from 1 to \(most)") }
  }
}
