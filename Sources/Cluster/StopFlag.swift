import CMessagePassing
import Foundation
import Tensors

/// Requests to stop by signal: SIGUSR1, SIGUSR2, SIGTERM or SIGINT; the handler only stores the signal's number.
///
/// Every loop looks at it; the ranks agree on it (rank 0 decides, or a maximum over ranks), save and end with code 75. A
/// second SIGINT ends the process at once. Signals are a property of the process: all instances see the same flag.
public struct StopFlag: Sendable {
  public init() {}

  /// Installs the handlers. - Throws: `UserError(.internalFault)` where the system refuses.
  public func watch() throws {
    guard mp_watch_stop_signals() == 0 else {
      throw UserError(.internalFault, "the signal handlers cannot be installed: \(String(cString: strerror(errno)))")
    }
  }

  /// The number of the last signal that asked for a stop, or 0.
  public var signal: Int { Int(mp_stop_signal()) }

  public var isRaised: Bool { signal != 0 }

  /// Collective: the signal any rank has seen (the highest number), or 0; the same on every rank.
  public func agreed(among communicator: any Communicator) throws -> Int { try communicator.maximum(signal) }

  /// "SIGTERM", or "signal 40" for one without a common name.
  public static func name(of signal: Int) -> String {
    switch Int32(signal) {
    case SIGUSR1: "SIGUSR1"
    case SIGUSR2: "SIGUSR2"
    case SIGTERM: "SIGTERM"
    case SIGINT: "SIGINT"
    default: "signal \(signal)"
    }
  }
}
