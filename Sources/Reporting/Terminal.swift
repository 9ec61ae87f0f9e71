import Cluster
import Foundation

/// Where progress is shown: a terminal, whose last line is rewritten, or a log, which gets a plain line now and then.
public struct Terminal: Sendable {
  public let isInteractive: Bool
  /// Columns of the terminal; 100 for a log.
  public let width: Int

  public init(isInteractive: Bool, width: Int = 120) {
    self.isInteractive = isInteractive
    self.width = width
  }

  /// The terminal behind standard output.
  ///
  /// Under mpirun a rank writes into a channel of mpirun's, so mpirun's own standard output is what counts.
  public static func current(environment: [String: String] = ProcessInfo.processInfo.environment) -> Terminal {
    let launched = Launcher(environment: environment).rank != nil
    let path = launched ? "/proc/\(Launcher.process)/fd/1" : "/proc/self/fd/1"
    let target = (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) ?? ""
    guard target.hasPrefix("/dev/pts/") || target.hasPrefix("/dev/tty"), environment["TERM"] != "dumb" else {
      return Terminal(isInteractive: false)
    }
    let descriptor = open(target, O_RDONLY | O_NOCTTY)
    defer { if descriptor >= 0 { close(descriptor) } }
    var size = winsize()
    let known = descriptor >= 0 && ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20
    return Terminal(isInteractive: true, width: known ? Int(size.ws_col) : 100)
  }
}
