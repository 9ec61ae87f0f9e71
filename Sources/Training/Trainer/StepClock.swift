import Cluster

/// Seconds spent in the parts of a step, on one rank.
struct StepClock {
  static let names = ["data", "compute", "fold", "network", "wait", "optimizer", "checkpoint"]

  private var last = Stopwatch.now
  private(set) var parts: [String: Double] = [:]

  init() {}

  /// Seconds of the whole step.
  private(set) var total = 0.0

  /// In the order of `names`.
  var vector: [Double] { Self.names.map { parts[$0] ?? 0 } }

  /// Ends a part that began with the last mark.
  mutating func mark(_ name: String) {
    let now = Stopwatch.now
    parts[name, default: 0] += now - last
    total += now - last
    last = now
  }

  /// Runs a part; the time in which it meets the node's other ranks is waiting.
  mutating func measure<T>(_ name: String, node: NodeMemory, _ body: () throws -> T) rethrows -> T {
    let met = node.meetingTime
    let result = try body()
    mark(name)
    move(node.meetingTime - met, from: name, to: "wait")
    return result
  }

  /// Counts time already marked under another name.
  mutating func move(_ seconds: Double, from: String, to: String) {
    parts[from, default: 0] -= seconds
    parts[to, default: 0] += seconds
  }

  /// Takes a fold's times out of a part that they lie in.
  mutating func take(_ times: FoldTimes, from part: String) {
    move(times.fold, from: part, to: "fold")
    move(times.network, from: part, to: "network")
    move(times.wait, from: part, to: "wait")
  }
}
