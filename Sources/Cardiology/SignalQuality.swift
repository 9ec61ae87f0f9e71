import Tensors

/// What is wrong with the samples of a record: invalid samples and flat leads.
public struct SignalQuality: Sendable, Equatable {
  /// One lead's invalid (NaN or infinite) samples.
  public struct InvalidLead: Sendable, Equatable {
    public let lead: Lead
    /// Index of the first invalid sample.
    public let firstSample: Int
    public let count: Int
  }

  public let invalid: [InvalidLead]
  /// Leads whose valid samples all have one value: an electrode off, or a lead that was never recorded.
  public let flat: [Lead]

  public var isClean: Bool { invalid.isEmpty && flat.isEmpty }
}

extension ECGRecord {
  /// Which leads hold invalid samples and which are flat. - Complexity: O(leads x samples).
  public func quality() -> SignalQuality {
    var invalid: [SignalQuality.InvalidLead] = []
    var flat: [Lead] = []
    for (lead, samples) in zip(leads, signal) {
      if let first = samples.firstIndex(where: { !$0.isFinite }) {
        let count = samples.reduce(0) { $1.isFinite ? $0 : $0 + 1 }
        invalid.append(.init(lead: lead, firstSample: first, count: count))
      }
      let level = samples.first(where: \.isFinite)
      if samples.allSatisfy({ !$0.isFinite || $0 == level }) { flat.append(lead) }
    }
    return SignalQuality(invalid: invalid, flat: flat)
  }

  /// The record itself, if every sample is a number.
  ///
  /// Invalid samples are never interpolated in silence: no model may learn from invented signal.
  /// - Throws: `UserError` (bad input) naming the lead, the first invalid sample and how many there are.
  @discardableResult
  public func validated() throws -> ECGRecord {
    guard let first = quality().invalid.first else { return self }
    throw UserError(
      .badInput,
      "record \(name): lead \(first.lead.rawValue) has \(first.count) invalid samples (NaN), "
        + "the first at sample \(first.firstSample)",
      remedy: "leave the record out, or repair the lead before use")
  }
}
