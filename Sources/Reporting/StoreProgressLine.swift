import Cluster
import Corpus
import Foundation

/// The one line that says how far the writing of a teacher store is; a plain line now and then where nobody watches.
public final class StoreProgressLine {
  private let terminal: Terminal
  private let write: (String) -> Void
  private var last = -Double.infinity
  private var partsSeen = -1
  private var isOpen = false

  /// Seconds between plain lines in a log.
  private static let plainInterval = 10.0

  public init(
    terminal: Terminal, write: @escaping (String) -> Void = { FileHandle.standardOutput.write(Data($0.utf8)) }
  ) {
    self.terminal = terminal
    self.write = write
  }

  public func show(_ progress: StoreProgress) {
    let isLast = progress.done == progress.samples
    if terminal.isInteractive {
      write("\r\u{1B}[K" + Self.text(progress, width: terminal.width - 1))
      isOpen = true
      if isLast { end() }
    } else if isLast || progress.partsDone != partsSeen || Stopwatch.now - last >= Self.plainInterval {
      last = Stopwatch.now
      write(Self.text(progress, width: terminal.width) + "\n")
    }
    partsSeen = progress.partsDone
  }

  /// Ends the line that is rewritten, so that what others print begins one.
  public func end() {
    if isOpen { write("\n") }
    isOpen = false
  }

  /// The line, at most `width` columns; the time left is known from the first sample of this start on.
  static func text(_ progress: StoreProgress, width: Int) -> String {
    let own = progress.done - progress.found
    let head = "teach \(progress.done)/\(progress.samples) samples"
    let parts = "part \(min(progress.parts, progress.partsDone + 1))/\(progress.parts)"
    var ends: [String] = []
    if own > 0, progress.seconds > 0 {
      let speed = Double(own) / progress.seconds
      let left = Double(progress.samples - progress.done) / speed
      ends = ["\(ProgressLine.number(speed)) samples/s", ProgressLine.duration(left) + " left"]
    }
    let share = Double(progress.done) / Double(max(1, progress.samples))
    let forms = [
      [head, ProgressLine.bar(share, columns: 16), parts] + ends, [head, parts] + ends, [head] + ends.suffix(1), [head],
    ].map { $0.joined(separator: "  ") }
    return forms.first { $0.count <= width } ?? String(head.prefix(max(0, width)))
  }
}
