import Foundation

/// Programs of the system that are asked for a line or two.
public enum SystemCommand {
  /// What a program prints, without the blanks at its ends; nil where it fails, is missing or takes too long.
  ///
  /// Waits by the system's own means: Foundation's run loops wait for good where a clock does not go on.
  /// - Parameters:
  ///   - words: the program and its arguments.
  ///   - seconds: after which it is ended.
  public static func output(of words: [String], within seconds: Int) -> String? {
    let quoted = (["timeout", "\(seconds)"] + words).map { "'" + $0.replacingOccurrences(of: "'", with: "'\\''") + "'" }
    guard let stream = popen(quoted.joined(separator: " ") + " </dev/null 2>/dev/null", "r") else { return nil }
    var text: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    while case let count = fread(&piece, 1, piece.count, stream), count > 0 { text += piece[..<count] }
    guard pclose(stream) == 0 else { return nil }
    return String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
