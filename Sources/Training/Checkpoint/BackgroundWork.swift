import Cluster
import Foundation

/// Work that a thread of its own does while the caller goes on.
final class BackgroundWork<Value: Sendable>: @unchecked Sendable {
  // Sendable because the outcome is written once, under the lock.
  private let condition = NSCondition()
  private var outcome: Result<Value, any Error>?
  private var duration = 0.0

  /// Starts it.
  init(_ name: String, _ body: @escaping @Sendable () throws -> Value) {
    HelperThread.start(name, stackBytes: 8 << 20) { [self] in
      let start = Stopwatch.now
      let outcome = Result { try body() }
      condition.withLock {
        self.outcome = outcome
        duration = Stopwatch.now - start
        condition.broadcast()
      }
    }
  }

  var isDone: Bool { condition.withLock { outcome != nil } }

  /// Seconds that it took; 0 before its end.
  var seconds: Double { condition.withLock { duration } }

  /// What it came to, once it has ended.
  func wait() -> Result<Value, any Error> {
    condition.lock()
    defer { condition.unlock() }
    while true {
      if let outcome { return outcome }
      condition.wait()
    }
  }
}
