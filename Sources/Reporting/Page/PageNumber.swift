import Evaluation
import Foundation

/// Numbers as the page writes them.
enum PageNumber {
  /// A fixed count of decimals, with a true minus sign; a dash where there is no value.
  static func decimals(_ value: Double?, _ count: Int) -> String {
    guard let value else { return "–" }
    guard value.isFinite, abs(value) < 1e15 else { return "no number" }
    let text = String(format: "%.\(count)f", abs(value))
    return (value < 0 && text.contains { $0 != "0" && $0 != "." } ? "−" : "") + text
  }

  /// The same with the sign of what is above 0, too: a difference.
  static func signed(_ value: Double?, _ count: Int) -> String {
    let text = decimals(value, count)
    guard let value, value > 0, text.contains(where: { ("1"..."9").contains($0) }) else { return text }
    return "+" + text
  }

  /// As few digits as tell it: 0.05, 12, 4,000, 3e−7.
  static func short(_ value: Double) -> String {
    guard value.isFinite else { return "no number" }
    let size = abs(value)
    if size == 0 { return "0" }
    if size >= 1e7 || size < 1e-4 {
      let parts = String(format: "%.1e", value).split(separator: "e")
      let head = parts[0].hasSuffix(".0") ? parts[0].dropLast(2) : parts[0]
      let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
      return (head + "e\(exponent)").replacingOccurrences(of: "-", with: "−")
    }
    if size >= 1000 { return grouped(Int(value.rounded())) }
    let count = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4
    var text = decimals(value, count)
    if text.contains(".") {
      while text.hasSuffix("0") { text.removeLast() }
      if text.hasSuffix(".") { text.removeLast() }
    }
    return text
  }

  /// 1,234,567
  static func grouped(_ value: Int) -> String { (value < 0 ? "−" : "") + RunObserver.grouped(Int(value.magnitude)) }

  /// 0.21 M, 256 M, 7.1 B
  static func parameters(_ count: Int) -> String {
    let size = Double(count)
    let (scaled, unit) = count >= 1_000_000_000 ? (size / 1e9, "B") : (size / 1e6, "M")
    return "\(decimals(scaled, scaled < 10 ? 2 : scaled < 100 ? 1 : 0)) \(unit)"
  }

  static func bytes(_ count: Int) -> String {
    let size = Double(count)
    if count >= 1_000_000_000 { return decimals(size / 1e9, 2) + " GB" }
    if count >= 1_000_000 { return decimals(size / 1e6, 1) + " MB" }
    return count >= 1000 ? decimals(size / 1e3, 1) + " kB" : "\(count) B"
  }

  static func percent(_ share: Double) -> String {
    if share > 0, share < 0.0005 { return "<0.1%" }
    return decimals(100 * share, share > 0 && share < 0.1 ? 1 : 0) + "%"
  }

  /// 42 s, 12 min 5 s, 3 h 4 min
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return "no number" }
    let whole = Int(max(0, seconds).rounded())
    if whole < 60 { return "\(whole) s" }
    return whole < 3600 ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole / 60 % 60) min"
  }

  /// −0.010 to +0.031
  static func signedInterval(_ estimate: Estimate?) -> String? {
    guard let low = estimate?.low, let high = estimate?.high else { return nil }
    return "\(signed(low, 3)) to \(signed(high, 3))"
  }

  /// 0.931 to 0.958
  static func interval(_ estimate: Estimate?) -> String? {
    guard let low = estimate?.low, let high = estimate?.high else { return nil }
    return "\(decimals(low, 3)) to \(decimals(high, 3))"
  }
}
