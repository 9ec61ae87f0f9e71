import Dispatch
import Synchronization

/// Several threads on one loop of this program, beside those that the product libraries keep.
///
/// Nobody spins: a processor that another program holds at the moment delays a loop by one piece at most.
enum ThreadTeam {
  /// Pieces of the loop for each thread: a thread that is late leaves the rest to the others.
  private static let piecesPerThread = 4

  /// Runs `body` over ranges that together are `0..<count`, on up to `threads` threads at once; returns when all is done.
  ///
  /// - Parameter body: works on its range alone; what it computes must not depend on how the whole is cut.
  static func share(_ count: Int, among threads: Int, _ body: (Range<Int>) -> Void) {
    guard threads > 1, count > 1 else { return body(0..<count) }
    let pieces = min(count, threads * piecesPerThread)
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
