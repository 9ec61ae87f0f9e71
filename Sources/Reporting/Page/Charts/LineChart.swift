import Foundation

/// Values over steps: for each series a thin line through them, and a bold one through their running mean.
struct LineChart {
  /// One series; points in the order of x.
  struct Series {
    var name: String
    /// "s1" to "s6".
    var style: String
    var points: [(x: Double, y: Double)]
  }

  var series: [Series]
  /// What x is.
  var horizontal = "step"
  /// Values of several magnitudes need a logarithmic scale.
  var scale = ChartAxis.Scale.linear
  var includesZero = false
  /// Points of the running mean; 1 draws the values alone.
  var smoothing = 1

  static let width = 340.0
  static let height = 190.0
  private static let plot = (left: 44.0, right: 330.0, top: 10.0, bottom: 162.0)
  /// Points of a drawn line, at most: as many as it is wide.
  private static let columns = 280

  /// The scale that shows values which are all above 0 and of several magnitudes.
  static func scale(for values: [Double]) -> ChartAxis.Scale {
    let known = values.filter(\.isFinite)
    guard let least = known.min(), let most = known.max(), least > 0 else { return .linear }
    return most / least >= 30 ? .logarithmic : .linear
  }

  /// Points of the running mean that show the course of so many values.
  static func smoothing(of count: Int) -> Int { max(1, count / 24) }

  func drawing(id: String, title: String) -> String {
    var drawing = SVGDrawing(width: Self.width, height: Self.height)
    let smooth = series.map { Self.mean($0.points, over: smoothing) }
    let y = ChartAxis(
      holding: series.flatMap { Self.thinned($0.points).map(\.y) }, scale: scale, includesZero: includesZero)
    let x = ChartAxis(from: 0, to: max(1, series.flatMap(\.points).map(\.x).max() ?? 1), ticks: [])
    let plot = Self.plot
    func place(_ point: (x: Double, y: Double)) -> (x: Double, y: Double) {
      (
        plot.left + x.share(point.x) * (plot.right - plot.left),
        plot.bottom - min(1, max(0, y.share(point.y))) * (plot.bottom - plot.top)
      )
    }
    for tick in y.ticks {
      let height = place((0, tick)).y
      drawing.line(plot.left, height, plot.right, height, "grid")
      drawing.text(PageNumber.short(tick), x: plot.left - 6, y: height + 3.5, .end)
    }
    drawing.line(plot.left, plot.bottom, plot.right, plot.bottom, "axis")
    drawing.text("0", x: plot.left, y: plot.bottom + 15, .middle)
    drawing.text(PageNumber.short(x.high), x: plot.right, y: plot.bottom + 15, .end)
    drawing.text(horizontal, x: (plot.left + plot.right) / 2, y: plot.bottom + 15, .middle)
    for (line, mean) in zip(series, smooth) {
      if smoothing > 1 { drawing.path(Self.thinned(line.points).map(place), "curve thin \(line.style)") }
      let shown = Self.thinned(smoothing > 1 ? mean : line.points).map(place)
      drawing.path(shown, "curve \(line.style)")
      if shown.count == 1 { drawing.circle(x: shown[0].x, y: shown[0].y, radius: 2.5, "fill \(line.style)") }
    }
    return drawing.markup(id: id, title: title, description: description(y))
  }

  private func description(_ axis: ChartAxis) -> String {
    let parts = series.compactMap { line -> String? in
      let known = line.points.filter { $0.y.isFinite }
      guard let first = known.first, let last = known.last else { return nil }
      return "\(line.name): from \(PageNumber.short(first.y)) at \(horizontal) \(PageNumber.short(first.x)) to "
        + "\(PageNumber.short(last.y)) at \(horizontal) \(PageNumber.short(last.x))"
    }
    return (parts.isEmpty ? "No values" : parts.joined(separator: "; "))
      + (axis.scale == .logarithmic ? ". Logarithmic scale." : ".")
  }

  /// The mean of the values within half the window before and behind each; ends have fewer.
  static func mean(_ points: [(x: Double, y: Double)], over window: Int) -> [(x: Double, y: Double)] {
    let known = points.filter { $0.y.isFinite }
    guard window > 1 else { return known }
    var sums = [0.0]
    for point in known { sums.append(sums[sums.count - 1] + point.y) }
    return known.indices.map { index in
      let (first, last) = (max(0, index - window / 2), min(known.count, index + window / 2 + 1))
      return (known[index].x, (sums[last] - sums[first]) / Double(last - first))
    }
  }

  /// As many points as can be seen: of a long line the least and the greatest of each column.
  static func thinned(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
    let known = points.filter { $0.y.isFinite }
    guard known.count > 2 * columns else { return known }
    return (0..<columns).flatMap { column -> [(x: Double, y: Double)] in
      let part = known[column * known.count / columns..<(column + 1) * known.count / columns]
      guard let least = part.indices.min(by: { part[$0].y < part[$1].y }),
        let most = part.indices.max(by: { part[$0].y < part[$1].y })
      else { return [] }
      return least == most ? [part[least]] : [part[min(least, most)], part[max(least, most)]]
    }
  }
}
