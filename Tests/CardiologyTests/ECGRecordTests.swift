import Foundation
import Tensors
import Testing

@testable import Cardiology

@Suite struct ECGRecordTests {
  static func limb(_ leads: [Lead], extra: [Lead] = [.V1, .V2, .V3, .V4, .V5, .V6]) -> ECGRecord {
    let values: [Lead: [Float]] = [
      .I: [1, 0.25], .II: [2, -0.5], .III: [1, -0.75], .V1: [3, 1], .V2: [4, 1], .V3: [5, 1], .V4: [6, 1], .V5: [7, 1],
      .V6: [8, 1],
    ]
    let all = leads + extra
    return ECGRecord(name: "r", samplingRate: 100, leads: all, signal: all.map { values[$0] ?? [0, 0] })
  }

  @Test(arguments: [
    ("AVR", Lead.aVR), ("avr", .aVR), ("MLII", .II), ("ECG I", .I), ("Lead v3", .V3), ("DIII", .III), ("D2", .II),
    (" V6 ", .V6), ("EKG_aVF", .aVF),
  ])
  func leadNamesAreNormalised(name: String, lead: Lead) { #expect(Lead(name: name) == lead) }

  @Test(arguments: ["", "V7", "PLETH", "-aVR", "ECG", "IIII", "V", "ECG lead 1"])
  func otherNamesAreNoLead(name: String) { #expect(Lead(name: name) == nil) }

  @Test(arguments: [[Lead.I, .II], [.II, .I], [.I, .III], [.III, .II]])
  func limbLeadsAreDerivedFromAnyTwo(present: [Lead]) throws {
    let record = try Self.limb(present).standardised()
    #expect(record.leads == Lead.allCases)
    #expect(record[.I] == [1, 0.25])
    #expect(record[.II] == [2, -0.5])
    #expect(record[.III] == [1, -0.75])
    #expect(record[.aVR] == [-1.5, 0.125])
    #expect(record[.aVL] == [0, 0.5])
    #expect(record[.aVF] == [1.5, -0.625])
    #expect(record[.V6] == [8, 1])
  }

  @Test func aMissingLeadIsNamed() {
    #expect(throws: UserError.self) { try Self.limb([.I]).standardised() }
    do {
      _ = try Self.limb([.I, .II], extra: [.V1, .V2, .V3, .V5, .V6]).standardised()
      Issue.record("no error for a missing lead")
    } catch { #expect("\(error)".contains("lead V4")) }
  }

  @Test func invalidSamplesAndFlatLeadsAreReported() throws {
    var record = Self.limb([.I, .II])
    #expect(record.quality().isClean)
    try record.validated()
    record.signal[1][1] = .nan
    record.signal[2] = [5, 5]
    #expect(record.quality().invalid == [.init(lead: .II, firstSample: 1, count: 1)])
    #expect(record.quality().flat == [.II, .V1])
    do {
      try record.validated()
      Issue.record("no error for NaN")
    } catch { #expect("\(error)".contains("lead II has 1 invalid samples (NaN), the first at sample 1")) }
  }
}

@Suite struct RecordSourceTests {
  @Test func aSyntheticRecordingSaysWhatItShows() throws {
    let record = try RecordSource("synthetic:17:5").record()
    let made = SyntheticECG(seed: 5).sample(17)
    #expect(record.signal == made.record.signal)
    #expect(record.comments.contains("report: \(made.report)"))
    #expect(try RecordSource("synthetic:17") == .synthetic(seed: 1, index: 17))
    #expect(try RecordSource("a/b") == .wfdb(URL(fileURLWithPath: "a/b")))
  }

  @Test(arguments: ["synthetic:", "synthetic:-1", "synthetic:a", "synthetic:1:", "synthetic:1:2:3", "synthetic:1:-2"])
  func numbersThatAreNoneAreRefused(name: String) {
    let error = #expect(throws: UserError.self) { try RecordSource(name) }
    #expect(error?.kind == .badInput && error?.message.contains(name) == true)
  }
}
