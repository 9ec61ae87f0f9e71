/// Sets of small numbers as Linux writes processors and memory nodes: "0-3,8".
public enum NumberRanges {
  /// More processors than any kernel is built for; a damaged file must not ask for endless memory.
  private static let most = 1 << 16

  /// The numbers of a list, ascending and each once; nil where the text is no such list. Blanks around it are ignored;
  /// nothing means no numbers.
  public static func parse(_ text: String) -> [Int]? {
    let text = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    if text.isEmpty { return [] }
    var numbers = Set<Int>()
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard let first = ends[0], let last = ends.count == 2 ? ends[1] : first, ends.count <= 2, first >= 0,
        first <= last, last < most
      else { return nil }
      numbers.formUnion(first...last)
    }
    return numbers.sorted()
  }

  /// The list of these numbers, in any order, as text; "" for none.
  public static func text(_ numbers: some Sequence<Int>) -> String {
    var ranges: [ClosedRange<Int>] = []
    for number in Set(numbers).sorted() {
      if let last = ranges.last, last.upperBound == number - 1 {
        ranges[ranges.count - 1] = last.lowerBound...number
      } else {
        ranges.append(number...number)
      }
    }
    return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ",")
  }
}
