import Foundation

/// How many processors a process may keep busy: for commands that run alone and whose results do not depend on it.
///
/// Training states its threads instead (`train.threads`).
public enum UsableProcessors {
  /// The smaller of the affinity mask and the container's quota, at least 1.
  public static var count: Int {
    let mask = RankPlace.affinity().count
    return count(processors: mask > 0 ? mask : sysconf(Int32(_SC_NPROCESSORS_ONLN)), quota: CPUQuota.current())
  }

  /// - Parameters:
  ///   - processors: that the process may run on.
  ///   - quota: processors' time that it may use; a part of one is not worth a thread that waits for the rest.
  static func count(processors: Int, quota: Double?) -> Int {
    max(1, Int(min(Double(processors), quota ?? .infinity).rounded(.down)))
  }
}
