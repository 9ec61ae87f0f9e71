import Cardiology
import Evaluation
import Tensors
import Testing

@testable import Experiments

/// The numbers of a transport report, from made confusions.
@Suite struct TransportReportTests {
  /// Two tokens a side, of leads I and II; 0.4 of the mass crosses.
  private func confusion() -> LeadConfusion {
    let cells = [0, 1].map { ImageRegion(x: Double($0), y: 0, width: 1, height: 1) }
    let leads = TokenLeads(cells: cells, boxes: [(.I, cells[0]), (.II, cells[1])])
    return LeadConfusion(plan: Tensor<Float>([0.3, 0.2, 0.2, 0.3], [2, 2]), teacher: leads, student: leads)
  }

  private func row(_ with: [Double?], _ compared: [Double?], subjects: [String]) throws -> TransportReport.Row {
    let rows = TransportReport.rows(
      [[.fitted: confusion()], [.fitted: confusion()]], [[.fitted: with], [.fitted: compared]], subjects: subjects,
      try Bootstrap(seed: 1, replicates: 400, level: 0.95))
    #expect(rows.count == 1 && rows.first?.plan == .fitted)
    return try #require(rows.first)
  }

  /// Of two patients with four records each a quarter of the resamples hold the first alone; of eight records by
  /// themselves one of 256 does.
  @Test func resamplesDrawPatientsWithAllTheirRecords() throws {
    let values = [0.2, 0.2, 0.2, 0.2, 0.6, 0.6, 0.6, 0.6]
    let others = [Double](repeating: 0.5, count: 8)
    let patients = try row(values, others, subjects: Array(repeating: "a", count: 4) + Array(repeating: "b", count: 4))
    let mean = try #require(patients.with?.mean)
    let (low, high) = (try #require(mean.low), try #require(mean.high))
    #expect(abs(low - 0.2) < 1e-9 && abs(high - 0.6) < 1e-9 && abs((mean.value ?? 0) - 0.4) < 1e-9)
    let difference = try #require(patients.difference?.difference)
    let ends = (try #require(difference.low), try #require(difference.high))
    #expect(abs(ends.0 + 0.3) < 1e-9 && abs(ends.1 - 0.1) < 1e-9)
    let records = try row(values, others, subjects: (0..<8).map { "record \($0)" })
    let inner = try #require(records.with?.mean)
    #expect(try #require(inner.low) > 0.21)
    #expect(try #require(inner.high) < 0.59)
  }

  @Test func onePatientHasNoInterval() throws {
    let one = try row([0.2, 0.6, nil], [0.5, 0.5, 0.5], subjects: ["a", "a", "a"])
    #expect(one.with?.mean.low == nil && one.difference?.difference.low == nil && one.difference?.pValue == nil)
    #expect(abs((one.with?.mean.value ?? 0) - 0.4) < 1e-9)
  }

  private func report(_ rows: [TransportReport.Row]) -> TransportReport {
    TransportReport(
      with: .init(run: "a", step: 3), compared: .init(run: "b", step: 3), comparison: "without", record: "r",
      recordRole: "fold 9", epsilon: 0.05, epsilonIsRelative: true, sweeps: 7, marginalError: 1e-7, records: 2,
      resampled: "patients", fittedOn: 64, rows: rows, uniform: 0.859, uniformLeftOut: 0.016, mass: [:], notes: [])
  }

  /// The lines of a table, as their cells.
  private func cells(_ text: String, of title: String) -> [[String]] {
    text.split(separator: "\n").filter { $0.hasPrefix(title) }.map { line in
      line.dropFirst(title.count).split(separator: " ").map(String.init)
    }
  }

  @Test func whatIsLeftOutIsToldOfEachPlanOfEachStudent() {
    func own(_ record: Double?, _ leftOut: Double) -> TransportReport.Confusion {
      .init(record: record, mean: Estimate(value: 0.5, low: 0.4, high: 0.6), leftOut: leftOut)
    }
    let text = report([
      .init(plan: .learned, with: own(0.7, 0.011), compared: nil, difference: nil),
      .init(plan: .attention, with: own(0.8, 0.25), compared: own(0.9, 0.125), difference: nil),
    ]).text()
    #expect(cells(text, of: PlanKind.learned.title).first == ["0.700", "0.011", "-", "-"])
    #expect(cells(text, of: PlanKind.attention.title).first == ["0.800", "0.250", "0.900", "0.125"])
    #expect(cells(text, of: "uniform plan") == [["0.859", "0.016", "0.859", "0.016"]])
  }
}
