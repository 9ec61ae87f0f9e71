import CVectorKernels
import Dispatch
import Foundation
import Synchronization

/// Threads that help one other with its work, again and again.
///
/// The products of generation take tens of microseconds and follow each other at once, less than waking a thread takes:
/// so a helper looks out for the next work for a while, gives its processor to others in between, and then sleeps. Work
/// does not wait for helpers that come late: it is open to them while it lasts, and only those that joined are awaited.
///
/// Safe to use from one thread at a time; `work` is written while no helper has joined.
final class Crew: @unchecked Sendable {
  /// The round of work in the upper bits; then whether helpers may join it; then how many have. Negative: all go home.
  private let gate = Atomic(0)
  private let finished = Atomic(0)
  private let sleepers = Atomic(0)
  private let bell = DispatchSemaphore(value: 0)
  private var round = 0
  private var work: @Sendable () -> Void = {}

  private static let roundShift = 16
  private static let open = 1 << 15
  /// Looks at the gate that cost nothing to others, some microseconds in all, and then those that let others run.
  private static let (watchfulLooks, patientLooks) = (200, 200)

  /// - Parameter helpers: threads beside the caller's, fewer than 32768.
  init(helpers: Int) {
    precondition((1..<Self.open).contains(helpers), "\(helpers) helpers")
    for _ in 0..<helpers { Thread.detachNewThread { self.help() } }
  }

  /// Runs the work on this thread and on every helper that comes before it ends; returns when all have ended.
  func run(_ work: @escaping @Sendable () -> Void) {
    self.work = work
    finished.store(0, ordering: .relaxed)
    round += 1
    gate.store(round << Self.roundShift | Self.open, ordering: .sequentiallyConsistent)
    wakeSleepers()
    work()
    let joined = gate.bitwiseAnd(~Self.open, ordering: .acquiringAndReleasing).oldValue & (Self.open - 1)
    var looks = 0
    while finished.load(ordering: .acquiring) < joined { Self.pause(&looks) }
    self.work = {}
  }

  /// Ends the helpers.
  func dismiss() {
    gate.store(-1, ordering: .sequentiallyConsistent)
    wakeSleepers()
  }

  private func wakeSleepers() {
    for _ in 0..<sleepers.exchange(0, ordering: .sequentiallyConsistent) { bell.signal() }
  }

  private func help() {
    var last = 0
    while let round = nextRound(after: last) {
      work()
      finished.add(1, ordering: .releasing)
      last = round
    }
  }

  /// Joins the next round of work; nil when there will be none.
  private func nextRound(after last: Int) -> Int? {
    var looks = 0
    while true {
      let seen = gate.load(ordering: .acquiring)
      guard seen >= 0 else { return nil }
      let round = seen >> Self.roundShift
      if seen & Self.open != 0, round != last {
        if gate.compareExchange(expected: seen, desired: seen + 1, ordering: .acquiringAndReleasing).exchanged {
          return round
        }
      } else if looks < Self.watchfulLooks + Self.patientLooks {
        Self.pause(&looks)
      } else {
        // Whoever opens the gate after this is counted here wakes it; opened before, it is seen. A ring too many does not
        // matter.
        sleepers.add(1, ordering: .sequentiallyConsistent)
        if gate.load(ordering: .sequentiallyConsistent) == seen { bell.wait() }
        looks = 0
      }
    }
  }

  private static func pause(_ looks: inout Int) {
    looks += 1
    if looks < watchfulLooks { evl_pause() } else { sched_yield() }
  }
}
