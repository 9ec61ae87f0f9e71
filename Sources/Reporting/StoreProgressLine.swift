import Corpus
import Foundation

/// The one line that says how far the writing of a teacher store is; a plain line now and then where nobody watches.
public final class StoreProgressLine {
  private var status: StatusLine
  private var partsSeen = -1

  public init(
    terminal: Terminal, write: @escaping (String) -> Void = { FileHandle.standardOutput.write(Data($0.utf8)) }
  ) {
    status = StatusLine(terminal: terminal, write: write)
  }

  public func show(_ progress: StoreProgress) {
    let isLast = progress.done == progress.samples
    status.show(Self.text(progress, width: status.width), now: isLast || progress.partsDone != partsSeen)
    if isLast { end() }
    partsSeen = progress.partsDone
  }

  /// Ends the line that is rewritten, so that what others print begins one.
  public func end() { status.end() }

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
