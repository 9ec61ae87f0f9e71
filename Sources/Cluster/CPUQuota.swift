import Foundation

/// The processors a container allows this process, as a number of whole processors' time; cgroup v2 and v1.
public enum CPUQuota {
  /// The tightest quota of the process's control groups; nil where none is set.
  ///
  /// - Parameter root: "/", or a folder that stands in for it.
  public static func current(root: URL = URL(fileURLWithPath: "/")) -> Double? {
    guard let groups = text(root.appendingPathComponent("proc/self/cgroup")) else { return nil }
    let quotas = groups.split(whereSeparator: \.isNewline).flatMap { line -> [Double] in
      // hierarchy:controllers:path; version 2 has hierarchy 0 and no controllers.
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
      guard fields.count == 3 else { return [] }
      if fields[0] == "0", fields[1].isEmpty {
        return ancestors(of: fields[2], below: root.appendingPathComponent("sys/fs/cgroup")).compactMap(version2)
      }
      guard fields[1].split(separator: ",").contains("cpu") else { return [] }
      return ancestors(of: fields[2], below: root.appendingPathComponent("sys/fs/cgroup/cpu")).compactMap(version1)
    }
    return quotas.min()
  }

  /// The group's folder and all above it: a parent's limit holds for its children. In a container the path may not exist.
  private static func ancestors(of path: String, below mount: URL) -> [URL] {
    var folders = [mount]
    for part in path.split(separator: "/") where part != ".." {
      folders.append((folders.last ?? mount).appendingPathComponent(String(part)))
    }
    return folders
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
