import Cardiology
import Evaluation
import Tensors

/// A picture of plans between image tokens: which token of the student draws its mass from which region of the teacher's
/// image, over the ECG both have seen; below each plan its mass from lead to lead, and at the foot the confusion of many
/// records.
public struct TransportFigure {
  /// One plan over the ECG.
  public struct Panel {
    public var title: String
    /// [teacher tokens, student tokens]; nil where the run has none, which the notes then explain.
    public var plan: Tensor<Float>?
    /// Lines beside the heat map.
    public var notes: [String]

    public init(title: String, plan: Tensor<Float>?, notes: [String]) {
      self.title = title
      self.plan = plan
      self.notes = notes
    }
  }

  /// Confusion of one kind of plan over many records, a bar for each student.
  public struct BarGroup {
    public var title: String
    public var bars: [(name: String, estimate: Estimate)]

    public init(title: String, bars: [(name: String, estimate: Estimate)]) {
      self.title = title
      self.bars = bars
    }
  }

  public var title: String
  public var subtitle: String
  /// The recording as the models saw it.
  public var record: ECGRecord
  public var geometry: PlanGeometry
  public var panels: [Panel]
  public var barTitle: String
  public var bars: [BarGroup]

  public init(
    title: String, subtitle: String, record: ECGRecord, geometry: PlanGeometry, panels: [Panel], barTitle: String,
    bars: [BarGroup]
  ) {
    self.title = title
    self.subtitle = subtitle
    self.record = record
    self.geometry = geometry
    self.panels = panels
    self.barTitle = barTitle
    self.bars = bars
  }

  static let margin = 50.0
  static let panelSide = 880.0
  private static let heading = 230.0
  private static let heatMapHeight = 590.0
  private static let barHeight = 46.0

  /// Draws it, 1,860 pixels wide with two panels.
  /// - Throws: `UserError` where the recording cannot be drawn.
  public func image() throws -> RasterImage {
    let count = Double(panels.count)
    let width = Self.margin + count * (Self.panelSide + Self.margin)
    let barRows = Double(bars.reduce(0) { $0 + $1.bars.count })
    let top = Self.heading
    let middle = top + Self.panelSide + 30
    let foot = middle + Self.heatMapHeight
    let height = foot + 90 + barRows * Self.barHeight + 70
    let canvas = try CairoCanvas(width: Int(width), height: Int(height))
    drawHeading(on: canvas)
    for (number, panel) in panels.enumerated() {
      let left = Self.margin + Double(number) * (Self.panelSide + Self.margin)
      canvas.drawText(panel.title, x: left, y: top - 18, size: 28, colour: Palette.ink, isBold: true)
      guard let plan = panel.plan else {
        for (row, line) in panel.notes.enumerated() {
          canvas.drawText(line, x: left, y: top + 30 + 34 * Double(row), size: 22, colour: Palette.faint)
        }
        continue
      }
      let confusion = geometry.confusion(of: plan)
      canvas.drawText(
        "lead confusion " + Self.number(confusion.value), x: left + Self.panelSide, y: top - 18, size: 28,
        colour: Palette.ink, isBold: true, anchor: .end)
      try drawPlan(plan, on: canvas, left: left, top: top)
      drawHeatMap(confusion, geometry.uniform, notes: panel.notes, on: canvas, left: left, top: middle)
    }
    drawBars(on: canvas, top: foot + 20, width: width, rowHeight: Self.barHeight)
    return try canvas.image()
  }

  private func drawHeading(on canvas: CairoCanvas) {
    let left = Self.margin
    canvas.drawText(title, x: left, y: 58, size: 36, colour: Palette.ink, isBold: true)
    canvas.drawText(subtitle, x: left, y: 94, size: 22, colour: Palette.faint)
    var (x, y) = (left, 134.0)
    for (colour, text) in [(Palette.own, "from its own lead"), (Palette.crossing, "from another lead")] {
      drawArrow(on: canvas, from: (x, y - 7), control: (x + 30, y - 21), to: (x + 62, y - 7), width: 4, colour: colour)
      canvas.drawText(text, x: x + 74, y: y, size: 21, colour: Palette.ink)
      x += 100 + canvas.textWidth(text, size: 21)
    }
    canvas.fillRectangle(x: x, y: y - 18, width: 44, height: 24, colour: Palette.compared, opacity: 0.35)
    canvas.drawText(
      "spread: no lead gives a token clearly more than the uniform plan would", x: x + 56, y: y, size: 21,
      colour: Palette.ink)
    y += 32
    canvas.drawText(
      "Arrows lead to a student token from the centre of what one lead of the teacher's image gives it, where that is "
        + "\(PlanFlow.clearLift) times the uniform plan's share or more.",
      x: left, y: y, size: 21, colour: Palette.faint)
  }

  static func number(_ value: Double?) -> String { TextTable.decimals(value, 3) }

  static func percent(_ value: Double) -> String { TextTable.decimals(100 * value, 0) + "%" }
}

/// The figure's colours; own and crossing can be told apart by colour-blind readers too.
enum Palette {
  static let ink = ECGPaper.Colour(0.13, 0.13, 0.16)
  static let faint = ECGPaper.Colour(0.38, 0.38, 0.42)
  static let line = ECGPaper.Colour(0.75, 0.75, 0.78)
  static let own = ECGPaper.Colour(0.00, 0.45, 0.46)
  static let crossing = ECGPaper.Colour(0.83, 0.33, 0.00)
  static let heat = ECGPaper.Colour(0.13, 0.22, 0.48)
  static let frame = ECGPaper.Colour(0.30, 0.33, 0.55)
  static let compared = ECGPaper.Colour(0.60, 0.62, 0.68)
}
