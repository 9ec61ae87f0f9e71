import CMessagePassing
import Testing

@testable import Cluster

/// What a rank publishes is what a watchdog sees.
@Suite struct RankStatusTests {
  private func seen(_ status: RankStatus) -> RankSighting {
    var memory = SlotMemory()
    memory.note(mp_look(status.page, status.slot), after: 0.25, namespace: 0)
    return memory.sighting(silence: 20, now: mp_monotonic_time())
  }

  @Test func stepPhaseBucketAndWaitAreSeen() {
    let status = RankStatus(alone: 5, of: .here(6))
    #expect(seen(status).phase == .starting && seen(status).step == 0 && seen(status).rank == 5)
    status.begin(step: 3)
    status.enter(.backward, bucket: 0)
    status.waiting(in: .fold, for: .rank(2)) {
      let waiting = seen(status)
      #expect(waiting.step == 3 && waiting.phase == .backward && waiting.bucket == 0)
      #expect(waiting.operation == .fold && waiting.peer == .rank(2) && waiting.isWaiting)
    }
    #expect(seen(status).isBusy)
    status.waiting(in: .barrier, for: .everyone) { #expect(seen(status).peer == .everyone) }
    status.enter(.optimizer)
    #expect(seen(status).bucket == nil && seen(status).silence < 10)
    status.leave()
    #expect(seen(status).condition == .left)
  }

  @Test func theClockStartsAnewAtEachStepAndAtWorkOutsideOfSteps() {
    let status = RankStatus(alone: 0, of: .here(1))
    var memory = SlotMemory()
    func look() -> Double {
      memory.note(mp_look(status.page, status.slot), after: 0.25, namespace: 0)
      return memory.turnTime
    }
    status.begin(step: 1)
    #expect([look(), look(), look()] == [0, 0.25, 0.5])
    status.enter(.forward)
    #expect(look() == 0.75)
    status.begin(step: 2)
    #expect([look(), look()] == [0, 0.25])
    status.begin(.checkpoint)
    #expect(look() == 0)
    #expect(seen(status).step == 2)
  }

  @Test func aHelperThreadWithoutSignsMeansStopped() {
    let status = RankStatus(alone: 0, of: .here(1))
    var memory = SlotMemory()
    for _ in 0..<8 { memory.note(mp_look(status.page, status.slot), after: 0.25, namespace: 0) }
    #expect(memory.condition(silence: 2.5) == .alive && memory.condition(silence: 2) == .stopped)
    mp_publish_beat(status.page, status.slot)
    memory.note(mp_look(status.page, status.slot), after: 0.25, namespace: 0)
    #expect(memory.condition(silence: 2) == .alive)
  }

  @Test func onlyTheFirstClaimOfANodeSpeaks() {
    let status = RankStatus(alone: 0, of: .here(1))
    #expect(status.claimEnd(code: 65))
    #expect(!status.claimEnd(code: 76))
    #expect(mp_claimed_end(status.page) == 65)
  }

  @Test func noLimitMeansThatNobodyIsLateOrStopped() {
    #expect(Watchdog.Limits(step: 0).silence == .infinity && Watchdog.Limits(step: 0).step == .infinity)
    #expect(Watchdog.Limits(step: -1).step == .infinity && Watchdog.Limits(step: -1).silence == 20)
    #expect(Watchdog.Limits(step: 1800).silence == 20 && Watchdog.Limits(step: 8).silence == 8)
  }
}
