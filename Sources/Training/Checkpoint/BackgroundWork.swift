import Cluster
import Foundation

/// Work that a thread of its own does while the caller goes on.
final class BackgroundWork<Value: Sendable>: @unchecked Sendable {
  // Sendable because the outcome is written once, under the lock.
  private let condition = NSCondition()
  private var outcome: Result<Value, any Error>?

  /// Starts it.
  init(_ name: String, _ body: @escaping @Sendable () throws -> Value) {
    HelperThread.start(name, stackBytes: 8 << 20) { [self] in
      let outcome = Result { try body() }
      condition.withLock {
        self.outcome = outcome
        condition.broadcast()
      }
    }
  }

  var isDone: Bool { condition.withLock { outcome != nil } }

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
