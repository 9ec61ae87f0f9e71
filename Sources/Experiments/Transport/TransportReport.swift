import Cardiology
import Evaluation
import Foundation

/// How much of the mass between teacher's and student's image tokens crosses from one lead to another.
public struct TransportReport: Codable, Sendable {
  /// A student that was looked at.
  public struct Origin: Codable, Sendable {
    public var run: String
    public var step: Int
  }

  /// Lead confusion of one plan of one student.
  public struct Confusion: Codable, Sendable {
    /// Of the drawn recording; nil where no token has a lead.
    public var record: Double?
    /// Mean over the evaluation records.
    public var mean: Estimate
    /// Share of the drawn recording's mass that belongs to tokens without a lead.
    public var leftOut: Double
  }

  /// One plan, of the student trained with the transport term and of the one it is compared with.
  public struct Row: Codable, Sendable {
    public var plan: PlanKind
    public var with: Confusion?
    public var compared: Confusion?
    /// with - compared, over the same records.
    public var difference: PairedDifference?
  }

  public var with: Origin
  public var compared: Origin
  /// What the compared student is: "without" the transport term, or "untrained".
  public var comparison: String
  public var record: String
  /// What the recording was to the run.
  public var recordRole: String
  /// objective.transport.epsilon, and whether it is a share of each problem's mean cost.
  public var epsilon: Double
  public var epsilonIsRelative: Bool
  /// Of the drawn plan under the trained map.
  public var sweeps: Int
  public var marginalError: Double
  /// Evaluation records behind the means.
  public var records: Int
  /// What the resamples behind the intervals draw, with all its records: patients, where the data set knows them.
  public var resampled: String
  /// Training records behind the fitted map.
  public var fittedOn: Int
  public var rows: [Row]
  /// The confusion of the plan that gives every pair the same mass, and the share it leaves out.
  public var uniform: Double
  public var uniformLeftOut: Double
  /// Share of the student image tokens' attention that falls on image tokens of the teacher.
  public var attentionOnImage: Double?
  /// Order of the rows and columns of `mass`.
  public var leads: [String] = Lead.allCases.map(\.rawValue)
  /// Of each plan drawn, mass by student's lead (row) and teacher's lead (column).
  public var mass: [String: [[Double]]]
  public var notes: [String]

  public func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  /// "0.05 of the mean cost".
  public var epsilonText: String { "\(epsilon)" + (epsilonIsRelative ? " of the mean cost" : "") }

  public func text() -> String {
    var lines = [
      "with the transport term: \(with.run), step \(with.step); \(comparison): \(compared.run), step \(compared.step)",
      "record \(record) (\(recordRole)); epsilon \(epsilonText), \(sweeps) sweeps, marginal error "
        + String(format: "%.1e", marginalError), "",
    ]
    var one = TextTable()
    one.heading("Lead confusion, this record", "with", "left out", comparison, "left out")
    for row in rows {
      one.row([row.plan.title] + [row.with, row.compared].flatMap { [$0?.record, $0?.leftOut].map(Self.number) })
    }
    one.row(["uniform plan"] + [uniform, uniformLeftOut, uniform, uniformLeftOut].map(Self.number))
    var all = TextTable()
    all.heading(
      records == 1 ? "One evaluation record" : "Mean of \(records) evaluation records", "with", "95%", comparison,
      "95%", "difference", "95%")
    for row in rows {
      all.row(
        [row.plan.title] + Self.cells(row.with?.mean) + Self.cells(row.compared?.mean)
          + Self.cells(row.difference?.difference))
    }
    lines += [one.render(), all.render()] + notes
    return lines.joined(separator: "\n") + "\n"
  }

  /// Value and interval, as tables show them.
  public static func cells(_ estimate: Estimate?) -> [String] {
    guard let estimate else { return ["-", ""] }
    guard let low = estimate.low, let high = estimate.high else { return [number(estimate.value), ""] }
    return [number(estimate.value), "\(number(low)) .. \(number(high))"]
  }

  public static func number(_ value: Double?) -> String {
    // Adding 0 takes the sign from a value that is rounded to -0.
    value.map { String(format: "%.3f", ($0 * 1000).rounded() / 1000 + 0) } ?? "-"
  }
}
