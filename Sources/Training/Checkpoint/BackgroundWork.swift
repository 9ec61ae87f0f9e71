import Foundation
import Tensors

/// Work that a thread of its own does while the caller goes on.
final class BackgroundWork<Value: Sendable>: @unchecked Sendable {
  // Sendable because the outcome is written once, under the lock.
  private let condition = NSCondition()
  private var outcome: Result<Value, any Error>?

  /// Starts it.
  init(_ name: String, _ body: @escaping @Sendable () throws -> Value) {
    let thread = Thread { [self] in
      // Signals are the main thread's.
      var all = sigset_t()
      sigfillset(&all)
      pthread_sigmask(SIG_SETMASK, &all, nil)
      let outcome = Result { try body() }
      condition.withLock {
        self.outcome = outcome
        condition.broadcast()
      }
    }
    thread.name = name
    thread.stackSize = 8 << 20
    thread.start()
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
