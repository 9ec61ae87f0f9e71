import Foundation

/// The texts of a fingerprint, settings with ", " between them or a digest, made short enough to be read.
public enum SettingsText {
  /// Longer texts are compared setting by setting.
  private static let longest = 60
  private static let digestDigits = 64

  /// A text as people are shown it: of a SHA-256 the first 16 digits, all else as it is.
  public static func short(_ text: String) -> String {
    text.count == digestDigits && text.allSatisfy(\.isHexDigit) ? String(text.prefix(16)) : text
  }

  /// How a store's text differs from the one expected, in words; nil where it does not. Of long texts the settings that
  /// the other lacks are told.
  /// - Parameter stored: nil where the store has no such text, which is another thing than the text "none".
  static func difference(_ stored: String?, _ expected: String) -> String? {
    guard stored != expected else { return nil }
    guard let stored else { return "the store does not say, expected \(short(expected))" }
    func both(_ left: String, _ right: String) -> String { "the store has \(left), expected \(right)" }
    guard max(stored.count, expected.count) > longest else { return both(stored, expected) }
    let (own, other) = (stored.components(separatedBy: ", "), expected.components(separatedBy: ", "))
    let (left, right) = (without(own, other), without(other, own))
    func text(_ settings: [String]) -> String { settings.map(short).joined(separator: ", ") }
    switch (left.isEmpty, right.isEmpty) {
    case (false, true): return "the store has \(text(left)), which is not expected"
    case (true, false): return "the store lacks \(text(right))"
    // The same settings in another order, or digests that begin alike.
    case _ where text(left) == text(right): return both(stored, expected)
    default: return both(text(left), text(right))
    }
  }

  /// The settings of a list that another lacks, each as often as it is missing.
  private static func without(_ list: [String], _ other: [String]) -> [String] {
    var rest = other
    return list.filter { setting in
      guard let place = rest.firstIndex(of: setting) else { return true }
      rest.remove(at: place)
      return false
    }
  }

  /// Lines of at most `width` characters, broken at spaces; a longer word has a line to itself.
  public static func wrapped(_ text: String, width: Int) -> [String] {
    var lines: [String] = []
    for word in text.split(whereSeparator: \.isWhitespace) {
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(String(word))
      }
    }
    return lines.isEmpty ? [""] : lines
  }
}
