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
      one.row([row.plan.title] + Self.cells(row.with) + Self.cells(row.compared))
    }
    let even = [uniform, uniformLeftOut].map { TextTable.decimals($0, 3) }
    one.row(["uniform plan"] + even + even)
    var all = TextTable()
    all.heading(
      records == 1 ? "One evaluation record" : "Mean of \(records) evaluation records", "with", "95%", comparison,
      "95%", "difference", "95%")
    for row in rows {
      all.row(
        [row.plan.title] + TextTable.cells(row.with?.mean) + TextTable.cells(row.compared?.mean)
          + TextTable.cells(row.difference?.difference, signed: true))
    }
    lines += [one.render(), all.render()] + notes
    return lines.joined(separator: "\n") + "\n"
  }

  /// Of the drawn recording: confusion, and what it leaves out.
  private static func cells(_ confusion: Confusion?) -> [String] {
    confusion.map { own in [own.record, own.leftOut].map { TextTable.decimals($0, 3) } } ?? ["-", "-"]
  }
}
