import Synchronization

/// Several threads on one loop of this program, in place of those that the product libraries keep.
///
/// Loops are cut into pieces that the threads take one after another: a processor that another program holds delays a
/// loop by one piece, where the libraries' barriers wait for it at every product. Training states the libraries' threads
/// instead (`train.threads`). The threads begin with the first loop that needs them and end with the team.
public final class ThreadTeam: Sendable {
  public let threads: Int
  private let crew = Mutex<Crew?>(nil)
  private let isAtWork = Atomic(false)

  /// - Precondition: at least one thread.
  public init(threads: Int) {
    precondition(threads > 0, "\(threads) threads")
    self.threads = threads
  }

  deinit { crew.withLock { $0?.dismiss() } }

  /// Runs `body` over ranges that together are `0..<count`, several at once; returns when all is done.
  ///
  /// A loop that is begun while the team is at another runs on the thread that began it.
  /// - Parameters:
  ///   - piece: of the loop that is worth another thread.
  ///   - piecesPerThread: a thread that is late leaves the rest of its pieces to the others.
  ///   - body: works on its range alone.
  public func share(_ count: Int, piece: Int = 1, piecesPerThread: Int = 4, _ body: (Range<Int>) -> Void) {
    let useful = min(threads, count / max(1, piece))
    guard useful > 1, !isAtWork.exchange(true, ordering: .acquiring) else { return body(0..<count) }
    defer { isAtWork.store(false, ordering: .releasing) }
    let pieces = min(count / max(1, piece), useful * piecesPerThread)
    let crew = crew.withLock { crew in
      let known = crew ?? Crew(helpers: threads - 1)
      crew = known
      return known
    }
    withoutActuallyEscaping(body) { body in
      let loop = SharedLoop(body: body)
      let next = Atomic(0)
      crew.run {
        while true {
          let piece = next.add(1, ordering: .relaxed).oldValue
          guard piece < pieces else { return }
          loop.body(count * piece / pieces..<count * (piece + 1) / pieces)
        }
      }
    }
  }
}

/// A loop's body on its way to other threads. Each range is run by one of them, and the caller waits for all.
private struct SharedLoop: @unchecked Sendable {
  let body: (Range<Int>) -> Void
}
