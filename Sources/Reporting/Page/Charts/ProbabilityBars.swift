import Foundation

/// The probability of each class by one model, beside that of another.
struct ProbabilityBars {
  struct Row {
    var name: String
    /// Whether the record carries the class.
    var isTrue: Bool
    var value: Double?
    var compared: Double?
  }

  var rows: [Row]

  private static let width = 300.0
  private static let rowHeight = 16.0
  private static let (left, right) = (56.0, 262.0)

  func drawing(id: String, title: String) -> String {
    let height = Double(rows.count) * Self.rowHeight
    var drawing = SVGDrawing(width: Self.width, height: height + 4)
    func place(_ value: Double) -> Double { Self.left + min(1, max(0, value)) * (Self.right - Self.left) }
    for value in [0, 0.5, 1] { drawing.line(place(value), 0, place(value), height, value == 0.5 ? "guide" : "grid") }
    for (index, row) in rows.enumerated() {
      let middle = (Double(index) + 0.5) * Self.rowHeight
      drawing.text(row.name, x: 0, y: middle + 4, .start, row.isTrue ? "ink bold" : "")
      if let value = row.value {
        drawing.rectangle(
          x: Self.left, y: middle - 4, width: place(value) - Self.left, height: 8, "fill s1",
          opacity: row.isTrue ? 1 : 0.45)
        drawing.text(PageNumber.decimals(value, 2), x: Self.width, y: middle + 4, .end, row.isTrue ? "ink bold" : "")
      }
      if let compared = row.compared { drawing.circle(x: place(compared), y: middle, radius: 3.5, "whisker s2 hollow") }
    }
    let words = rows.map { row in
      "\(row.name)\(row.isTrue ? " (true)" : "") \(PageNumber.decimals(row.value, 2))"
        + (row.compared.map { ", compared \(PageNumber.decimals($0, 2))" } ?? "")
    }
    return drawing.markup(id: id, title: title, description: words.joined(separator: "; "))
  }
}
