import Foundation

/// A drawing as SVG, which the page's style sheet colours: shapes have classes, not colours.
///
/// Coordinates are the drawing's own units, origin at the top left; on the page a unit is about a pixel, and less on a
/// narrow one.
struct SVGDrawing {
  let width: Double
  let height: Double
  private var shapes = ""

  init(width: Double, height: Double) {
    self.width = width
    self.height = height
  }

  enum Anchor: String { case start, middle, end }

  mutating func line(_ x0: Double, _ y0: Double, _ x1: Double, _ y1: Double, _ style: String) {
    shapes +=
      "<line x1=\"\(Self.number(x0))\" y1=\"\(Self.number(y0))\" x2=\"\(Self.number(x1))\" y2=\"\(Self.number(y1))\""
      + "\(Self.classed(style))/>"
  }

  /// One connected line; nothing where it has no length.
  mutating func path(_ points: [(x: Double, y: Double)], _ style: String) {
    guard points.count > 1 else { return }
    shapes += "<path d=\"\(Self.route(points))\"\(Self.classed(style))/>"
  }

  /// Connected lines in one shape: what is drawn many times costs one element.
  mutating func paths(_ routes: [[(x: Double, y: Double)]], _ style: String) {
    let route = routes.filter { $0.count > 1 }.map(Self.route).joined()
    if !route.isEmpty { shapes += "<path d=\"\(route)\"\(Self.classed(style))/>" }
  }

  /// Filled areas in one shape.
  mutating func areas(_ outlines: [[(x: Double, y: Double)]], _ style: String, opacity: Double) {
    let route = outlines.filter { $0.count > 2 }.map { Self.route($0) + "Z" }.joined()
    guard !route.isEmpty else { return }
    shapes += "<path d=\"\(route)\"\(Self.classed(style)) fill-opacity=\"\(Self.number(opacity))\"/>"
  }

  /// A line bent towards `control`. - Parameter thickness: nil for that of its class.
  mutating func curve(
    from start: (x: Double, y: Double), control: (x: Double, y: Double), to end: (x: Double, y: Double),
    thickness: Double? = nil, _ style: String
  ) {
    let wide = thickness.map { " style=\"stroke-width:\(Self.number($0))\"" } ?? ""
    shapes +=
      "<path d=\"M\(Self.pair(start))Q\(Self.pair(control)) \(Self.pair(end))\"\(Self.classed(style))\(wide)/>"
  }

  /// - Parameters:
  ///   - opacity: nil for that of its class.
  ///   - title: what a pointer that rests on it is told.
  mutating func rectangle(
    x: Double, y: Double, width: Double, height: Double, _ style: String, opacity: Double? = nil, title: String? = nil
  ) {
    let shade = opacity.map { " fill-opacity=\"\(Self.number($0))\"" } ?? ""
    let start =
      "<rect x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" width=\"\(Self.number(max(0, width)))\" "
      + "height=\"\(Self.number(max(0, height)))\"\(Self.classed(style))\(shade)"
    shapes += title.map { "\(start)><title>\(Self.escaped($0))</title></rect>" } ?? "\(start)/>"
  }

  mutating func circle(x: Double, y: Double, radius: Double, _ style: String) {
    shapes +=
      "<circle cx=\"\(Self.number(x))\" cy=\"\(Self.number(y))\" r=\"\(Self.number(radius))\"\(Self.classed(style))/>"
  }

  mutating func text(_ words: String, x: Double, y: Double, _ anchor: Anchor = .start, _ style: String = "") {
    let place = anchor == .start ? "" : " text-anchor=\"\(anchor.rawValue)\""
    shapes +=
      "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\"\(place)\(Self.classed(style))>\(Self.escaped(words))</text>"
  }

  /// The element, read out by its title and description.
  ///
  /// - Parameters:
  ///   - id: unique on the page, letters, digits and hyphens.
  ///   - description: what the drawing shows, in words.
  func markup(id: String, title: String, description: String) -> String {
    "<svg viewBox=\"0 0 \(Self.number(width)) \(Self.number(height))\" role=\"img\" "
      + "aria-labelledby=\"\(id)-t \(id)-d\"><title id=\"\(id)-t\">\(Self.escaped(title))</title>"
      + "<desc id=\"\(id)-d\">\(Self.escaped(description))</desc>\(shapes)</svg>"
  }

  private static func route(_ points: [(x: Double, y: Double)]) -> String {
    points.enumerated().map { ($0 == 0 ? "M" : "L") + pair($1) }.joined()
  }

  private static func pair(_ point: (x: Double, y: Double)) -> String { "\(number(point.x)) \(number(point.y))" }

  private static func classed(_ style: String) -> String { style.isEmpty ? "" : " class=\"\(escaped(style))\"" }

  /// Two decimals, without needless zeros; what is no number lies at the origin.
  static func number(_ value: Double) -> String {
    guard value.isFinite else { return "0" }
    let hundredths = (min(max(value, -1e6), 1e6) * 100).rounded()
    let whole = Int(hundredths)
    let (units, rest) = (abs(whole) / 100, abs(whole) % 100)
    let sign = whole < 0 ? "-" : ""
    if rest == 0 { return "\(sign)\(units)" }
    return rest % 10 == 0 ? "\(sign)\(units).\(rest / 10)" : "\(sign)\(units)." + (rest < 10 ? "0\(rest)" : "\(rest)")
  }

  static func escaped(_ text: String) -> String {
    var result = ""
    for character in text.unicodeScalars {
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.unicodeScalars.append(character)
      }
    }
    return result
  }
}
