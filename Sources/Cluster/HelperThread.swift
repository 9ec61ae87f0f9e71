import Foundation

/// Threads beside the main one, to which alone signals belong.
public enum HelperThread {
  /// Starts one, with all signals blocked.
  ///
  /// - Parameters:
  ///   - name: as debuggers show it.
  ///   - stackBytes: of its stack.
  public static func start(_ name: String, stackBytes: Int, _ body: @escaping @Sendable () -> Void) {
    let thread = Thread {
      var all = sigset_t()
      sigfillset(&all)
      pthread_sigmask(SIG_SETMASK, &all, nil)
      body()
    }
    thread.name = name
    thread.stackSize = stackBytes
    thread.start()
  }
}
