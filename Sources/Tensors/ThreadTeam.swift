import Dispatch
import Synchronization

/// Several threads on one loop of this program, in place of those that the product libraries keep.
///
/// Nobody spins while waiting: a processor that another program holds delays a loop by one piece, where the libraries'
/// barriers wait for it at every product. Training states the libraries' threads instead (`train.threads`).
public struct ThreadTeam: Sendable {
  public let threads: Int

  /// - Precondition: at least one thread.
  public init(threads: Int) {
    precondition(threads > 0, "\(threads) threads")
    self.threads = threads
  }

  /// Runs `body` over ranges that together are `0..<count`, several at once; returns when all is done.
  ///
  /// - Parameters:
  ///   - piece: of the loop that is worth another thread.
  ///   - piecesPerThread: a thread that is late leaves the rest of its pieces to the others.
  ///   - body: works on its range alone.
  public func share(_ count: Int, piece: Int = 1, piecesPerThread: Int = 4, _ body: (Range<Int>) -> Void) {
    let threads = min(threads, count / max(1, piece))
    guard threads > 1 else { return body(0..<count) }
    let pieces = min(count / max(1, piece), threads * piecesPerThread)
    withoutActuallyEscaping(body) { body in
      let loop = SharedLoop(body: body)
      let next = Atomic(0)
      DispatchQueue.concurrentPerform(iterations: threads) { _ in
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
