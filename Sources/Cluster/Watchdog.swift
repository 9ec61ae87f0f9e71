import CMessagePassing
import Foundation
import Tensors

/// A helper thread of each rank that ends a job whose ranks are late, stopped or lost, with exit code 76, or that has not
/// saved in the time between a signal and the kill it announces, with 75.
///
/// Four times a second it shows that this rank lives and looks at the node's page. The lowest live rank of the node
/// prints where everyone is, once a node, and orders the end; all watchdogs follow it. It makes no MPI calls, since the
/// main thread may be blocked in one for good, and leaves by `_exit`.
///
/// Time is counted in looks, none of them longer than a second: a job that was suspended as a whole finds nobody late.
final class Watchdog: Sendable {
  /// How long is too long, in seconds.
  struct Limits: Sendable, Equatable {
    /// Of a step; infinite where it may take for ever.
    var step: Double
    /// Of a rank whose helper thread shows no sign.
    var silence: Double

    /// - Parameter step: 0 for ever, negative where the run has not said yet.
    init(step: Double) {
      self.step = step > 0 ? step : .infinity
      silence = step == 0 ? .infinity : min(self.step, 20)
    }
  }

  /// Seconds between two looks.
  private static let interval = 0.25
  /// Seconds without a sign after which a rank counts as stopped once the job must end anyway: a dozen looks.
  private static let pause = 3.0
  /// Seconds between an error of one rank and the end of those whom nobody has ended.
  private static let farewell = 5.0
  /// Seconds that a host whose ranks all wait leaves to the others; mpirun takes some to end ranks on several hosts.
  private static let courtesy = 6.0
  private let status: RankStatus

  init(_ status: RankStatus) { self.status = status }

  private var limits: Limits { Limits(step: mp_step_limit(status.page)) }

  /// Starts the thread; it lasts as long as the process.
  func start() {
    mp_publish_beat(status.page, status.slot)
    HelperThread.start("watchdog", stackBytes: 256 << 10) { [self] in watch() }
  }

  private func watch() -> Never {
    var memory = (0..<mp_page_slots(status.page)).map { _ in SlotMemory() }
    var sinceClaim = 0.0
    var last = mp_monotonic_time()
    while true {
      Thread.sleep(forTimeInterval: Self.interval)
      mp_publish_beat(status.page, status.slot)
      let now = mp_monotonic_time()
      let passed = min(Double(now - last) * 1e-9, 1)
      last = now
      let code = mp_claimed_end(status.page)
      if code != 0 {
        sinceClaim += passed
        if mp_is_end_ordered(status.page) || sinceClaim > Self.farewell { _exit(code) }
        continue
      }
      let namespace = mp_look(status.page, status.slot).namespace
      for slot in memory.indices {
        memory[slot].note(mp_look(status.page, Int32(slot)), after: passed, namespace: namespace)
      }
      if let reason = reason(memory) { end(reason, memory, now: now) }
    }
  }

  /// Why the job must end; nil where all is well, or another rank of the node is to say so.
  private func reason(_ memory: [SlotMemory]) -> NodeReport.Reason? {
    if let grace = status.grace, let left = status.secondsLeft, left < 0 { return .grace(seconds: grace) }
    let limits = limits
    let conditions = memory.map { $0.condition(silence: limits.silence) }
    // One whose thread has been still for some looks is not waited for to speak.
    let lowest = memory.indices.first { conditions[$0] == .alive && memory[$0].stillness < 2 }
    guard lowest == Int(status.slot) else { return nil }
    if conditions.contains(.gone) { return .loss }
    if conditions.contains(.stopped) { return .silence(seconds: limits.silence) }
    let alive = memory.indices.filter { conditions[$0] == .alive }
    // Where all wait for other hosts, the late one's host is to speak first.
    let isElsewhere = alive.allSatisfy { memory[$0].status.operation != 0 } && status.peers.nodeCount > 1
    let longest = alive.map { memory[$0].turnTime }.max() ?? 0
    return longest > limits.step + (isElsewhere ? Self.courtesy : 0) ? .stepLimit(seconds: limits.step) : nil
  }

  private func end(_ reason: NodeReport.Reason, _ memory: [SlotMemory], now: Int64) {
    let error = reason.kind
    guard status.claimEnd(code: error.rawValue) else { return }
    // Who is stopped may have been so for less long than the step goes on.
    let silence = min(limits.silence, Self.pause)
    let seen = memory.filter { $0.status.pid != 0 }
    let report = NodeReport(
      reason: reason, sightings: seen.map { $0.sighting(silence: silence, now: now) }, peers: status.peers)
    Job.report(report.error)
    mp_order_end(status.page)
    // After the others have ended with their code, so that the launcher hears of that first.
    let stopped = seen.filter {
      $0.condition(silence: silence) == .stopped && $0.isVisible && mp_is_same_program($0.status.pid)
    }.map(\.status.pid)
    mp_kill_later(stopped, Int32(stopped.count), 1_000_000)
    _exit(error.rawValue)
  }
}

/// What a watchdog remembers of one rank between its looks.
struct SlotMemory {
  private(set) var status = mp_status()
  /// Seconds for which the rank's helper thread has shown no sign.
  private(set) var stillness = 0.0
  /// Seconds since the clock of the step limit started anew.
  private(set) var turnTime = 0.0
  /// Whether the rank's process can be asked for: there is one, and not in another container.
  private(set) var isVisible = false
  /// Looks in a row that found no process.
  private var absences = 0

  /// - Parameter namespace: of the reader's process ids.
  mutating func note(_ seen: mp_status, after passed: Double, namespace: UInt64) {
    stillness = seen.beats == status.beats ? stillness + passed : 0
    turnTime = seen.turn == status.turn ? turnTime + passed : 0
    status = seen
    isVisible = seen.pid != 0 && seen.namespace == namespace
    let isAbsent = isVisible && (mp_is_gone(seen.pid) || stillness > 1 && mp_is_zombie(seen.pid))
    absences = isAbsent ? absences + 1 : 0
  }

  /// Two looks, since whoever ends all ranks of a node does not end them at one instant.
  func condition(silence: Double) -> RankSighting.Condition {
    if status.pid == 0 || status.has_left { return .left }
    if absences >= 2 { return .gone }
    return stillness >= silence ? .stopped : .alive
  }

  func sighting(silence: Double, now: Int64) -> RankSighting {
    RankSighting(
      rank: Int(status.rank), step: Int(status.step), phase: Phase(rawValue: status.phase),
      bucket: status.bucket >= 0 ? Int(status.bucket) : nil, operation: Operation(rawValue: status.operation),
      peer: status.peer >= 0 ? .rank(Int(status.peer)) : .everyone,
      silence: max(0, Double(now - status.progress) * 1e-9), condition: condition(silence: silence))
  }
}
