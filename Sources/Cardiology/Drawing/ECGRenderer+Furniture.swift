extension ECGRenderer {
  /// Millimetre grid, counted from the left and the bottom edge.
  func drawGrid(on canvas: CairoCanvas, _ layout: ECGLayout, width: Double, height: Double) {
    func lines(every millimetres: Double) -> [(Double, Double, Double, Double)] {
      // Lines are one pixel wide and lie on whole pixels, so that all look alike.
      func positions(_ step: Double, _ length: Double) -> [Double] {
        (0...Int(length / step)).map { (Double($0) * step).rounded(.down) + 0.5 }
      }
      let vertical = positions(layout.millimetre.x * millimetres, width).map { ($0, 0.0, $0, height) }
      let horizontal = positions(layout.millimetre.y * millimetres, height).map {
        (0.0, height - $0, width, height - $0)
      }
      return vertical + horizontal
    }
    let pixel = layout.isPrint ? max(1, (layout.millimetre.x / 7).rounded(.down)) : 1
    if layout.showsMinorGrid { canvas.strokeSegments(lines(every: 1), width: pixel, colour: paper.minorGrid) }
    if layout.showsMajorGrid {
      let colour = paper.majorGrid.mixed(with: paper.background, layout.gridFading)
      canvas.strokeSegments(lines(every: 5), width: pixel, colour: colour)
    }
  }

  /// Calibration pulses, separators between columns and lead names.
  func drawFurniture(on canvas: CairoCanvas, _ layout: ECGLayout) {
    let millivolt = layout.pixelsPerMillivolt
    for box in layout.boxes {
      if box.start > 0 {
        let reach = (layout.isPrint ? 0.35 : 0.25) * millivolt
        canvas.strokeSegments(
          [(box.x, box.baseline - reach, box.x, box.baseline + reach)],
          width: layout.isPrint ? 0.7 * layout.millimetre.x : 1,
          colour: layout.isPrint ? paper.ink : paper.ink.mixed(with: paper.background, 0.6))
      } else if let pulse = layout.pulseWidth {
        let top = box.baseline - millivolt
        let points = [
          (box.x - pulse, box.baseline), (box.x - pulse, top), (box.x, top), (box.x, box.baseline),
        ]
        canvas.strokePath(
          points.map { (x: $0.0, y: $0.1) }, width: layout.traceWidth * 1.2, colour: paper.ink, rounded: true)
      }
      if let size = layout.textSize {
        let name = box.lead.rawValue
        let below = (layout.isPrint ? 0.7 : 0.55) * millivolt
        canvas.drawText(name, x: box.x + size * 0.08, y: box.baseline + below, size: size, colour: paper.ink)
      }
    }
  }

  /// Header lines at the top; paper speed and gain at the bottom.
  func drawText(on canvas: CairoCanvas, _ layout: ECGLayout, header: [String], height: Double) {
    guard let size = layout.textSize else { return }
    for (row, line) in header.prefix(3).enumerated() {
      canvas.drawText(
        line, x: layout.millimetre.x * 2, y: size * (1.5 + 1.3 * Double(row)), size: size, colour: paper.ink)
    }
    let y = height - 0.5 * layout.pixelsPerMillivolt
    let second = layout.pixelsPerSecond
    canvas.drawText("\(Self.short(paper.speed)) mm/s", x: 2 * second, y: y, size: size, colour: paper.ink)
    canvas.drawText("\(Self.short(paper.gain)) mm/mV", x: 4 * second, y: y, size: size, colour: paper.ink)
  }

  /// A number without a needless decimal point.
  private static func short(_ value: Double) -> String {
    value == value.rounded() ? String(Int(value)) : String(value)
  }
}
