import Foundation

/// The processors a container allows this process, as a number of whole processors' time; cgroup v2 and v1.
public enum CPUQuota {
  /// The tightest quota of the process's control groups; nil where none is set.
  ///
  /// - Parameter root: "/", or a folder that stands in for it.
  public static func current(root: URL = URL(fileURLWithPath: "/")) -> Double? {
    let groups = ControlGroups("cpu", root: root)
    return (groups.unified.compactMap(version2) + groups.separate.compactMap(version1)).min()
  }

  /// "max 100000" or "150000 100000": microseconds of processor time in a period of so many microseconds.
  private static func version2(_ folder: URL) -> Double? {
    let fields = (text(folder.appendingPathComponent("cpu.max")) ?? "").split(whereSeparator: \.isWhitespace)
    return fields.count == 2 ? quota(Double(fields[0]), Double(fields[1])) : nil
  }

  private static func version1(_ folder: URL) -> Double? {
    quota(
      number(folder.appendingPathComponent("cpu.cfs_quota_us")),
      number(folder.appendingPathComponent("cpu.cfs_period_us")))
  }

  private static func quota(_ time: Double?, _ period: Double?) -> Double? {
    guard let time, let period, time > 0, period > 0 else { return nil }
    return time / period
  }

  private static func number(_ file: URL) -> Double? {
    text(file).flatMap { Double($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
  }

  private static func text(_ file: URL) -> String? { try? String(contentsOf: file, encoding: .utf8) }
}
