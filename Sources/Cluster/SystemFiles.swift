import Foundation

/// The small text files in which the kernel tells its state, below "/" or a folder that stands in for it.
struct SystemFiles {
  let root: URL

  /// The text of a file, without blanks at its ends; nil where it cannot be read.
  func text(_ path: String) -> String? {
    guard let file = try? FileHandle(forReadingFrom: root.appendingPathComponent(path)) else { return nil }
    // The kernel says a size of 0 and hands over a page at a time; reading it like other files ends with the first.
    var bytes = Data()
    while let more = try? file.read(upToCount: 1 << 16), !more.isEmpty { bytes += more }
    return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// A list such as "0-3,8"; nil where the file is missing or holds no list.
  func numbers(_ path: String) -> [Int]? { text(path).flatMap(NumberRanges.parse) }

  /// The value behind "name:" at the start of the first such line; blanks may stand before the colon.
  func field(_ name: String, of path: String) -> String? {
    text(path)?.split(whereSeparator: \.isNewline).first { line in
      line.hasPrefix(name) && line.dropFirst(name.count).first { !$0.isWhitespace } == ":"
    }
    .flatMap { $0.firstIndex(of: ":").map($0.suffix(from:)) }
    .map { $0.dropFirst().trimmingCharacters(in: .whitespaces) }
  }

  /// Names in a folder that are a word and a number, such as "node0", by number.
  func numbered(_ word: String, in path: String) -> [Int] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent(path).path)) ?? []
    return names.filter { $0.hasPrefix(word) }.compactMap { Int($0.dropFirst(word.count)) }.sorted()
  }
}
