import Cardiology
import Foundation
import Tensors

/// A plan of models that see windows of time: a row of cells for each time of the student, a column for each of the
/// teacher, one lead of the ECG along both.
///
/// A cell's darkness grows with its mass over that of the even plan, on a logarithmic scale from 1 (nothing) to the greatest
/// of the drawing.
struct PlanOverTime {
  var record: ECGRecord
  var student: [ClosedRange<Double>]
  var teacher: [ClosedRange<Double>]
  var plan: Tensor<Float>

  private static let (left, top, side) = (44.0, 44.0, 256.0)
  private static let lead = Lead.II
  /// Cells along a side, at most.
  private static let most = 64
  private static let shades = 12

  /// Mass over that of the even plan, [student bin][teacher bin]; neighbouring tokens share a bin where there are many.
  func lifts() -> [[Double]] {
    let bins = (rows: min(Self.most, student.count), columns: min(Self.most, teacher.count))
    var sums = [[Double]](repeating: [Double](repeating: 0, count: bins.columns), count: bins.rows)
    var counts = sums
    var all = 0.0
    for source in teacher.indices {
      for token in student.indices {
        let (row, column) = (token * bins.rows / student.count, source * bins.columns / teacher.count)
        let mass = Double(plan[source * student.count + token])
        sums[row][column] += mass
        counts[row][column] += 1
        all += mass
      }
    }
    let even = all / Double(max(1, student.count * teacher.count))
    return zip(sums, counts).map { masses, cells in
      zip(masses, cells).map { even > 0 && $1 > 0 ? $0 / $1 / even : 0 }
    }
  }

  /// Share of the mass between tokens whose windows overlap, or lie within a fifth of a second of each other.
  var sameTime: Double {
    var (near, all) = (0.0, 0.0)
    for (source, from) in teacher.enumerated() {
      for (token, to) in student.enumerated() {
        let mass = Double(plan[source * student.count + token])
        all += mass
        if from.lowerBound - 0.2 <= to.upperBound, to.lowerBound - 0.2 <= from.upperBound { near += mass }
      }
    }
    return all > 0 ? near / all : 0
  }

  func drawing(id: String, title: String) -> String {
    let (left, top, side) = (Self.left, Self.top, Self.side)
    let lifts = lifts()
    let most = lifts.joined().max() ?? 1
    var drawing = SVGDrawing(width: left + side + 40, height: top + side + 34)
    drawing.rectangle(x: left, y: top, width: side, height: side, "sheet")
    var shades = [[[(x: Double, y: Double)]]](repeating: [], count: Self.shades)
    for (row, values) in lifts.enumerated() {
      let (y, height) = (top + side * Double(row) / Double(lifts.count), side / Double(lifts.count))
      for (column, value) in values.enumerated() where value > 1 && most > 1 {
        let shade = min(Self.shades - 1, Int(log(value) / log(most) * Double(Self.shades)))
        let (x, width) = (left + side * Double(column) / Double(values.count), side / Double(values.count))
        shades[shade].append([(x, y), (x + width, y), (x + width, y + height), (x, y + height)])
      }
    }
    for (shade, cells) in shades.enumerated() {
      drawing.areas(cells, "heat", opacity: (Double(shade) + 0.5) / Double(Self.shades))
    }
    drawing.line(left, top, left + side, top + side, "guide")
    drawAxes(on: &drawing)
    return drawing.markup(
      id: id, title: title,
      description: "\(PageNumber.percent(sameTime)) of the mass joins tokens of the same time. The strongest cell has "
        + "\(PageNumber.short(most)) times the mass that the even plan gives it.")
  }

  /// Times, and the lead along both sides.
  private func drawAxes(on drawing: inout SVGDrawing) {
    let (left, top, side) = (Self.left, Self.top, Self.side)
    let seconds = max(1, (student + teacher).map(\.upperBound).max() ?? 1)
    for tick in [0, seconds / 2, seconds] {
      let shift = side * tick / seconds
      drawing.text(
        PageNumber.short(tick) + " s", x: left + shift, y: top + side + 14,
        tick == 0 ? .start : tick == seconds ? .end : .middle)
      drawing.text(PageNumber.short(tick), x: left + side + 5, y: top + shift + (tick == 0 ? 9 : 3))
    }
    drawing.text("teacher's time", x: left + side / 2, y: top + side + 29, .middle)
    guard let samples = record[Self.lead], record.samplingRate > 0 else { return }
    let known = samples.filter(\.isFinite)
    guard let low = known.min(), let high = known.max(), high > low else { return }
    let points = samples.enumerated().filter { $0.element.isFinite }.map { index, value in
      (along: side * Double(index) / record.samplingRate / seconds, across: 36 * Double((high - value) / (high - low)))
    }
    drawing.path(points.map { (left + $0.along, 2 + $0.across) }, "trace")
    drawing.path(points.map { (2 + $0.across, top + $0.along) }, "trace")
    drawing.text(Self.lead.rawValue, x: 2, y: 14, .start, "ink bold")
  }
}
