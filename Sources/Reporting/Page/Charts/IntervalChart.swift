import Evaluation
import Foundation

/// Values with their intervals, a row each, in groups: as points, or as bars from a base line.
struct IntervalChart {
  struct Mark {
    var name: String
    /// "s1" to "s6".
    var style: String
    var estimate: Estimate
    /// What the value is a mean of, such as seeds; drawn as dots.
    var parts: [Double] = []
  }

  struct Group {
    var name: String
    var marks: [Mark]
  }

  var groups: [Group]
  /// Where bars begin, such as what chance gives; nil draws points.
  var base: Double?
  /// Whether each row has its mark's name, or the group's name stands for all.
  var namesMarks = false

  static let width = 340.0
  private static let rowHeight = 17.0
  private static let gap = 9.0

  private var labels: Double { namesMarks ? 118 : 64 }

  func drawing(id: String, title: String) -> String {
    let rows = groups.reduce(0) { $0 + $1.marks.count }
    let bottom = 8 + Double(rows) * Self.rowHeight + Double(groups.count) * Self.gap
    var drawing = SVGDrawing(width: Self.width, height: bottom + 20)
    let ends = groups.flatMap(\.marks).flatMap { mark -> [Double?] in
      [mark.estimate.low, mark.estimate.value, mark.estimate.high] + mark.parts.map { Optional($0) }
    }
    let axis = ChartAxis(holding: ends.compactMap { $0 } + [base].compactMap { $0 })
    let right = Self.width - 46
    func place(_ value: Double) -> Double { labels + min(1, max(0, axis.share(value))) * (right - labels) }
    for tick in axis.ticks {
      drawing.line(place(tick), 4, place(tick), bottom, "grid")
      drawing.text(PageNumber.short(tick), x: place(tick), y: bottom + 15, .middle)
    }
    if let base { drawing.line(place(base), 4, place(base), bottom, "axis") }
    var y = 8.0
    for group in groups {
      let height = Double(group.marks.count) * Self.rowHeight
      if !namesMarks { drawing.text(group.name, x: 0, y: y + height / 2 + 4, .start, "ink") }
      for mark in group.marks {
        let middle = y + Self.rowHeight / 2
        if namesMarks { drawing.text(Self.shortened(mark.name), x: 0, y: middle + 4, .start, "ink") }
        draw(mark, at: middle, place, on: &drawing)
        y += Self.rowHeight
      }
      y += Self.gap
    }
    return drawing.markup(id: id, title: title, description: description)
  }

  private func draw(_ mark: Mark, at y: Double, _ place: (Double) -> Double, on drawing: inout SVGDrawing) {
    guard let value = mark.estimate.value else {
      drawing.text("undefined", x: labels, y: y + 4)
      return
    }
    if let base {
      let (from, to) = (place(min(base, value)), place(max(base, value)))
      drawing.rectangle(x: from, y: y - 5, width: to - from, height: 10, "fill \(mark.style)", opacity: 0.45)
    }
    if let low = mark.estimate.low, let high = mark.estimate.high {
      drawing.line(place(low), y, place(high), y, "whisker \(mark.style)")
      for end in [low, high] { drawing.line(place(end), y - 3.5, place(end), y + 3.5, "whisker \(mark.style)") }
    }
    if base == nil { drawing.circle(x: place(value), y: y, radius: 3.5, "fill \(mark.style)") }
    for part in mark.parts { drawing.circle(x: place(part), y: y, radius: 2.25, "dot") }
    drawing.text(PageNumber.decimals(value, 3), x: Self.width, y: y + 4, .end, "ink")
  }

  /// Letters of a name that have room before its row.
  static let longestName = 20

  private static func shortened(_ name: String) -> String {
    name.count > longestName ? name.prefix(longestName - 1) + "…" : name
  }

  private var description: String {
    groups.map { group in
      let values = group.marks.map { mark in
        let interval = PageNumber.interval(mark.estimate).map { ", interval \($0)" } ?? ""
        let each = mark.parts.map { PageNumber.decimals($0, 3) }.joined(separator: ", ")
        return "\(mark.name) \(mark.estimate.value.map { PageNumber.decimals($0, 3) } ?? "undefined")\(interval)"
          + (each.isEmpty ? "" : ", from \(each)")
      }
      return (group.name.isEmpty ? "" : group.name + ": ") + values.joined(separator: "; ")
    }.joined(separator: ". ")
  }
}
