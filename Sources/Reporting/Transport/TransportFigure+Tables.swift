import Cardiology
import Evaluation
import Foundation

extension TransportFigure {
  /// Mass from lead to lead: a row for each lead of the student, in shares of what its tokens draw from leads; the colour
  /// grows with the share's ratio to that of the uniform plan, from 1 to 16 on a logarithmic scale.
  func drawHeatMap(
    _ confusion: LeadConfusion, _ uniform: LeadConfusion, notes: [String], on canvas: CairoCanvas, left: Double,
    top: Double
  ) {
    let leads = Lead.allCases
    let cell = 40.0
    let (x0, y0) = (left + 82, top + 60)
    let side = cell * Double(leads.count)
    canvas.drawText(
      "teacher's lead", x: x0 + side / 2, y: top + 20, size: 19, colour: Palette.faint, anchor: .middle)
    canvas.drawText(
      "student's lead", x: left + 18, y: y0 + side / 2, size: 19, colour: Palette.faint, anchor: .middle, upwards: true)
    for (row, masses) in confusion.rows.enumerated() {
      let (y, sum) = (y0 + Double(row) * cell, masses.reduce(0, +))
      let name = leads[row].rawValue
      canvas.drawText(name, x: x0 - 8, y: y + 27, size: 19, colour: Palette.ink, anchor: .end)
      canvas.drawText(
        name, x: x0 + (Double(row) + 0.5) * cell, y: y0 - 8, size: 17, colour: Palette.ink, anchor: .middle)
      let blind = uniform.rows[row]
      for (column, mass) in masses.enumerated() where sum > 0 {
        let (x, share) = (x0 + Double(column) * cell, mass / sum)
        let lift = share / (blind[column] / blind.reduce(0, +))
        let strength = lift > 1 ? min(1, log2(lift) / 4) : 0
        canvas.fillRectangle(
          x: x, y: y, width: cell, height: cell, colour: ECGPaper.Colour.white.mixed(with: Palette.heat, strength))
        if share >= 0.02 {
          canvas.drawText(
            Self.percent(share), x: x + cell / 2, y: y + 26, size: 15, colour: strength > 0.45 ? .white : Palette.ink,
            anchor: .middle)
        }
      }
    }
    for row in leads.indices {
      canvas.strokeRectangle(
        x: x0 + Double(row) * cell, y: y0 + Double(row) * cell, width: cell, height: cell, line: 2.5,
        colour: Palette.own)
    }
    canvas.strokeRectangle(x: x0, y: y0, width: side, height: side, line: 1.5, colour: Palette.line)
    for (row, line) in notes.enumerated() {
      canvas.drawText(line, x: x0 + side + 26, y: y0 + 22 + 30 * Double(row), size: 19, colour: Palette.ink)
    }
  }

  /// Confusion over many records, with intervals; a line where the uniform plan lies.
  func drawBars(on canvas: CairoCanvas, top: Double, width: Double, rowHeight: Double) {
    canvas.drawText(barTitle, x: Self.margin, y: top + 20, size: 26, colour: Palette.ink, isBold: true)
    let (left, right) = (Self.margin + 330, width - Self.margin - 170)
    func place(_ value: Double) -> Double { left + min(1, max(0, value)) * (right - left) }
    let first = top + 50
    let rows = bars.reduce(0) { $0 + $1.bars.count }
    let bottom = first + Double(rows) * rowHeight
    for tick in 0...5 {
      let value = Double(tick) / 5
      canvas.strokeSegments([(place(value), first, place(value), bottom)], width: 1, colour: Palette.line)
      canvas.drawText(
        TextTable.decimals(value, 1), x: place(value), y: bottom + 26, size: 18, colour: Palette.faint,
        anchor: .middle)
    }
    var y = first
    for group in bars {
      canvas.drawText(group.title, x: Self.margin, y: y + 29, size: 20, colour: Palette.ink)
      for (number, bar) in group.bars.enumerated() {
        drawBar(
          bar.name, bar.estimate, on: canvas, from: left, place, y: y, height: rowHeight,
          colour: number == 0 ? Palette.heat : Palette.compared, end: width - Self.margin)
        y += rowHeight
      }
    }
    guard let uniform = geometry.uniform.value else { return }
    canvas.strokeSegments([(place(uniform), first - 8, place(uniform), bottom)], width: 2.5, colour: Palette.crossing)
    canvas.drawText(
      "uniform plan " + Self.number(uniform), x: place(uniform), y: first - 14, size: 19, colour: Palette.crossing,
      anchor: .middle)
  }

  private func drawBar(
    _ name: String, _ estimate: Estimate, on canvas: CairoCanvas, from left: Double, _ place: (Double) -> Double,
    y: Double, height: Double, colour: ECGPaper.Colour, end: Double
  ) {
    canvas.drawText(name, x: left - 12, y: y + 29, size: 19, colour: Palette.faint, anchor: .end)
    guard let value = estimate.value else { return }
    canvas.fillRectangle(x: left, y: y + 8, width: place(value) - left, height: height - 16, colour: colour)
    let middle = y + height / 2
    if let low = estimate.low, let high = estimate.high {
      canvas.strokeSegments(
        [
          (place(low), middle, place(high), middle), (place(low), middle - 8, place(low), middle + 8),
          (place(high), middle - 8, place(high), middle + 8),
        ], width: 3, colour: Palette.ink)
    }
    canvas.drawText(Self.number(value), x: end, y: y + 29, size: 20, colour: Palette.ink, isBold: true, anchor: .end)
  }
}
