import Evaluation
import Foundation

/// Receiver operating characteristics: the share of positives found over the share of negatives taken for positives.
struct ROCChart {
  var curves: [(name: String, style: String, curve: ROCCurve)]

  private static let side = 220.0
  private static let (left, top) = (40.0, 8.0)

  func drawing(id: String, title: String) -> String {
    let (left, top, side) = (Self.left, Self.top, Self.side)
    var drawing = SVGDrawing(width: left + side + 12, height: top + side + 36)
    func place(_ point: ROCCurve.Point) -> (x: Double, y: Double) {
      (left + point.falsePositives * side, top + (1 - point.truePositives) * side)
    }
    for tick in [0.0, 0.5, 1] {
      drawing.line(left, top + (1 - tick) * side, left + side, top + (1 - tick) * side, "grid")
      drawing.line(left + tick * side, top, left + tick * side, top + side, "grid")
      let text = PageNumber.short(tick)
      drawing.text(text, x: left - 6, y: top + (1 - tick) * side + 4, .end)
      drawing.text(text, x: left + tick * side, y: top + side + 15, tick == 0 ? .start : tick == 1 ? .end : .middle)
    }
    drawing.line(left, top + side, left + side, top, "guide")
    drawing.text("false positives", x: left + side / 2, y: top + side + 30, .middle)
    for line in curves { drawing.path(line.curve.points(within: 0.002).map(place), "curve \(line.style)") }
    let words = curves.map { "\($0.name): AUC \(PageNumber.decimals($0.curve.area, 3))" }.joined(separator: "; ")
    return drawing.markup(
      id: id, title: title, description: "True positives over false positives. \(words). The dotted line is chance.")
  }
}
