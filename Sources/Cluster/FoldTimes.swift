/// Seconds of one step's fold on one rank.
public struct FoldTimes: Sendable, Equatable {
  /// Adding.
  public var fold = 0.0
  /// Sending to and receiving from other groups.
  public var network = 0.0
  /// Waiting for other ranks with nothing to add.
  public var wait = 0.0

  public init() {}

  public var total: Double { fold + network + wait }
}
