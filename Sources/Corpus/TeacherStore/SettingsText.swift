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

  /// Two texts that are not equal, as people are shown them: of long ones the settings that the other lacks.
  static func difference(_ stored: String?, _ expected: String) -> (stored: String, expected: String) {
    guard let stored else { return ("none", short(expected)) }
    guard max(stored.count, expected.count) > longest else { return (stored, expected) }
    let (own, other) = (stored.components(separatedBy: ", "), expected.components(separatedBy: ", "))
    let (left, right) = (without(own, other), without(other, own))
    // The same settings in another order.
    guard !left.isEmpty || !right.isEmpty else { return (stored, expected) }
    func text(_ settings: [String]) -> String {
      settings.isEmpty ? "none" : settings.map(short).joined(separator: ", ")
    }
    return (text(left), text(right))
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
