import Cardiology
import Tensors

/// Samples as the numbers of a model's input: (x - median of its lead) / unit, clipped to +-limit / unit.
///
/// The unit is fixed, not the record's own, for voltage is what tells hypertrophy.
public struct SignalScale: Sendable {
  /// mV that become 1.
  public let unit: Float
  /// mV beyond which values are clipped.
  public let limit: Float

  /// - Precondition: both are above 0.
  public init(unit: Float = 0.25, limit: Float = 5) {
    precondition(unit > 0 && limit > 0, "a unit and a limit above 0")
    (self.unit, self.limit) = (unit, limit)
  }

  var settings: String { "scale \(unit) mV, limit \(limit) mV" }

  /// Of a conditioned record, shape [12][1000].
  /// - Throws: `UserError` of kind badInput where all leads are flat.
  func values(of record: ECGRecord) throws -> [[Float]] {
    precondition(
      record.leads == Lead.allCases && record.sampleCount == ConditionedECG.sampleCount, "a conditioned record")
    let leads = record.signal.map { samples in
      let baseline = samples.median
      return samples.map { min(max($0 - baseline, -limit), limit) / unit }
    }
    // Idefics3 takes an image that is zero everywhere for padding and drops it.
    guard leads.contains(where: { $0.contains { $0 != 0 } }) else {
      throw UserError(
        .badInput, "record \(record.name): all leads are flat", remedy: "leave the record out; nothing was recorded")
    }
    return leads
  }
}
