import Evaluation
import Foundation

/// The four counts of one class: rows are the truth, columns what was said; the darker, the larger its share of the row.
struct ConfusionChart {
  var name: String
  var counts: ConfusionCounts

  private static let cell = (width: 96.0, height: 46.0)
  private static let (left, top) = (64.0, 34.0)

  func drawing(id: String) -> String {
    let (cell, left, top) = (Self.cell, Self.left, Self.top)
    var drawing = SVGDrawing(width: left + 2 * cell.width, height: top + 2 * cell.height + 4)
    drawing.text("said", x: left + cell.width, y: 11, .middle)
    drawing.text("\(name)", x: left + cell.width / 2, y: 27, .middle, "ink")
    drawing.text("not", x: left + 1.5 * cell.width, y: 27, .middle, "ink")
    let rows = [
      ("is \(name)", counts.truePositives, counts.falseNegatives),
      ("is not", counts.falsePositives, counts.trueNegatives),
    ]
    for (row, (truth, yes, no)) in rows.enumerated() {
      let y = top + Double(row) * cell.height
      drawing.text(truth, x: left - 8, y: y + cell.height / 2 + 4, .end, "ink")
      for (column, count) in [yes, no].enumerated() {
        let x = left + Double(column) * cell.width
        let share = yes + no > 0 ? Double(count) / Double(yes + no) : 0
        // From a tint on which ink is read to a tone on which the page's colour is.
        let isDark = share > 0.5
        drawing.rectangle(
          x: x, y: y, width: cell.width, height: cell.height, "cell",
          opacity: isDark ? 0.55 + 0.45 * share : 0.05 + 0.35 * share)
        let style = isDark ? "onheat" : "ink"
        drawing.text("\(count)", x: x + cell.width / 2, y: y + cell.height / 2, .middle, "\(style) bold")
        drawing.text(
          yes + no > 0 ? PageNumber.percent(share) : "–", x: x + cell.width / 2, y: y + cell.height / 2 + 14, .middle,
          style)
      }
    }
    return drawing.markup(
      id: id, title: "Confusion of \(name)",
      description:
        "\(counts.truePositives) found, \(counts.falseNegatives) missed, \(counts.falsePositives) false alarms, "
        + "\(counts.trueNegatives) rightly left out")
  }
}
