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
    let flows = (0..<geometry.student.count).map { geometry.flows(of: plan, token: $0) }
    drawTokens(flows, on: &drawing)
    let scale = side / geometry.student.imageSize
    let boxes = geometry.studentBoxes.map { $0.moved(scaleX: scale, scaleY: scale) }
    let traces = try ECGRenderer().traces(of: record, in: boxes, side: side)
    drawing.paths(traces, "trace")
    for box in geometry.studentBoxes {
      let area = scaled(ImageRegion(box))
      drawing.rectangle(x: area.x, y: area.y, width: area.width, height: area.height, "box")
      drawing.text(box.lead.rawValue, x: area.x + 4, y: area.y + 12, .start, "ink bold")
    }
    drawFlows(flows, on: &drawing)
    let preferred = flows.flatMap { $0.filter(\.isPreferred).prefix(1) }
    let confusion = geometry.confusion(of: plan).value
    return drawing.markup(
      id: id, title: title,
      description: "\(preferred.count { $0.isOwnLead }) preferred sources lie in the token's own lead, "
        + "\(preferred.count { !$0.isOwnLead }) in another. Lead confusion \(PageNumber.decimals(confusion, 3)), "
        + "of the even plan \(PageNumber.decimals(geometry.uniform.value, 3)).")
  }

  private func scaled(_ region: ImageRegion) -> ImageRegion {
    let scale = Self.side / geometry.student.imageSize
    return ImageRegion(
      x: region.x * scale, y: region.y * scale, width: region.width * scale, height: region.height * scale)
  }

  /// Cells of the tokens, tinted by where they take their mass.
  private func drawTokens(_ flows: [[PlanFlow]], on drawing: inout SVGDrawing) {
    for (token, sources) in flows.enumerated() {
      let cell = scaled(geometry.student[token])
      let own = sources.filter { $0.isOwnLead }.reduce(0) { $0 + $1.share }
      let style = sources.contains(where: \.isPreferred) ? (own >= 0.5 ? "fill s3" : "fill s2") : "fill rest"
      let words = sources.prefix(3).map { "\($0.lead.rawValue) \(PageNumber.percent($0.share))" }.joined(
        separator: ", ")
      drawing.rectangle(
        x: cell.x + 0.5, y: cell.y + 0.5, width: cell.width - 1, height: cell.height - 1, style, opacity: 0.16,
        title: "token \(token), lead \(geometry.studentLeads.leads[token]?.rawValue ?? "none"): \(words)")
    }
  }

  private func drawFlows(_ flows: [[PlanFlow]], on drawing: inout SVGDrawing) {
    for isOwnLead in [true, false] {
      for (token, sources) in flows.enumerated() {
        let cell = scaled(geometry.student[token])
        let end = (x: cell.x + cell.width / 2, y: cell.y + cell.height / 2)
        for flow in sources.filter(\.isPreferred).prefix(1) where flow.isOwnLead == isOwnLead {
          let start = (x: flow.x * Self.side, y: flow.y * Self.side)
          let (dx, dy) = (end.x - start.x, end.y - start.y)
          drawing.curve(
            from: start, control: (start.x + dx / 2 + 0.18 * dy, start.y + dy / 2 - 0.18 * dx), to: end,
            thickness: 0.8 + 3 * flow.share, "flow \(isOwnLead ? "s3" : "s2")")
          drawing.circle(x: end.x, y: end.y, radius: 1.6 + 2 * flow.share, "fill \(isOwnLead ? "s3" : "s2")")
        }
      }
    }
  }
}
