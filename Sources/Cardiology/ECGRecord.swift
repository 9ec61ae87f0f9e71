import Tensors

/// One electrocardiogram: some leads, sampled together.
///
/// `signal[lead][sample]` is in mV and runs parallel to `leads`; every lead holds `sampleCount` samples. NaN marks a
/// sample the recorder declared invalid.
public struct ECGRecord: Sendable {
  /// Name of the record, unique in its data set.
  public var name: String
  /// Samples per second of each lead, in Hz.
  public var samplingRate: Double
  public var leads: [Lead]
  /// Shape [lead][sample], mV.
  public var signal: [[Float]]
  /// Free text lines of the file (age, sex, diagnoses), without the comment sign.
  public var comments: [String]

  /// - Precondition: one signal per lead, all of one length, and a positive sampling rate.
  public init(name: String, samplingRate: Double, leads: [Lead], signal: [[Float]], comments: [String] = []) {
    precondition(signal.count == leads.count, "one signal per lead")
    precondition(signal.allSatisfy { $0.count == signal[0].count }, "leads of one length")
    precondition(samplingRate > 0 && samplingRate.isFinite, "sampling rate must be positive")
    self.name = name
    self.samplingRate = samplingRate
    self.leads = leads
    self.signal = signal
    self.comments = comments
  }

  /// Samples per lead.
  public var sampleCount: Int { signal.first?.count ?? 0 }
  /// Length in seconds.
  public var duration: Double { Double(sampleCount) / samplingRate }

  /// The samples of a lead in mV, or nil where the record has no such lead.
  public subscript(lead: Lead) -> [Float]? { leads.firstIndex(of: lead).map { signal[$0] } }

  /// The twelve leads in standard order, limb leads derived where two of I, II, III are present.
  ///
  /// Einthoven: III = II - I. Goldberger: aVR = -(I + II)/2, aVL = I - II/2, aVF = II - I/2.
  /// - Throws: `UserError` (bad input) naming the first lead that is missing and cannot be derived.
  public func standardised() throws -> ECGRecord {
    if leads == Lead.allCases { return self }
    let limbs = limbLeads()
    let ordered = try Lead.allCases.map { lead -> [Float] in
      if let present = self[lead] ?? limbs?[lead] { return present }
      throw UserError(
        .badInput, "record \(name): lead \(lead.rawValue) is missing",
        remedy: "twelve leads are needed; limb leads are derived when two of I, II, III are present")
    }
    var result = self
    result.leads = Lead.allCases
    result.signal = ordered
    return result
  }

  /// The six limb leads from any two of I, II and III, or nil.
  private func limbLeads() -> [Lead: [Float]]? {
    func combine(_ a: Float, _ x: [Float], _ b: Float, _ y: [Float]) -> [Float] { zip(x, y).map { a * $0 + b * $1 } }
    let first: [Float]
    let second: [Float]
    switch (self[.I], self[.II], self[.III]) {
    case (let one?, let two?, _): (first, second) = (one, two)
    case (let one?, nil, let three?): (first, second) = (one, combine(1, one, 1, three))
    case (nil, let two?, let three?): (first, second) = (combine(1, two, -1, three), two)
    default: return nil
    }
    return [
      .I: first, .II: second, .III: combine(-1, first, 1, second), .aVR: combine(-0.5, first, -0.5, second),
      .aVL: combine(1, first, -0.5, second), .aVF: combine(-0.5, first, 1, second),
    ]
  }
}
