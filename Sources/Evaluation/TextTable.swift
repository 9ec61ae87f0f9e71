/// Rows of text set in columns of fixed width: the first to the left, the others to the right.
///
/// Widths count characters; every row may have fewer cells than the widest.
public struct TextTable: Sendable {
  private enum Line: Sendable {
    case row([String])
    case heading([String])
    case rule
  }

  private var lines: [Line] = []

  public init() {}

  /// A row of cells.
  public mutating func row(_ cells: String...) { lines.append(.row(cells)) }
  public mutating func row(_ cells: [String]) { lines.append(.row(cells)) }

  /// A row that titles those below it, underlined.
  public mutating func heading(_ cells: String...) { heading(cells) }

  /// The same.
  public mutating func heading(_ cells: [String]) {
    if !lines.isEmpty { lines.append(.row([])) }
    lines.append(.heading(cells))
    lines.append(.rule)
  }

  /// The table, lines ended by line feeds, without spaces at their ends.
  public func render() -> String {
    let rows = lines.compactMap { line in
      switch line {
      case .row(let cells), .heading(let cells): cells
      case .rule: nil
      }
    }
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
    let total = widths.reduce(0, +) + 2 * max(0, columns - 1)
    return lines.map { line in
      switch line {
      case .rule: String(repeating: "-", count: total) + "\n"
      case .row(let cells), .heading(let cells): Self.set(cells, widths) + "\n"
      }
    }.joined()
  }

  private static func set(_ cells: [String], _ widths: [Int]) -> String {
    let padded = zip(cells, widths).enumerated().map { column, cell in
      let space = String(repeating: " ", count: cell.1 - cell.0.count)
      return column == 0 ? cell.0 + space : space + cell.0
    }
    let line = padded.joined(separator: "  ")
    return String(line.reversed().drop { $0 == " " }.reversed())
  }
}

extension TextTable {
  /// The cells of an estimate: value and interval.
  ///
  /// - Parameters:
  ///   - estimate: nil for one that there is not, whose cells are a dash and nothing.
  ///   - percent: in per cent, with one decimal in place of three.
  ///   - signed: a difference, with the sign of what is above 0, too.
  public static func cells(_ estimate: Estimate?, percent: Bool = false, signed: Bool = false) -> [String] {
    func number(_ value: Double) -> String { decimals(percent ? 100 * value : value, percent ? 1 : 3, signed: signed) }
    guard let estimate else { return ["-", ""] }
    guard let value = estimate.value else { return ["undefined", ""] }
    guard let low = estimate.low, let high = estimate.high else { return [number(value), "no interval"] }
    return [number(value), "\(number(low)) .. \(number(high))"]
  }

  /// A number with a fixed count of decimals, rounded half away from 0; what is rounded to 0 has no sign.
  ///
  /// - Parameters:
  ///   - value: nil is "undefined".
  ///   - signed: with the sign of what is above 0, too.
  public static func decimals(_ value: Double?, _ count: Int, signed: Bool = false) -> String {
    guard let value else { return "undefined" }
    guard value.isFinite else { return "\(value)" }
    var scale = 1
    for _ in 0..<count { scale *= 10 }
    let scaled = (abs(value) * Double(scale)).rounded()
    guard scaled < 1e15 else { return "\(value)" }
    let whole = Int(scaled)
    let fraction = String(whole % scale)
    let sign = whole == 0 ? "" : value < 0 ? "-" : signed ? "+" : ""
    let padding = String(repeating: "0", count: max(0, count - fraction.count))
    return count == 0 ? sign + String(whole) : "\(sign)\(whole / scale).\(padding)\(fraction)"
  }
}
