import Foundation

/// Seconds spent in the parts of a step.
struct StepClock {
  static let names = ["data", "compute", "fold", "optimizer"]

  static var now: Double { Double(DispatchTime.now().uptimeNanoseconds) * 1e-9 }

  private var last = StepClock.now
  private(set) var parts: [String: Double] = [:]

  init() {}

  /// From times by name, in the order of `names`, the total at the end.
  init(vector: [Double]) {
    parts = Dictionary(uniqueKeysWithValues: zip(Self.names, vector))
    total = vector[Self.names.count]
  }

  /// Seconds of the whole step.
  private(set) var total = 0.0

  var vector: [Double] { Self.names.map { parts[$0] ?? 0 } + [total] }

  /// Ends a part that began with the last mark.
  mutating func mark(_ name: String) {
    let now = Self.now
    parts[name, default: 0] += now - last
    total += now - last
    last = now
  }

  /// Counts time already marked under another name.
  mutating func move(_ seconds: Double, from: String, to: String) {
    parts[from, default: 0] -= seconds
    parts[to, default: 0] += seconds
  }
}
