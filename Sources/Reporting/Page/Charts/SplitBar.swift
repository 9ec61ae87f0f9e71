import Foundation

/// One bar cut into the parts of a whole.
struct SplitBar {
  /// The parts in their order; shares of the whole.
  var parts: [(name: String, style: String, share: Double)]

  private static let width = 720.0
  private static let height = 34.0

  func drawing(id: String, title: String) -> String {
    var drawing = SVGDrawing(width: Self.width, height: Self.height)
    var x = 0.0
    for part in parts where part.share > 0 {
      let width = min(1, part.share) * Self.width
      drawing.rectangle(
        x: x, y: 4, width: max(0, width - 1.5), height: 24, "fill \(part.style)",
        title: "\(part.name) \(PageNumber.percent(part.share))")
      x += width
    }
    let words = parts.map { "\($0.name) \(PageNumber.percent($0.share))" }.joined(separator: ", ")
    return drawing.markup(id: id, title: title, description: words)
  }
}
