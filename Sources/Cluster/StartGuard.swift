import Dispatch
import Foundation
import Tensors

/// Ends a rank that waits in the start of MPI for one that is stopped, lost or out of reach, with exit code 76: before MPI is
/// up there is no page on which ranks see each other, and the library waits for good.
struct StartGuard {
  /// Seconds that the start may take; 0: for ever. A job of thousands of ranks on a busy file system may need more.
  static let variable = "EVL_START_LIMIT"
  static let standardLimit = 300.0

  private let isThrough = DispatchSemaphore(value: 0)

  /// Begins to wait. - Throws: `UserError(.usage)` for a limit that is none.
  init(environment: [String: String]) throws {
    let limit = try Self.limit(environment)
    guard limit > 0 else { return }
    // One rank of a host speaks; the others, whom the launcher ends then, come later.
    let launcher = Launcher(environment: environment)
    let local = launcher.localRank ?? 0
    let rank = launcher.rank.map { "\($0)" } ?? "?"
    let isThrough = isThrough
    HelperThread.start("start guard", stackBytes: 256 << 10) {
      guard isThrough.wait(timeout: .now() + limit + 3 * Double(local)) == .timedOut else { return }
      Job.report(Self.error(rank: rank, limit: limit))
      _exit(UserError.Kind.rankLost.rawValue)
    }
  }

  /// MPI is up.
  func end() { isThrough.signal() }

  static func limit(_ environment: [String: String]) throws -> Double {
    guard let text = environment[variable] else { return standardLimit }
    guard let limit = Double(text), limit >= 0, limit.isFinite else {
      throw UserError(
        .usage, "\(variable) is \(text), which is no number of seconds", remedy: "set it to 0 or more, or not at all")
    }
    return limit
  }

  static func error(rank: String, limit: Double) -> UserError {
    UserError(
      .rankLost,
      "rank \(rank) on \(Peers.hostName()) has waited \(String(format: "%g", limit)) s for the start of MPI: another rank "
        + "is stopped, has not started, or cannot be reached",
      remedy:
        "look at the job's processes on every host and at the network between them; \(variable)=SECONDS allows the "
        + "start more time")
  }
}
