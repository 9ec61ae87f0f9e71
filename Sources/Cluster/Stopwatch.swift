import Foundation

/// Seconds since some moment, of a clock that is never set.
public enum Stopwatch {
  public static var now: Double { Double(DispatchTime.now().uptimeNanoseconds) * 1e-9 }
}
