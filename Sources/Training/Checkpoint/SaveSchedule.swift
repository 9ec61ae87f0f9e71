/// When a run saves in passing; rank 0 asks it between steps.
struct SaveSchedule {
  /// Steps between saves; 0: not by steps.
  let every: Int
  /// Seconds between saves; 0: not by time.
  let seconds: Double
  private var last: Double

  /// - Parameter now: seconds of a clock that never goes back.
  init(every: Int, seconds: Double, now: Double) {
    self.every = every
    self.seconds = seconds
    last = now
  }

  /// Whether the state after that step, counted from 1, is to be saved.
  func isDue(step: Int, now: Double) -> Bool {
    every > 0 && step % every == 0 || seconds > 0 && now - last >= seconds
  }

  /// A save began.
  mutating func saved(now: Double) { last = now }
}
