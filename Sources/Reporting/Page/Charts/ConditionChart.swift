import Evaluation
import Foundation

/// Values with their intervals over conditions in an order, such as sizes: for each series a line through its values.
struct ConditionChart {
  /// One series: a value for each condition, undefined where there is none.
  struct Series {
    var name: String
    /// "s1" to "s6".
    var style: String
    var estimates: [Estimate]
  }

  /// What stands below the axis.
  var conditions: [String]
  var series: [Series]
  /// Values that the scale holds beside the series' own: charts with the same ones can be compared.
  var compared: [Estimate] = []

  static let width = 340.0
  static let height = 190.0
  private static let plot = (left: 44.0, right: 330.0, top: 10.0, bottom: 162.0)
  /// Between the whiskers of two series at one condition.
  private static let aside = 5.0
  /// Width of a letter below the axis.
  private static let letter = 5.6

  func drawing(id: String, title: String) -> String {
    var drawing = SVGDrawing(width: Self.width, height: Self.height)
    let plot = Self.plot
    let ends = (series.flatMap(\.estimates) + compared).flatMap { [$0.low, $0.value, $0.high] }
    let axis = ChartAxis(holding: ends.compactMap { $0 })
    let step = (plot.right - plot.left) / Double(max(1, conditions.count))
    func height(_ value: Double) -> Double {
      plot.bottom - min(1, max(0, axis.share(value))) * (plot.bottom - plot.top)
    }
    for tick in axis.ticks {
      drawing.line(plot.left, height(tick), plot.right, height(tick), "grid")
      drawing.text(PageNumber.short(tick), x: plot.left - 6, y: height(tick) + 3.5, .end)
    }
    drawing.line(plot.left, plot.bottom, plot.right, plot.bottom, "axis")
    for (place, condition) in conditions.enumerated() {
      let room = max(2, Int(step / Self.letter))
      let label = condition.count > room ? condition.prefix(room - 1) + "…" : condition
      drawing.text(label, x: plot.left + (Double(place) + 0.5) * step, y: plot.bottom + 15, .middle)
    }
    for (index, line) in series.enumerated() {
      let aside = (Double(index) - Double(series.count - 1) / 2) * Self.aside
      var points: [(x: Double, y: Double)] = []
      for (place, estimate) in line.estimates.enumerated() {
        guard let value = estimate.value else { continue }
        let x = plot.left + (Double(place) + 0.5) * step + aside
        points.append((x, height(value)))
        if let low = estimate.low, let high = estimate.high {
          drawing.line(x, height(low), x, height(high), "whisker \(line.style)")
        }
        drawing.circle(x: x, y: height(value), radius: 3, "fill \(line.style)")
      }
      drawing.path(points, "curve \(line.style)")
    }
    return drawing.markup(id: id, title: title, description: description)
  }

  private var description: String {
    series.map { line in
      let values = zip(conditions, line.estimates).map { condition, estimate in
        "\(condition) \(estimate.value.map { PageNumber.decimals($0, 3) } ?? "undefined")"
      }
      return "\(line.name): \(values.joined(separator: ", "))"
    }.joined(separator: ". ")
  }
}
