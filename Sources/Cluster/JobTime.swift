import Foundation
import Tensors

/// How long the batch system lets a job run.
public enum JobTime {
  /// Seconds until its end; nil where there is none, or nobody tells.
  ///
  /// - Parameters:
  ///   - text: "auto": what the batch system says (Slurm's SLURM_JOB_END_TIME, PBS's PBS_WALLTIME); a time from now on, as
  ///     "MM:SS", "HH:MM:SS", "D-HH:MM:SS"; empty: none.
  /// - Throws: `UserError(.usage)` for another text.
  public static func left(
    _ text: String, environment: [String: String] = ProcessInfo.processInfo.environment, now: Date = Date()
  ) throws -> Double? {
    if text.isEmpty { return nil }
    if text == "auto" {
      if let end = environment["SLURM_JOB_END_TIME"].flatMap(Double.init) { return end - now.timeIntervalSince1970 }
      // The program starts soon after the job.
      return environment["PBS_WALLTIME"].flatMap(Double.init)
    }
    guard let seconds = seconds(text) else {
      throw UserError(
        .usage, "\"\(text)\" is no time", remedy: "write MM:SS, HH:MM:SS or D-HH:MM:SS, auto, or nothing at all")
    }
    return seconds
  }

  private static func seconds(_ text: String) -> Double? {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count <= 2, let clock = parts.last else { return nil }
    let fields = clock.split(separator: ":", omittingEmptySubsequences: false).map { UInt32($0) }
    let days = parts.count == 2 ? UInt32(parts[0]) : 0
    guard fields.count == 3 || fields.count == 2 && parts.count == 1, let days, fields.allSatisfy({ $0 != nil }) else {
      return nil
    }
    let numbers = fields.compactMap { $0.map(Double.init) }
    guard numbers.dropFirst().allSatisfy({ $0 < 60 }) else { return nil }
    return 86_400 * Double(days) + numbers.reduce(0) { 60 * $0 + $1 }
  }
}
