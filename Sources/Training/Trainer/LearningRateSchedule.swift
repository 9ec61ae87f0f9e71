import Foundation

/// Learning rate by step: a linear rise over `warmup` steps, then constant or along half a cosine.
///
/// cosine: lr(t) = peak (f + (1 - f) (1 + cos(pi p)) / 2), p = (t - warmup) / (steps - warmup) (Loshchilov and Hutter
/// 2017). `constant` does not depend on the number of steps, so a run can be prolonged without changing its bits.
public struct LearningRateSchedule: Sendable {
  public enum Form: String, Sendable, CaseIterable { case constant, cosine }

  public var form: Form
  public var peak: Double
  public var warmup: Int
  public var steps: Int
  /// Rate at the end of the cosine as a share of the peak.
  public var final: Double

  public init(form: Form, peak: Double, warmup: Int, steps: Int, final: Double) {
    self.form = form
    self.peak = peak
    self.warmup = warmup
    self.steps = steps
    self.final = final
  }

  /// The rate of a step, counted from 0.
  public func rate(at step: Int) -> Double {
    let rise = warmup > 0 ? min(1, Double(step + 1) / Double(warmup)) : 1
    guard form == .cosine, step >= warmup, steps > warmup else { return peak * rise }
    let progress = min(1, Double(step - warmup) / Double(steps - warmup))
    return peak * (final + (1 - final) * (1 + cos(.pi * progress)) / 2)
  }
}
