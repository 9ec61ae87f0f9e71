import Cluster
import Foundation

/// Where progress is shown: a terminal, whose last line is rewritten, or a log, which gets a plain line now and then.
public struct Terminal: Sendable {
  public let isInteractive: Bool
  /// The terminal's file, which is asked for the width of its window.
  private let device: String?
  private let defaultWidth: Int

  public init(isInteractive: Bool, width: Int = 120) {
    self.init(isInteractive: isInteractive, device: nil, defaultWidth: width)
  }

  private init(isInteractive: Bool, device: String?, defaultWidth: Int) {
    self.isInteractive = isInteractive
    self.device = device
    self.defaultWidth = defaultWidth
  }

  /// Columns of the terminal's window, which may change while the run goes on, 100 where they are not known; 120 in a log.
  public var width: Int {
    guard let device else { return defaultWidth }
    let descriptor = open(device, O_RDONLY | O_NOCTTY)
    guard descriptor >= 0 else { return defaultWidth }
    defer { close(descriptor) }
    var size = winsize()
    return ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20 ? Int(size.ws_col) : defaultWidth
  }

  /// The terminal behind standard output, or behind standard error.
  ///
  /// Under mpirun a rank writes into a channel of mpirun's, so mpirun's own stream is what counts.
  public static func current(
    ofErrors: Bool = false, environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> Terminal {
    let launched = Launcher(environment: environment).rank != nil
    let path = "/proc/" + (launched ? "\(Launcher.process)" : "self") + "/fd/\(ofErrors ? 2 : 1)"
    let target = (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) ?? ""
    guard target.hasPrefix("/dev/pts/") || target.hasPrefix("/dev/tty"), environment["TERM"] != "dumb" else {
      return Terminal(isInteractive: false)
    }
    return Terminal(isInteractive: true, device: target, defaultWidth: 100)
  }
}
