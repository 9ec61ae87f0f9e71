import CMessagePassing
import Foundation
import Tensors

/// Requests to stop: by signal (SIGUSR1, SIGUSR2, SIGTERM or SIGINT; the handler only stores its number), or because the
/// job's time comes to its end.
///
/// Every loop looks at it; the ranks agree on it (rank 0 decides, or a maximum over ranks), save and end with code 75. A
/// second SIGINT ends the process at once. Signals are a property of the process: all instances see the same flag.
public struct StopFlag: Sendable {
  /// Stands for the end of the job's time among the numbers of signals.
  public static let endOfTime = 1 << 16
  /// When the job ends, in seconds of the stopwatch; nil: never.
  private let end: Double?
  private let margin: Double
  private let aftermath: Double

  /// - Parameters:
  ///   - seconds: until the job ends; nil: never.
  ///   - margin: seconds before that at which a stop is asked for.
  ///   - aftermath: seconds that the job goes on when its ranks have ended.
  public init(jobEndsIn seconds: Double? = nil, margin: Double = 0, aftermath: Double = 0) {
    end = seconds.map { Stopwatch.now + $0 }
    self.margin = margin
    self.aftermath = aftermath
  }

  /// Installs the handlers. - Throws: `UserError(.internalFault)` where the system refuses.
  public func watch() throws {
    guard mp_watch_stop_signals() == 0 else {
      throw UserError(.internalFault, "the signal handlers cannot be installed: \(String(cString: strerror(errno)))")
    }
  }

  /// The number of the last signal that asked for a stop, `endOfTime`, or 0.
  public var signal: Int { signal(needing: nil) }

  /// The same for a caller who needs that many seconds to stop, where that and the aftermath are more than the margin.
  public func signal(needing seconds: Double?) -> Int {
    let signal = Int(mp_stop_signal())
    let needed = seconds.map { $0 + aftermath } ?? 0
    guard signal == 0, let end, Stopwatch.now >= end - max(margin, needed) else { return signal }
    return Self.endOfTime
  }

  public var isRaised: Bool { signal != 0 }

  /// Collective: the signal any rank has seen (the highest number), or 0; the same on every rank.
  public func agreed(among communicator: any Communicator) throws -> Int { try communicator.maximum(signal) }

  /// "SIGTERM", or "signal 40" for one without a common name.
  public static func name(of signal: Int) -> String {
    if signal == endOfTime { return "the end of the job's time" }
    return switch Int32(signal) {
    case SIGUSR1: "SIGUSR1"
    case SIGUSR2: "SIGUSR2"
    case SIGTERM: "SIGTERM"
    case SIGINT: "SIGINT"
    default: "signal \(signal)"
    }
  }
}
