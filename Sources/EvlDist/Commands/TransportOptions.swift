import ArgumentParser
import Evaluation
import Experiments
import Foundation
import Reporting
import Tensors

/// What `inspect --transport` can be told, and its work.
struct TransportOptions: ParsableArguments {
  @Option(
    help: "Record of the run's data by its id, WFDB record, or synthetic:NUMBER; without, the evaluation fold's first.")
  var record: String?
  @Option(help: "Run trained without the transport term to compare with; without, the student before its first step.")
  var against: String?
  @Option(help: "Evaluation records behind the mean confusion, at most (default: 32).") var records: Int?
  @Option(
    name: [.customShort("o"), .customLong("output")], help: "PNG file to write (default: transport.png).")
  var output: String?
  @Flag(help: "Numbers as JSON.") var json = false

  var isUsed: Bool { record != nil || against != nil || records != nil || output != nil || json }

  func validate() throws {
    guard records.map({ $0 >= 1 }) ?? true else { throw ValidationError("--records is at least 1") }
    guard output.map({ URL(fileURLWithPath: $0).pathExtension.lowercased() == "png" }) ?? true else {
      throw ValidationError("--output ends with .png; \(output ?? "") does not")
    }
  }

  func run(_ run: URL) throws {
    let findings = try TransportInspection(run, against: against.map { URL(fileURLWithPath: $0) })
      .result(record: record, records: records ?? 32)
    let file = output ?? "transport.png"
    try TransportFigure(findings).image().writePNG(to: URL(fileURLWithPath: file))
    if json { return print(try findings.report.json()) }
    print(findings.report.text() + "picture: \(file)")
  }
}

extension TransportFigure {
  /// The trained plan and, where there is one, the attention, beside each other.
  init(_ findings: TransportFindings) {
    let report = findings.report
    func panel(_ kind: PlanKind, _ title: String, _ notes: [String]) -> Panel? {
      findings.plans[kind].map { plan in
        let confusion = findings.confusions[kind]
        return Panel(
          title: title, plan: plan,
          notes: [
            "Numbers: share of what",
            "each student lead draws.",
            "Colour: ratio to the share",
            "in the uniform plan, from",
            "1 (white) to 16.", "",
            "Lead confusion, the mass",
            "outside the framed cells:",
            "  here \(TextTable.decimals(confusion?.value, 3))",
            "  uniform plan \(TextTable.decimals(report.uniform, 3))",
            "  left out \(TextTable.decimals(confusion?.leftOutShare, 3))", "",
          ] + notes)
      }
    }
    let attention = report.attentionOnImage.map { String(format: "%.0f%%", 100 * $0) } ?? ""
    self.init(
      title: "From which leads the student's image tokens draw their mass",
      subtitle: "run \(report.with.run), step \(report.with.step)  ·  record \(report.record) (\(report.recordRole))"
        + "  ·  epsilon \(report.epsilonText), \(report.sweeps) sweeps",
      record: findings.record, geometry: findings.geometry,
      panels: [
        panel(.learned, "Optimal transport plan", ["Under the map that the", "run has trained."]),
        panel(
          .attention, "Cross-attention (MHCA)",
          ["Mean over heads; image", "tokens only, which get", "\(attention) of the attention."])
          ?? Panel(
            title: "Cross-attention (MHCA)", plan: nil,
            notes: ["None: the run was trained without alignment and relations."]),
      ].compactMap { $0 },
      barTitle:
        "Lead confusion, mean of \(report.records) evaluation records with 95% interval over \(report.resampled)",
      bars: report.rows.map { row in
        BarGroup(
          title: row.plan.title,
          bars: [("with", row.with), (report.comparison, row.compared)].compactMap { name, value in
            value.map { (name, $0.mean) }
          })
      })
  }
}
