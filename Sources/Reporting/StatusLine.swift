import Cluster

/// The line that says how far something is: on a terminal the last one, rewritten; in a log a plain line now and then.
struct StatusLine {
  let terminal: Terminal
  private let write: (String) -> Void
  private var isOpen = false
  /// Seconds of the stopwatch: a clock that is set back would silence the log.
  private var lastPlain = -Double.infinity

  /// Seconds between plain lines in a log.
  private static let plainInterval = 10.0
  /// To the line's start, and clear it.
  private static let rewind = "\r\u{1B}[K"

  init(terminal: Terminal, write: @escaping (String) -> Void) {
    (self.terminal, self.write) = (terminal, write)
  }

  /// Columns that its text may have: in a terminal's last one the cursor would begin another line.
  var width: Int { terminal.isInteractive ? terminal.width - 1 : terminal.width }

  /// - Parameter now: in a log too, where other lines come now and then.
  mutating func show(_ text: String, now: Bool) {
    if terminal.isInteractive {
      write(Self.rewind + text)
      isOpen = true
    } else if now || Stopwatch.now - lastPlain >= Self.plainInterval {
      lastPlain = Stopwatch.now
      write(text + "\n")
    }
  }

  /// In a log the next line comes at once, or, of what was told of just now, after the interval.
  mutating func begin(isTold: Bool) { lastPlain = isTold ? Stopwatch.now : -.infinity }

  /// Takes the line back, for a result that comes next.
  mutating func clear() {
    if isOpen { write(Self.rewind) }
    isOpen = false
  }

  /// Ends the line that is rewritten, so that what others print begins one.
  mutating func end() {
    if isOpen { write("\n") }
    isOpen = false
  }

  /// A line that stays.
  mutating func tell(_ message: String) {
    end()
    write(message + "\n")
  }
}
