import Cardiology
import Evaluation
import Foundation
import Tensors

/// A plan over the ECG as the models see it: each token of the student, and where in the teacher's image it takes its mass.
///
/// A line leads to a token from the centre of what one lead box gives it, where that is clearly more than the even plan
/// would (`PlanFlow.isPreferred`): of several the one that gives most.
struct PlanOverECG {
  var record: ECGRecord
  var geometry: PlanGeometry
  var plan: Tensor<Float>

  private static let side = 340.0

  /// - Throws: `UserError` where the recording cannot be drawn.
  func drawing(id: String, title: String) throws -> String {
    let side = Self.side
    var drawing = SVGDrawing(width: side, height: side)
    drawing.rectangle(x: 0, y: 0, width: side, height: side, "sheet")
    let flows = geometry.flows(of: plan)
    drawTokens(flows, on: &drawing)
    let boxes = geometry.studentBoxes(onSide: side)
    let traces = try ECGRenderer().traces(of: record, in: boxes, side: side)
    drawing.paths(traces, "trace")
    for box in boxes {
      drawing.rectangle(x: box.x, y: box.y, width: box.width, height: box.height, "box")
      drawing.text(box.lead.rawValue, x: box.x + 4, y: box.y + 12, .start, "ink bold")
    }
    let preferred = geometry.preferredFlows(flows, atMost: 1)
    for (token, flow) in preferred { draw(flow, to: token, on: &drawing) }
    let confusion = geometry.confusion(of: plan).value
    return drawing.markup(
      id: id, title: title,
      description: "\(preferred.count { $0.flow.isOwnLead }) preferred sources lie in the token's own lead, "
        + "\(preferred.count { !$0.flow.isOwnLead }) in another. Lead confusion \(PageNumber.decimals(confusion, 3)), "
        + "of the even plan \(PageNumber.decimals(geometry.uniform.value, 3)).")
  }

  private func cell(_ token: Int) -> ImageRegion {
    geometry.student[token].scaled(by: Self.side / geometry.student.imageSize)
  }

  /// Cells of the tokens, tinted by where they take their mass.
  private func drawTokens(_ flows: [[PlanFlow]], on drawing: inout SVGDrawing) {
    for (token, sources) in flows.enumerated() {
      let cell = cell(token)
      let tint = geometry.tint(token, sources)
      let words = sources.prefix(3).map { "\($0.lead.rawValue) \(PageNumber.percent($0.share))" }.joined(
        separator: ", ")
      // What is not seen is told to a pointer all the same.
      drawing.rectangle(
        x: cell.x + 0.5, y: cell.y + 0.5, width: cell.width - 1, height: cell.height - 1, Self.style(tint),
        opacity: tint == nil ? 0 : 0.16,
        title: "token \(token), lead \(geometry.studentLeads.leads[token]?.rawValue ?? "none"): \(words)")
    }
  }

  /// Shades between its own lead's colour and the others' would not be told apart at this size.
  private static func style(_ tint: PlanTint?) -> String {
    switch tint {
    case .crossing(let share): share <= 0.5 ? "fill s3" : "fill s2"
    case .spread, nil: "fill rest"
    }
  }

  private func draw(_ flow: PlanFlow, to token: Int, on drawing: inout SVGDrawing) {
    let (start, end) = ((x: flow.x * Self.side, y: flow.y * Self.side), cell(token).centre)
    let style = flow.isOwnLead ? "s3" : "s2"
    drawing.curve(
      from: start, control: PlanFlow.control(from: start, to: end), to: end, thickness: 0.8 + 3 * flow.share,
      "flow \(style)")
    drawing.circle(x: end.x, y: end.y, radius: 1.6 + 2 * flow.share, "fill \(style)")
  }
}
